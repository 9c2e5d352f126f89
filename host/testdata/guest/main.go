// Command guest is what the host's tests run: functions and an actor that behave and misbehave on demand.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	addRemote       = ray.Remote2(add)
	crashRemote     = ray.Remote1(crash)
	spinRemote      = ray.Remote1(spin)
	lengthRemote    = ray.Remote1(length)
	spinBelowRemote = ray.Remote0(spinBelow)
	makeRemote      = ray.Remote1(make_)
	doubleRemote    = ray.Remote1(double)
	stampedRemote   = ray.Remote2(stamped)
	attemptRemote   = ray.Remote1(attempt)
	selfRemote      = ray.Remote0(self)
	nestedRefs      = ray.Remote1(sumRefs)
	allocateRemote  = ray.Remote1(allocate)
	recurseRemote   = ray.Remote1(recurse)
	useActorRemote  = ray.Remote2(useActor)
	feedRemote      = ray.Remote2(feed)

	counters  = ray.Actor1(NewCounter)
	inc       = ray.Method1((*Counter).Inc)
	crashIn   = ray.Method1((*Counter).Crash)
	waitFor   = ray.Method1((*Counter).WaitFor)
	keep      = ray.Method1((*Counter).Keep)
	kept      = ray.Method0((*Counter).Kept)
	bigObject []byte
)

// These call themselves: as initialisers they would depend on themselves.
var (
	nestRemote ray.Function1[int, int]
	failRemote ray.Function1[string, int]
)

func init() {
	nestRemote = ray.Remote1(nest)
	failRemote = ray.Remote1(fail)
}

func add(a, b int) (int, error) { return a + b, nil }

// nest calls itself depth times, each level waiting for the next.
func nest(depth int) (int, error) {
	if depth == 0 {
		return 0, nil
	}
	below, err := nestRemote.Remote(depth - 1).Get()
	return below + 1, err
}

// crash ends the sandbox in the way asked for.
func crash(how string) (int, error) {
	switch how {
	case "exit":
		os.Exit(3)
	case "panic in a goroutine":
		go panic("nobody recovers this")
		time.Sleep(time.Second)
	case "deadlock":
		select {}
	}
	return 0, nil
}

type myError struct{ Code int }

func (e *myError) Error() string { return fmt.Sprintf("code %d", e.Code) }

func fail(how string) (int, error) {
	switch how {
	case "error":
		return 0, fmt.Errorf("outer: %w", &myError{7})
	case "panic":
		var p *myError
		return p.Code, nil
	case "remote":
		return failRemote.Remote("error").Get()
	}
	return 0, errors.New(how)
}

func spin(forever bool) (int, error) {
	n := 0
	for forever {
		n++
	}
	return n, nil
}

// spinBelow waits for a task that never ends.
func spinBelow() (int, error) { return ray.Named[int]("spin").Remote(true).Get() }

func length(b []byte) (int, error) { return len(b), nil }

func make_(n int) ([]byte, error) { return make([]byte, n), nil }

// stamped returns n bytes, each of them stamp.
func stamped(n, stamp int) ([]byte, error) { return bytes.Repeat([]byte{byte(stamp)}, n), nil }

// double returns what it was given twice, one after the other.
func double(b []byte) ([]byte, error) { return append(b, b...), nil }

// attempt exits until it runs for the n-th time.
func attempt(n int) (int, error) {
	if a := int(ray.Self().Attempt); a < n {
		os.Exit(0)
	}
	return n, nil
}

func self() (map[string]string, error) {
	s := ray.Self()
	return map[string]string{"job": s.Job, "task": s.Task, "node": s.Node, "namespace": s.Namespace, "env": os.Getenv("HOST_TEST")}, nil
}

func sumRefs(refs []ray.Ref[int]) (int, error) {
	values, err := ray.GetAll(refs)
	sum := 0
	for _, v := range values {
		sum += v
	}
	return sum, err
}

func allocate(mib int) (int, error) {
	bigObject = make([]byte, mib<<20)
	for i := range bigObject {
		bigObject[i] = 1
	}
	return len(bigObject), nil
}

//go:noinline
func recurse(n int) (int, error) {
	below, err := recurse(n + 1)
	return below + 1, err
}

// Counter is an actor's state.
type Counter struct {
	n    int
	kept []ray.Ref[int]
}

// NewCounter makes one, or fails for a negative start.
func NewCounter(start int) (*Counter, error) {
	if start < 0 {
		return nil, &myError{start}
	}
	return &Counter{n: start}, nil
}

// Inc adds and returns the sum.
func (c *Counter) Inc(by int) (int, error) {
	c.n += by
	return c.n, nil
}

// Crash ends the actor's sandbox.
func (c *Counter) Crash(status int) (int, error) {
	os.Exit(status)
	return 0, nil
}

// WaitFor waits for a ref that it is given inside a list.
func (c *Counter) WaitFor(refs []ray.Ref[int]) (int, error) {
	return refs[0].Get()
}

// Keep keeps refs from call to call, and returns how many it has.
func (c *Counter) Keep(refs []ray.Ref[int]) (int, error) {
	c.kept = append(c.kept, refs...)
	return len(c.kept), nil
}

// Kept returns the sum of what it keeps.
func (c *Counter) Kept() (int, error) { return sumRefs(c.kept) }

// useActor calls an actor whose handle it was given.
func useActor(c ray.Handle[*Counter], times int) (int, error) {
	last := 0
	for range times {
		n, err := inc.Remote(c, 1).Get()
		if err != nil {
			return 0, err
		}
		last = n
	}
	return last, nil
}

// feed gives an actor a ref to keep, the only one to its object once feed has returned.
func feed(c ray.Handle[*Counter], value int) (int, error) {
	ref, err := ray.Put(value)
	if err != nil {
		return 0, err
	}
	return keep.Remote(c, []ray.Ref[int]{ref}).Get()
}

// main runs what its first argument says.
func main() {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case "tasks": // many tiny tasks, every result seen once
		var n int
		fmt.Sscan(os.Args[2], &n)
		refs := make([]ray.Ref[int], n)
		for i := range refs {
			refs[i] = addRemote.Remote(i, 1)
		}
		seen := make([]bool, n+1)
		for _, r := range refs {
			v, err := r.Get()
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			if seen[v] {
				fmt.Fprintln(os.Stderr, "twice:", v)
				os.Exit(1)
			}
			seen[v] = true
			r.Release()
		}
		fmt.Println("all", n)
	case "calls": // many calls of one actor
		var n int
		fmt.Sscan(os.Args[2], &n)
		c := counters.Remote(0)
		refs := make([]ray.Ref[int], n)
		for i := range refs {
			refs[i] = inc.Remote(c, 1)
		}
		for i, r := range refs {
			if v, err := r.Get(); err != nil || v != i+1 {
				fmt.Fprintln(os.Stderr, i, v, err)
				os.Exit(1)
			}
		}
		fmt.Println("all", n)
	case "exit":
		os.Exit(3)
	case "spin":
		_, _ = spin(true)
	case "files":
		b, err := os.ReadFile(os.Args[2])
		fmt.Println(string(b), err)
	}
}
