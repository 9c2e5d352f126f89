// Acts is the program that the scripts submit: it performs the act that its first argument names.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

func main() {
	name := strings.Join(os.Args[1:min(2, len(os.Args))], "")
	act, ok := acts[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "acts: there is no act %q of %v\n", name, slices.Sorted(maps.Keys(acts)))
		os.Exit(1)
	}
	if err := act(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "acts:", err)
		var fault *ray.Fault
		if errors.As(err, &fault) {
			fmt.Fprint(os.Stderr, fault.Detail())
		}
		os.Exit(1)
	}
}

var acts = map[string]func(args []string) error{
	"echo": echo, "env": env, "read": read, "exit": exit, "unfinished": unfinished, "tell": tell, "retry": retry,
	"crash": crash, "trap": trap, "log": log, "spin": spin, "leave": leave, "tally": tally, "hoard": hoard, "crowd": crowd,
}

// hoard keeps objects of 1 MiB, as many as its argument says, and reads them all.
func hoard(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var refs []ray.Ref[[]byte]
	for i := range n {
		ref, err := ray.Put(bytes.Repeat([]byte{byte(i)}, 1<<20))
		if err != nil {
			return err
		}
		refs = append(refs, ref)
	}
	for i, ref := range refs {
		b, err := ref.Get()
		if err != nil {
			return err
		}
		if !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, 1<<20)) {
			return fmt.Errorf("object %d reads differently", i)
		}
	}
	fmt.Println("all", n)
	return nil
}

// echo prints its arguments, one a line.
func echo(args []string) error {
	for _, arg := range args {
		fmt.Println(arg)
	}
	return nil
}

// env prints variables as the driver and as a task see them, and how many there are.
func env(names []string) error {
	for _, name := range names {
		there, err := lookupRemote.Remote(name).Get()
		if err != nil {
			return err
		}
		fmt.Printf("%s=%s, in a task %s\n", name, os.Getenv(name), there)
	}
	fmt.Println(len(os.Environ()), "variables")
	return nil
}

func lookup(name string) (string, error) { return os.Getenv(name), nil }

// read prints files.
func read(names []string) error {
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		os.Stdout.Write(text)
	}
	return nil
}

// exit ends the driver with a status.
func exit(args []string) error {
	status, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	os.Exit(status)
	return nil
}

// unfinished leaves a line of stderr unfinished.
func unfinished([]string) error {
	fmt.Fprint(os.Stderr, "no newline")
	return nil
}

// tell lets a task and an actor write.
func tell([]string) error {
	if _, err := sayRemote.Remote("hello").Get(); err != nil {
		return err
	}
	_, err := greet.Remote(greeters.Remote(), "world").Get()
	return err
}

func say(text string) (ray.None, error) {
	fmt.Println(text)
	fmt.Fprintln(os.Stderr, text, "on stderr")
	return ray.None{}, nil
}

// Greeter is an actor's state.
type Greeter struct{}

// NewGreeter is the constructor.
func NewGreeter() (*Greeter, error) { return &Greeter{}, nil }

// Greet writes a line.
func (*Greeter) Greet(whom string) (ray.None, error) {
	fmt.Println("greetings,", whom)
	return ray.None{}, nil
}

// retry runs a task whose first attempt crashes.
func retry([]string) error {
	attempt, err := secondTimeLucky.Remote().Get()
	fmt.Println("attempt", attempt)
	return err
}

func crashFirst() (int, error) {
	attempt := ray.Self().Attempt
	if attempt == 0 {
		os.Exit(1)
	}
	return attempt, nil
}

// crash runs a task that ends its own sandbox, and reports it.
func crash([]string) error {
	_, err := crashRemote.Remote().Get()
	return err
}

func lastWords() (ray.None, error) {
	fmt.Fprintln(os.Stderr, "the reactor is too hot")
	os.Exit(3)
	return ray.None{}, nil
}

// trap reads beyond the driver's memory.
func trap([]string) error {
	fmt.Fprintln(os.Stderr, "about to trap")
	const beyond = 0xfffffff0
	fmt.Println(*(*int64)(unsafe.Pointer(uintptr(beyond))))
	return nil
}

// log writes to the job's log.
func log([]string) error {
	ray.Logger().Info("counted", "words", 7)
	return nil
}

// spin waits for two tasks that never end, with an actor at its side.
func spin([]string) error {
	greeter := greeters.Remote()
	if _, err := greet.Remote(greeter, "spinner").Get(); err != nil {
		return err
	}
	tasks := []ray.Ref[ray.None]{foreverRemote.Remote(), foreverRemote.Remote()}
	fmt.Println("submitted")
	_, err := ray.GetAll(tasks)
	greeter.Release()
	return err
}

// crowd has, on a node of 3 CPUs, one of everything that commands tell of from outside, and waits for ever: two placement groups,
// of which one has its place, an actor, an object of 1 MiB, and tasks that run and wait.
func crowd([]string) error {
	placed, err := ray.PlacementGroup(ray.GroupOptions{Name: "placed", Bundles: []ray.Bundle{{CPUs: 1, Memory: 64 << 20}}})
	if err != nil {
		return err
	}
	if err := placed.Wait(time.Minute); err != nil {
		return err
	}
	if _, err := ray.PlacementGroup(ray.GroupOptions{Name: "later", Bundles: []ray.Bundle{{CPUs: 1}, {CPUs: 2}}, Strategy: ray.StrategyStrictPack}); err != nil {
		return err
	}
	greeter := greeters.With(ray.ActorName("doorman")).Remote()
	greeted := greet.Remote(greeter, "crowd")
	if _, err := greeted.Get(); err != nil {
		return err
	}
	greeted.Release()
	large, err := ray.Put(make([]byte, 1<<20))
	if err != nil {
		return err
	}
	inGroup := foreverRemote.With(ray.InPlacementGroup(placed)).Remote()
	runs := []ray.Ref[ray.None]{inGroup, foreverRemote.Remote(), foreverRemote.Remote()}
	waits := measureRemote.RemoteRefs(large)
	fmt.Println("submitted")
	_, err = ray.GetAll(runs)
	waits.Release()
	greeter.Release()
	return err
}

func measure(b []byte) (int, error) { return len(b), nil }

// leave ends while a task of it waits for ever.
func leave([]string) error {
	foreverRemote.Remote()
	fmt.Println("left")
	return nil
}

func forever() (ray.None, error) {
	fmt.Println("spinning")
	for i := 0; ; i++ {
	}
}

var (
	lookupRemote    = ray.Remote1(lookup)
	sayRemote       = ray.Remote1(say, ray.CPUs(0.5), ray.Retries(0))
	secondTimeLucky = ray.Remote0(crashFirst)
	crashRemote     = ray.Remote0(lastWords, ray.Retries(0))
	measureRemote   = ray.Remote1(measure)
	foreverRemote   = ray.Remote0(forever, ray.Memory(64<<20))

	greeters = ray.Actor0(NewGreeter, ray.MaxRestarts(2))
	greet    = ray.Method1((*Greeter).Greet)

	talliers = ray.Actor0(NewTally, ray.ActorName("tally"), ray.GetIfExists(), ray.Detached(), ray.CheckpointEvery(1))
	countOne = ray.Method0((*Tally).One)
)

// tally adds one to the detached actor's count and prints it.
func tally([]string) error {
	n, err := countOne.Remote(talliers.Remote()).Get()
	if err == nil {
		fmt.Println(n)
	}
	return err
}

// Tally is an actor that counts.
type Tally struct{ n int }

// NewTally is the constructor.
func NewTally() (*Tally, error) { return &Tally{}, nil }

// One adds one.
func (t *Tally) One() (int, error) {
	t.n++
	return t.n, nil
}
