// Command guest is the driver that the benchmark runs: it times calls as a guest's author sees them, and prints a JSON
// object per measurement.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

func next(x int) (int, error) { return x + 1, nil }

// Counter is the actor that is called.
type Counter struct{ n int }

// NewCounter starts at zero.
func NewCounter() (*Counter, error) { return &Counter{}, nil }

// Inc counts one call.
func (c *Counter) Inc() (int, error) {
	c.n++
	return c.n, nil
}

var (
	nextRemote = ray.Remote1(next)
	counters   = ray.Actor0(NewCounter)
	inc        = ray.Method0((*Counter).Inc)
)

// window is how many refs the driver holds before it takes the oldest result, as a careful program would.
const window = 10_000

// pipelined submits n calls and takes every result in order; check says whether the i-th is right.
func pipelined(n int, submit func(i int) ray.Ref[int]) {
	refs := make([]ray.Ref[int], 0, n)
	take := func(i int) {
		v, err := refs[i].Get()
		if err != nil || v != i+1 {
			fmt.Fprintf(os.Stderr, "call %d: %d, %v\n", i, v, err)
			os.Exit(1)
		}
		refs[i].Release()
	}
	for i := range n {
		refs = append(refs, submit(i))
		if i >= window {
			take(i - window)
		}
	}
	for i := max(0, n-window); i < n; i++ {
		take(i)
	}
}

func measure(name string, n int, run func()) {
	begin := time.Now()
	run()
	out, err := json.Marshal(map[string]any{"name": name, "calls": n, "seconds": time.Since(begin).Seconds()})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(out))
}

func main() {
	tasks := flag.Int("tasks", 50_000, "tasks, pipelined")
	calls := flag.Int("calls", 10_000, "actor calls, pipelined")
	sync := flag.Int("sync", 2_000, "tasks and actor calls one after the other")
	flag.Parse()

	pipelined(100, func(i int) ray.Ref[int] { return nextRemote.Remote(i) }) // warm-up
	measure("task, submit + get", *sync, func() {
		for i := range *sync {
			if v, err := nextRemote.Remote(i).Get(); err != nil || v != i+1 {
				fmt.Fprintln(os.Stderr, v, err)
				os.Exit(1)
			}
		}
	})
	measure("tasks, pipelined", *tasks, func() {
		pipelined(*tasks, func(i int) ray.Ref[int] { return nextRemote.Remote(i) })
	})
	c := counters.Remote()
	if _, err := inc.Remote(c).Get(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	measure("actor call, submit + get", *sync, func() {
		for range *sync {
			if _, err := inc.Remote(c).Get(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	})
	fresh := counters.Remote()
	measure("actor calls, pipelined", *calls, func() {
		pipelined(*calls, func(int) ray.Ref[int] { return inc.Remote(fresh) })
	})
}
