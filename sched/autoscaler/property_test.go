package autoscaler_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
	"github.com/raywasm/raywasm/spec"
)

// graveyard keeps the seeds that once broke a rule.
var graveyard = []uint64{}

// seeds calls f with old and with n fixed seeds.
func seeds(t *testing.T, n uint64, f func(*testing.T, *rand.Rand)) {
	for _, seed := range graveyard {
		t.Run("old seed "+strconv.FormatUint(seed, 10), func(t *testing.T) { f(t, rand.New(rand.NewPCG(seed, 0))) })
	}
	for seed := range n {
		if t.Failed() {
			return
		}
		t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) { f(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

// anyConfig is a random cluster of two to four types.
func anyConfig(r *rand.Rand) autoscaler.Config {
	c := autoscaler.Config{MaxWorkers: 5 + r.IntN(40), UpscalingSpeed: []float64{0, 0.5, 1, 10}[r.IntN(4)], IdleTimeout: time.Duration(1+r.IntN(5)) * time.Minute}
	for i, name := range []string{"cpu", "big", "gpu", "spot"}[:2+r.IntN(3)] {
		t := autoscaler.NodeType{Name: name, MaxWorkers: 1 + r.IntN(c.MaxWorkers), Labels: labels("zone", string(rune('a'+i)))}
		t.Resources = spec.Resources{CPU: spec.Quantity(1+r.IntN(16)) * spec.Unit, Memory: int64(1+r.IntN(64)) * spec.GiB}
		if name == "gpu" {
			t.Resources.GPU = spec.Quantity(1+r.IntN(8)) * spec.Unit
		}
		t.MinWorkers = r.IntN(min(2, t.MaxWorkers) + 1)
		c.Types = append(c.Types, t)
	}
	return c
}

// anyDemand fits a node of one of the types.
func anyDemand(r *rand.Rand, c *autoscaler.Config) autoscaler.Demand {
	t := c.Types[r.IntN(len(c.Types))]
	d := autoscaler.Demand{Count: 1 + r.IntN(10)}
	d.Need.CPU = t.Resources.CPU * spec.Quantity(1+r.IntN(4)) / 4
	d.Need.Memory = t.Resources.Memory * int64(r.IntN(5)) / 4
	if t.Resources.GPU > 0 && r.IntN(2) == 0 {
		d.Need.GPU = spec.Unit
	}
	if zone, _ := t.Labels.Get("zone"); r.IntN(4) == 0 {
		d.Select = selector("zone", zone)
	}
	return d
}

// neverAbove fails if the provider has more machines than the configuration allows.
func (w *world) neverAbove(t *testing.T) {
	t.Helper()
	machines, err := w.cloud.List(context.Background())
	if err != nil {
		return
	}
	byType := make(map[string]int)
	for _, m := range machines {
		byType[m.Type]++
	}
	for _, nt := range w.config.Types {
		if byType[nt.Name] > nt.MaxWorkers {
			t.Fatalf("at %v there are %d machines of %s, at most %d", w.now.Sub(start), byType[nt.Name], nt.Name, nt.MaxWorkers)
		}
	}
	if len(machines) > w.config.MaxWorkers {
		t.Fatalf("at %v there are %d machines, at most %d", w.now.Sub(start), len(machines), w.config.MaxWorkers)
	}
}

// noFlapping fails if a node is asked to go for idleness that joined, or worked, less than the idle timeout ago.
func (w *world) noFlapping(t *testing.T, actions []autoscaler.Action) {
	t.Helper()
	for _, a := range actions {
		n := w.nodes[a.ID]
		if a.ID == "head" {
			t.Fatalf("%s of the head", a.Verb)
		}
		if a.Verb != autoscaler.Drain || a.Reason != autoscaler.ReasonIdle || n == nil {
			continue
		}
		if idle := w.now.Sub(n.idleSince); idle < w.config.IdleTimeout || n.Tasks > 0 {
			t.Fatalf("at %v node %s goes for idleness after %v, with %d tasks", w.now.Sub(start), a.ID, idle, n.Tasks)
		}
	}
}

// neverBelow fails if a type has fewer nodes than its minimum, that stay.
func (w *world) neverBelow(t *testing.T) {
	t.Helper()
	byType := make(map[string]int)
	for _, i := range w.core.Instances() {
		if i.State == autoscaler.RayRunning {
			byType[i.Type]++
		}
	}
	for _, nt := range w.config.Types {
		if byType[nt.Name] < nt.MinWorkers {
			t.Fatalf("at %v there are %d nodes of %s, at least %d", w.now.Sub(start), byType[nt.Name], nt.Name, nt.MinWorkers)
		}
	}
}

// TestAReliableProvider: with a provider that works, everything that can run runs within a bounded time, the limits hold in
// every round, and in the end only min_workers are left.
func TestAReliableProvider(t *testing.T) {
	n := uint64(60)
	if testing.Short() {
		n = 15
	}
	var paid, least float64
	seeds(t, n, func(t *testing.T, r *rand.Rand) {
		w := newWorld(anyConfig(r), simcloud.Options{})
		for _, nt := range w.config.Types {
			w.boot[nt.Name] = time.Duration(r.IntN(60)) * time.Second
		}
		w.join(autoscaler.Node{ID: "head", Type: "head", Head: true, Total: spec.Resources{CPU: spec.Unit}})
		check := func(actions []autoscaler.Action) {
			w.neverAbove(t)
			w.noFlapping(t, actions)
		}
		w.run(3*time.Minute, check)
		w.neverBelow(t)
		w.paid = 0
		for range 1 + r.IntN(6) {
			w.work = append(w.work, &work{Demand: anyDemand(r, &w.config), runs: time.Duration(1+r.IntN(120)) * time.Second})
		}
		bound := lowerBound(w)
		settled := func() bool {
			for _, k := range w.work {
				if k.Count > 0 || len(k.until) > 0 {
					return false
				}
			}
			return true
		}
		for limit := w.now.Add(3 * time.Hour); !settled(); {
			if w.now.After(limit) {
				t.Fatalf("after three hours work is left\n%v", w.core.Status())
			}
			w.run(loop.Period, check)
			w.neverBelow(t)
		}
		paid, least = paid+w.paid, least+bound
		w.run(w.config.IdleTimeout+2*time.Minute, check)
		w.neverBelow(t)
		machines, _ := w.cloud.List(t.Context())
		want := 0
		for _, nt := range w.config.Types {
			want += nt.MinWorkers
		}
		if len(machines) != want {
			t.Fatalf("in the end there are %d machines, want min_workers, %d\n%v", len(machines), want, w.core.Status())
		}
	})
	t.Logf("machine-hours until all work was done: %.1f; the work alone on machines of the best type, filled without gaps: %.1f (%.1fx)",
		paid/3600, least/3600, paid/least)
}

// lowerBound is the machine-seconds that the work would take on full machines of the type that suits its scarcest resource
// best: what no autoscaler can go below.
func lowerBound(w *world) float64 {
	var cpu, gpu, memory float64
	for _, k := range w.work {
		d := float64(k.Count) * k.runs.Seconds()
		cpu += d * k.Need.CPU.Float()
		gpu += d * k.Need.GPU.Float()
		memory += d * float64(k.Need.Memory)
	}
	var most spec.Resources
	for _, t := range w.config.Types {
		most.CPU, most.GPU, most.Memory = max(most.CPU, t.Resources.CPU), max(most.GPU, t.Resources.GPU), max(most.Memory, t.Resources.Memory)
	}
	part := func(need, have float64) float64 {
		if need == 0 {
			return 0
		}
		return need / have
	}
	return math.Max(part(cpu, most.CPU.Float()), math.Max(part(gpu, most.GPU.Float()), part(memory, float64(most.Memory))))
}

// TestFaults: the provider fails, lies, lags, runs out and takes machines away; nodes refuse to go; the configuration changes;
// the autoscaler starts anew. Above max_workers there is never a machine, and when the faults end, all work is done.
func TestFaults(t *testing.T) {
	n := uint64(60)
	if testing.Short() {
		n = 15
	}
	seeds(t, n, faults)
}

// FuzzFaults is TestFaults with seeds of the fuzzer's choice.
func FuzzFaults(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { faults(t, rand.New(rand.NewPCG(seed, 1))) })
}

func faults(t *testing.T, r *rand.Rand) {
	faulty := true
	odd := func(part int) bool { return faulty && r.IntN(part) == 0 }
	w := newWorld(anyConfig(r), simcloud.Options{
		Ending: time.Duration(r.IntN(90)) * time.Second,
		Boot: func(loop.Request) (time.Duration, bool) {
			return time.Duration(r.IntN(120)) * time.Second, !odd(10)
		},
		Refuse: func(verb autoscaler.Verb, id autoscaler.ID) error {
			if verb != "list" && odd(5) {
				return errors.New("try again")
			}
			return nil
		},
		Deceive: func(autoscaler.ID) error {
			if odd(8) {
				return errors.New("the answer was lost")
			}
			return nil
		},
		Quota: func(string) int {
			if faulty {
				return 6
			}
			return math.MaxInt
		},
	})
	w.groupRuns = 10 * time.Minute
	lowered := time.Time{} // when a limit was last lowered: it takes a while
	restarts := 0
	check := func(actions []autoscaler.Action) {
		if w.now.Sub(lowered) > 6*time.Minute {
			w.neverAbove(t)
		}
		w.noFlapping(t, actions)
	}
	for range 240 { // twenty minutes of faults
		switch {
		case odd(20):
			w.work = append(w.work, &work{Demand: anyDemand(r, &w.config), runs: time.Duration(1+r.IntN(300)) * time.Second})
		case odd(30):
			g := autoscaler.Group{Name: "g", Strategy: []spec.Strategy{spec.Pack, spec.Spread, spec.StrictPack, spec.StrictSpread}[r.IntN(4)]}
			g.Bundles = append(g.Bundles, anyDemand(r, &w.config))
			w.groups = append(w.groups, g)
		case odd(30) && len(w.order) > 0:
			w.cloud.Preempt(w.order[r.IntN(len(w.order))])
		case odd(40) && len(w.order) > 0:
			w.refuse[w.order[r.IntN(len(w.order))]] = true
		case odd(60):
			nt := &w.config.Types[r.IntN(len(w.config.Types))]
			nt.Digest = strconv.Itoa(r.IntN(3))
		case odd(60):
			nt := &w.config.Types[r.IntN(len(w.config.Types))]
			if n := nt.MinWorkers + r.IntN(4); n > 0 {
				nt.MaxWorkers = n
				lowered = w.now
			}
		case odd(80):
			restarts++
			w.core = autoscaler.New(fmt.Sprintf("r%d", restarts))
			w.results = nil
			lowered = w.now // what was asked for and is not listed yet is not known
		case odd(30):
			w.floor = nil
			if r.IntN(2) == 0 {
				w.floor = []autoscaler.Demand{anyDemand(r, &w.config)}
			}
		}
		w.run(loop.Period, check)
	}
	faulty = false
	clear(w.refuse)
	w.floor, w.groups = nil, nil
	for i := range w.config.Types { // all that is there can be had again
		w.config.Types[i].MaxWorkers = max(w.config.Types[i].MaxWorkers, 3)
	}
	for limit := w.now.Add(6 * time.Hour); ; {
		left := 0
		for _, k := range w.work {
			left += k.Count + len(k.until)
		}
		if left == 0 {
			break
		}
		if w.now.After(limit) {
			t.Fatalf("%d tasks are left six hours after the last fault\n%v", left, w.core.Status())
		}
		w.run(loop.Period, check)
	}
}
