package main_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestPi(t *testing.T) {
	const tasks, points = 8, 100_000
	example := exampletest.Open(t, host.Config{})
	args := strings.Fields(fmt.Sprintf("-tasks %d -points %d", tasks, points))
	got := example.Run(t, host.JobConfig{Args: args})

	// The same points, thrown here.
	inside := 0
	for task := range tasks {
		random := rand.New(rand.NewPCG(uint64(task), 0))
		for range points {
			if math.Hypot(random.Float64(), random.Float64()) < 1 {
				inside++
			}
		}
	}
	pi := 4 * float64(inside) / (tasks * points)
	want := fmt.Sprintf("%d points\npi is about %.6f, wrong by %.6f\n", tasks*points, pi, math.Abs(pi-math.Pi))
	if got.Status != 0 || got.Stdout != want {
		t.Errorf("status %d, stdout:\n%swant:\n%s", got.Status, got.Stdout, want)
	}
	// An estimate from n points deviates by 4 sqrt(p(1-p)/n), p = pi/4; five times that is one in two million.
	if bound := 5 * 4 * math.Sqrt(math.Pi/4*(1-math.Pi/4)/(tasks*points)); math.Abs(pi-math.Pi) > bound {
		t.Errorf("pi is %.6f, further off than %.6f", pi, bound)
	}

	// The actor has heard of every task, and what it says of the whole only grows.
	if got.Stats.Actors != 1 || got.Stats.ActorCalls != 2*tasks || got.Stats.Failed != 0 {
		t.Errorf("one actor and %d calls, but %+v", 2*tasks, got.Stats)
	}
	last := 0
	for _, line := range strings.Split(strings.TrimSpace(got.Stderr), "\n") {
		var percent int
		if _, err := fmt.Sscanf(line, "%d %%", &percent); err != nil || percent < last {
			t.Errorf("progress %q after %d %%: %v", line, last, err)
		}
		last = percent
	}
	if last != 100 {
		t.Errorf("the last progress is %d %%", last)
	}
}
