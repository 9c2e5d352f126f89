// Command attacks is a hostile guest: every function tries to harm its host or its neighbours in one way, and returns the
// error that stopped it.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"unsafe"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	floodLogsRemote   = ray.Remote0(floodLogs)
	floodStdoutRemote = ray.Remote0(floodStdout)
	floodPutsRemote   = ray.Remote1(floodPuts)
	refsRemote        = ray.Remote1(refs)
	keepLinksRemote   = ray.Remote1(keepLinks)
	passRemote        = ray.Remote1(pass)
	waitsRemote       = ray.Remote0(waits)
	returnMuchRemote  = ray.Remote1(returnMuch)
	failMuchRemote    = ray.Remote1(failMuch)
	noopRemote        = ray.Remote1(noop)
	floodTasksRemote  = ray.Remote2(floodTasks)
	shapesRemote      = ray.Remote0(shapes)
	cancelsRemote     = ray.Remote1(cancels)
	floodActorsRemote = ray.Remote0(floodActors)
	liesRemote        = ray.Remote1(tellLies)
	forgeRemote       = ray.Remote1(forge)
	allocateRemote    = ray.Remote0(allocate)
	recurseRemote     = ray.Remote1(recurse)
	spinRemote        = ray.Remote0(spin)
	getForeverRemote  = ray.Remote0(getForever)
	abandonRemote     = ray.Remote1(abandon)
	filesRemote       = ray.Remote1(files)
	watchRemote       = ray.Remote2(watch)
	environmentRemote = ray.Remote0(environment)

	idlers   = ray.Actor0(newIdler)
	idle     = ray.Method0((*idler).Idle)
	spinners = ray.Actor0(newSpinner)
)

// These call themselves: as initialisers they would depend on themselves.
var nestRemote ray.Function0[int]

func init() { nestRemote = ray.Remote0(nest) }

// at is where a slice lies in this guest's memory.
func at[E any](s []E) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(s)))) }

func floodLogs() (int, error) {
	text := make([]byte, 64<<10)
	for {
		if status := rawLog(8, at(text), uint32(len(text))); status < 0 {
			return 0, refusal(int64(status))
		}
	}
}

func floodStdout() (int, error) {
	line := strings.Repeat("x", 1<<20) // no newline
	for {
		if _, err := os.Stdout.WriteString(line); err != nil {
			return 0, err
		}
	}
}

// floodPuts keeps every ref.
func floodPuts(size int) (int, error) {
	value := make([]byte, size)
	for {
		if status := rawPut(at(value), uint32(size), 0, 0); status < 0 {
			return 0, refusal(int64(status))
		}
	}
}

// refs returns n refs.
func refs(n int) ([]ray.Ref[int], error) {
	all := make([]ray.Ref[int], n)
	for i := range all {
		var err error
		if all[i], err = ray.Put(i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// keepLinks takes handles of what one value contains, again and again: many handles, few objects.
func keepLinks(refs []ray.Ref[int]) (int, error) {
	value := rawArg(0)
	handles := make([]uint32, len(refs))
	for {
		if status := rawLinks(uint32(value), at(handles), uint32(len(handles))); status < 0 {
			return 0, refusal(int64(status))
		}
	}
}

// pass passes arguments to a call that it never submits.
func pass(size int) (int, error) {
	value := make([]byte, size)
	for {
		if status := rawPassValue(at(value), uint32(size), 0, 0); status < 0 {
			return 0, refusal(int64(status))
		}
	}
}

// waits waits for one thing a million times at once.
func waits() (int, error) {
	one := rawPut(1024, 1, 0, 0)
	handles, ready := make([]uint32, 1<<20), make([]byte, 1<<20)
	for i := range handles {
		handles[i] = uint32(one)
	}
	if status := rawWait(at(handles), uint32(len(handles)), uint32(len(handles)), -1, at(ready)); status < 0 {
		return 0, refusal(int64(status))
	}
	return len(handles), nil
}

// returnMuch returns more than there is room for.
func returnMuch(size int) (int, error) {
	value := make([]byte, size)
	for {
		if status := rawRet(at(value), uint32(size), 0, 0); status < 0 {
			return 0, refusal(int64(status))
		}
	}
}

// failMuch makes errors as large as they get, keeping them all.
func failMuch(n int) (int, error) {
	text := strings.Repeat("e", 60<<10)
	err := errors.New(text)
	for range 10 {
		err = fmt.Errorf("%s %w", text[:4<<10], err)
	}
	if n == 0 {
		return 0, err
	}
	refs := make([]ray.Ref[int], n)
	for i := range refs {
		refs[i] = ray.Named[int]("failMuch").With(ray.Retries(0)).Remote(0)
	}
	full := 0
	for _, r := range refs {
		switch _, err := r.Get(); {
		case errors.Is(err, ray.ObjectStoreFull):
			full++
		case !errors.Is(err, ray.TaskError):
			return full, fmt.Errorf("neither full nor failed: %w", err)
		}
	}
	return full, nil
}

func noop(b []byte) (int, error) { return len(b), nil }

// floodTasks submits without end, each with a value; held says whether the tasks wait for something that never is.
func floodTasks(size int, held bool) (int, error) {
	value := make([]byte, size)
	never := spinRemote.Remote()
	for {
		var err error
		if held {
			err = ray.Named[int]("noop").Remote(value, never).Err()
		} else {
			err = noopRemote.Remote(value).Err()
		}
		if err != nil {
			return 0, err
		}
	}
}

// shapes submits tasks no two of which ask for the same, while the CPUs are busy.
func shapes() (int, error) {
	spinRemote.Remote()
	for i := 1; ; i++ {
		if err := noopRemote.With(ray.Priority(-i)).Remote(nil).Err(); err != nil {
			return 0, err
		}
	}
}

// cancels submits tasks that wait for something that never is, and cancels them.
func cancels(size int) (int, error) {
	value := make([]byte, size)
	never := spinRemote.Remote()
	for {
		r := ray.Named[int]("noop").Remote(value, never)
		if err := r.Err(); err != nil {
			return 0, err
		}
		if err := ray.Cancel(r); err != nil {
			return 0, err
		}
		r.Release()
	}
}

func nest() (int, error) { return nestRemote.Remote().Get() }

// poll asks for a result again and again and never waits for it.
func poll() (int, error) {
	r := noopRemote.Remote(nil)
	for {
		if n, err := r.GetWithin(0); !errors.Is(err, ray.GetTimeout) {
			return n, err
		}
	}
}

var _ = ray.Remote0(poll)

type idler struct{}

func newIdler() (*idler, error) { return &idler{}, nil }

func (*idler) Idle() (int, error) { return 1, nil }

// floodActors makes actors and keeps their handles.
func floodActors() (int, error) {
	var kept []ray.Handle[*idler]
	for {
		a := idlers.Remote()
		if err := a.Err(); err != nil {
			return len(kept), err
		}
		kept = append(kept, a)
	}
}

type spinner struct{}

func newSpinner() (*spinner, error) {
	for {
	}
}

// tellLies makes every claim and returns, for each, what the host said.
func tellLies(string) (map[string]int64, error) {
	said := make(map[string]int64)
	for _, lie := range lies {
		for _, c := range claims(lie) {
			said[fmt.Sprintf("%s, %#x", c.name, lie)] = c.call()
		}
	}
	return said, nil
}

// forge tries handles that it was never given, and returns how many did something.
func forge(tries int) (int, error) {
	hits := 0
	buf := make([]byte, 1024)
	one := make([]uint32, 1)
	own := uint32(rawArg(0))
	for range tries {
		h := rand.Uint32()
		switch rand.IntN(3) {
		case 0:
			h &= 0xffff // what a table gives first
		case 1:
			h &= 1<<30 - 1
		}
		if h == own {
			continue
		}
		one[0] = h
		for _, result := range []int64{
			rawSize(h), int64(rawRead(h, 0, at(buf), uint32(len(buf)))), int64(rawLinks(h, at(buf), 16)), int64(rawRelease(h)),
			int64(rawGet(at(one), 1, 0)), int64(rawWait(at(one), 1, 1, 0, at(buf))), int64(rawPassRef(h)), int64(rawCancel(h, 3)),
			int64(rawActorCall(h, at(buf), 1, 0, 0, 0, 0)), int64(rawActorKill(h, 1)), int64(rawPut(at(buf), 1, at(one), 1)),
		} {
			if result >= 0 {
				hits++
			}
		}
	}
	return hits, nil
}

var kept [][]byte

func allocate() (int, error) {
	for {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 1 << 10 {
			b[i] = 1
		}
		kept = append(kept, b)
	}
}

//go:noinline
func recurse(n int) (int, error) {
	below, err := recurse(n + 1)
	return below + 1, err
}

func spin() (int, error) {
	for {
	}
}

func getForever() (int, error) { return spinRemote.Remote().Get() }

// abandon leaves in the middle of everything.
func abandon(how string) (int, error) {
	value := make([]byte, 50_000)
	for range 100 {
		h := rawPut(at(value), uint32(len(value)), 0, 0)
		list := []uint32{uint32(h)}
		rawPassValue(at(value), uint32(len(value)), at(list), 1)
		rawPassRef(uint32(h))
		rawRet(at(value), uint32(len(value)), at(list), 1)
	}
	switch how {
	case "exit":
		os.Exit(7)
	case "trap":
		*(*int)(unsafe.Add(nil, -8)) = 1
	}
	spinRemote.Remote()
	return 0, errors.New("left with a child that runs")
}

// files returns what can be read of each path, or the error.
func files(paths []string) (map[string]string, error) {
	found := make(map[string]string)
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			b = []byte("error: " + err.Error())
		}
		found[p] = string(b)
		if entries, err := os.ReadDir(p); err == nil {
			for _, e := range entries {
				found[p] += " " + e.Name()
			}
		}
		if target, err := os.Readlink(p); err == nil {
			found[p] += " -> " + target
		}
		for _, change := range []func() error{
			func() error { return os.WriteFile(p, []byte("changed"), 0o600) },
			func() error { return os.Remove(p) },
			func() error { return os.Rename(p, p+".moved") },
			func() error { return os.Symlink("/etc/passwd", p+".link") },
			func() error { return os.Mkdir(p+".dir", 0o700) },
			func() error { return os.Truncate(p, 0) },
		} {
			if change() == nil {
				found[p] += " CHANGED"
			}
		}
	}
	return found, nil
}

// watch reads a path many times and returns each different thing that was there.
func watch(path string, times int) ([]string, error) {
	seen := make(map[string]bool)
	var all []string
	for range times {
		b, err := os.ReadFile(path)
		var pe *fs.PathError
		if errors.As(err, &pe) {
			b = []byte("error: " + pe.Err.Error())
		}
		if s := string(b); !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	return all, nil
}

// environment returns all that a guest can know of where it runs.
func environment() ([]string, error) {
	all := append(os.Environ(), os.Args...)
	if host, err := os.Hostname(); err == nil {
		all = append(all, host)
	}
	if dir, err := os.Getwd(); err == nil {
		all = append(all, dir)
	}
	return all, nil
}

// main is the driver: it attacks as its first argument says, as a task would.
func main() {
	if len(os.Args) < 2 {
		return
	}
	var err error
	switch os.Args[1] {
	case "puts":
		_, err = floodPuts(100)
	case "tasks":
		_, err = floodTasks(10_000, true)
	case "spin":
		_, err = spin()
	case "stdout":
		_, err = floodStdout()
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
