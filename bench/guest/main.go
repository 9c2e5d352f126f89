// Command guest is the driver that the benchmark runs: it times calls as a guest's author sees them, and prints a JSON
// object per measurement.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
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

// Later waits, in a call of a method, for a task.
func (c *Counter) Later(x int) (int, error) { return nextRemote.Remote(x).Get() }

var (
	nextRemote = ray.Remote1(next)
	counters   = ray.Actor0(NewCounter)
	inc        = ray.Method0((*Counter).Inc)
	later      = ray.Method1((*Counter).Later)
)

// window is how many refs the driver holds before it takes the oldest result, as a careful program would.
const window = 10_000

// pipelined submits n calls and takes every result in order, the number after its own.
func pipelined(n int, submit func(i int) ray.Ref[int]) {
	held := min(n, window)
	refs := make([]ray.Ref[int], held)
	for i := range n + held {
		if taken := i - held; taken >= 0 {
			r := refs[i%held]
			v, err := r.Get()
			if err != nil || v != taken+1 {
				fmt.Fprintf(os.Stderr, "call %d: %d, %v\n", taken, v, err)
				os.Exit(1)
			}
			r.Release()
		}
		if i < n {
			refs[i%held] = submit(i)
		}
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

// hello is the shortest job: one task, and what it returns.
func hello() {
	v, err := nextRemote.Remote(1).Get()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("hello", v)
}

// ask calls an actor and waits for the result.
func ask(c ray.Handle[*Counter]) {
	if _, err := inc.Remote(c).Get(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// crowd makes n actors that live all at once and calls each, and then some of them again, one after the other.
func crowd(n, wakeUps int) {
	all := make([]ray.Handle[*Counter], n)
	measure("actors made", n, func() {
		for i := range all {
			all[i] = counters.Remote()
			ask(all[i])
		}
	})
	pick := rand.New(rand.NewPCG(1, 2))
	measure("call of any", wakeUps, func() {
		for range wakeUps {
			ask(all[pick.IntN(n)])
		}
	})
}

// sleep holds its CPU until it is cancelled, and computes nothing.
func sleep() (int, error) {
	time.Sleep(time.Hour)
	return 0, nil
}

var _ = ray.Remote0(sleep)

// refsOf puts n objects and returns one that contains them all.
func refsOf(n int) ([]ray.Ref[int], error) {
	refs := make([]ray.Ref[int], n)
	for i := range refs {
		var err error
		if refs[i], err = ray.Put(i); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

var refsOfRemote = ray.Remote1(refsOf)

// crowdOfCalls measures, as often as rounds says, n calls of an actor that each wait for a task: one after the other, and all
// at once.
func crowdOfCalls(n, rounds int) {
	one, many := counters.Remote(), counters.With(ray.MaxConcurrency(n)).Remote()
	ask(one)
	ask(many)
	for range rounds {
		measure("actor calls that wait for a task, one at a time", n, func() {
			pipelined(n, func(i int) ray.Ref[int] { return later.Remote(one, i) })
		})
		measure("actor calls that wait for a task, all at once", n, func() {
			pipelined(n, func(i int) ray.Ref[int] { return later.Remote(many, i) })
		})
	}
}

// crowdOfRefs measures, as often as rounds says, a get of an object that contains many refs; then n tasks and a wait for
// the first of them, for the first of the rest, and so on.
func crowdOfRefs(many, n, rounds int) {
	all := refsOfRemote.Remote(many)
	if _, err := ray.GetAll([]ray.Ref[[]ray.Ref[int]]{all}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for range rounds {
		measure("get of an object with many refs", 1, func() {
			refs, err := all.Get()
			if err != nil || len(refs) != many {
				fmt.Fprintln(os.Stderr, len(refs), err)
				os.Exit(1)
			}
			for _, r := range refs {
				r.Release()
			}
		})
	}
	for range rounds {
		rest := make([]ray.Ref[int], n)
		measure("many tasks, waited for one by one", 1, func() {
			for i := range rest {
				rest[i] = nextRemote.Remote(i)
			}
			for len(rest) > 0 {
				ready, others, err := ray.Wait(rest, 1, ray.Forever)
				if err != nil || len(ready) != 1 {
					fmt.Fprintln(os.Stderr, len(ready), err)
					os.Exit(1)
				}
				ready[0].Release()
				rest = others
			}
		})
	}
}

// calls measures tasks and actor calls: some pipelined, some one after the other.
func calls(tasks, actorCalls, sync int) {
	pipelined(100, func(i int) ray.Ref[int] { return nextRemote.Remote(i) }) // warm-up
	measure("task, submit + get", sync, func() {
		for i := range sync {
			if v, err := nextRemote.Remote(i).Get(); err != nil || v != i+1 {
				fmt.Fprintln(os.Stderr, v, err)
				os.Exit(1)
			}
		}
	})
	measure("tasks, pipelined", tasks, func() {
		pipelined(tasks, func(i int) ray.Ref[int] { return nextRemote.Remote(i) })
	})
	c := counters.Remote()
	ask(c)
	measure("actor call, submit + get", sync, func() {
		for range sync {
			ask(c)
		}
	})
	fresh := counters.Remote()
	measure("actor calls, pipelined", actorCalls, func() {
		pipelined(actorCalls, func(int) ray.Ref[int] { return inc.Remote(fresh) })
	})
}

func main() {
	greet := flag.Bool("hello", false, "only say hello")
	actors := flag.Int("actors", 0, "make so many actors instead")
	wakeUps := flag.Int("wakeups", 1, "calls of these actors")
	refs := flag.Int("refs", 0, "make an object with so many refs instead, get it, and wait for tasks one by one")
	waits := flag.Int("waits", 1_000, "of these tasks")
	rounds := flag.Int("rounds", 1, "how often")
	tasks := flag.Int("tasks", 50_000, "tasks, pipelined")
	actorCalls := flag.Int("calls", 10_000, "actor calls, pipelined")
	sync := flag.Int("sync", 2_000, "tasks and actor calls one after the other")
	flag.Parse()
	switch {
	case *greet:
		hello()
	case *actors > 0:
		crowd(*actors, *wakeUps)
	case *refs > 0:
		crowdOfRefs(*refs, *waits, *rounds)
		crowdOfCalls(*waits, *rounds)
	default:
		calls(*tasks, *actorCalls, *sync)
	}
}
