// Pi estimates π by throwing points at a square: tasks throw them, and a named actor collects how far they are.
package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Progress is the state of the actor that collects.
type Progress struct{ done map[int]int }

// NewProgress is its constructor.
func NewProgress() (*Progress, error) { return &Progress{make(map[int]int)}, nil }

// Report says how many points a task has thrown, and returns how many all tasks have. A task that is run again after a
// crash reports again: that it is kept by task makes a second report do no harm.
func (p *Progress) Report(task, points int) (int, error) {
	p.done[task] = points
	return p.Points()
}

// Points returns how many points all tasks have thrown.
func (p *Progress) Points() (sum int, err error) {
	for _, points := range p.done {
		sum += points
	}
	return sum, nil
}

const progressName = "progress"

var (
	throwRemote = ray.Remote2(throw)

	progress = ray.Actor0(NewProgress, ray.ActorName(progressName))
	report   = ray.Method2((*Progress).Report)
	points   = ray.Method0((*Progress).Points)
)

// throw throws n points at a square and returns how many hit the quarter circle in it. The task's number is the seed,
// so that it returns the same whenever and wherever it runs.
func throw(task, n int) (inside int, err error) {
	random := rand.New(rand.NewPCG(uint64(task), 0))
	for range n {
		if x, y := random.Float64(), random.Float64(); x*x+y*y < 1 {
			inside++
		}
	}
	collector, err := ray.FindActor[*Progress](progressName) // by its name: nobody handed it over
	if err != nil {
		return 0, err
	}
	_, err = report.Remote(collector, task, n).Get()
	return inside, err
}

func main() {
	tasks := flag.Int("tasks", 20, "how many tasks throw points")
	each := flag.Int("points", 500_000, "how many points each task throws")
	flag.Parse()
	if err := run(*tasks, *each); err != nil {
		fmt.Fprintln(os.Stderr, "pi:", err)
		os.Exit(1)
	}
}

func run(tasks, each int) error {
	collector := progress.Remote()
	running := make([]ray.Ref[int], tasks)
	for task := range running {
		running[task] = throwRemote.Remote(task, each)
	}
	inside, thrown := 0, 0
	for len(running) > 0 {
		ready, rest, err := ray.Wait(running, 1, ray.Forever)
		if err != nil {
			return err
		}
		running = rest
		n, err := ready[0].Get()
		if err != nil {
			return err
		}
		inside += n
		if thrown, err = points.Remote(collector).Get(); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%3d %%\n", 100*thrown/(tasks*each))
	}
	pi := 4 * float64(inside) / float64(thrown)
	fmt.Printf("%d points\npi is about %.6f, wrong by %.6f\n", thrown, pi, math.Abs(pi-math.Pi))
	return nil
}
