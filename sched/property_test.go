package sched_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// witness is what a client and an accountant know of a node: who was granted what.
type witness struct {
	t     *testing.T
	seed  uint64
	asked map[sched.Lease]*sched.Ask
	has   map[sched.Lease]resource.Devices
	over  map[sched.Lease]bool // released or refused
}

// saw checks what the node did.
func (w *witness) saw(actions []sched.Action) {
	for _, a := range actions {
		if a.Verdict == sched.Refuse {
			w.over[a.Lease] = true
			continue
		}
		if w.over[a.Lease] || w.asked[a.Lease] == nil {
			w.t.Fatalf("seed %d: lease %d was granted though it is over or was never asked for", w.seed, a.Lease)
		}
		if on, again := w.has[a.Lease]; again && !slices.Equal(on, a.Devices) {
			w.t.Fatalf("seed %d: lease %d is on GPUs %v and then on %v", w.seed, a.Lease, on, a.Devices)
		}
		w.has[a.Lease] = a.Devices
	}
}

// draw returns one of few asks, so that classes have several leases.
func draw(r *rand.Rand) *sched.Ask {
	need := spec.Resources{CPU: spec.Quantity(r.IntN(5)) * spec.Unit / 2, GPU: []spec.Quantity{0, 0, 0, 5000, 2500, 10_000, 20_000}[r.IntN(7)], Memory: int64(r.IntN(2)) * 50}
	if r.IntN(4) == 0 {
		need.Custom = map[string]spec.Quantity{"x": spec.Quantity(1 + r.IntN(3))}
	}
	a := ask(need, int32(r.IntN(2)), uint32(r.IntN(3)))
	if r.IntN(3) == 0 {
		a.Hold.CPU = 0
	}
	a.Namespace = []string{"", "a"}[r.IntN(2)]
	return a
}

// TestNothingLeaks sends random events, doubled and out of order, to a node: nobody is granted anything twice or after the
// end, GPUs and CPUs are never lent twice, counts agree, equal events give equal actions; and when everything has been let go,
// all is free.
func TestNothingLeaks(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		cfg := sched.Config{Pool: resource.NewPool(resource.Of(spec.Resources{CPU: 4 * spec.Unit, GPU: 2 * spec.Unit, Memory: 100, Custom: map[string]spec.Quantity{"x": 3}})), Patient: seed%2 == 0}
		twin := cfg
		twin.Pool = cfg.Pool.Clone()
		n, m := sched.NewNode(cfg), sched.NewNode(twin)
		w := &witness{t, seed, map[sched.Lease]*sched.Ask{}, map[sched.Lease]resource.Devices{}, map[sched.Lease]bool{}}
		now := int64(0)
		step := func(ev sched.Event) {
			now += r.Int64N(1000)
			out := n.Step(now, ev, nil)
			if again := m.Step(now, ev, nil); !reflect.DeepEqual(out, again) {
				t.Fatalf("seed %d: %+v gave %+v and %+v", seed, ev, out, again)
			}
			w.saw(out)
			w.account(n)
		}
		for range 400 {
			l := sched.NumberLease(uint32(r.IntN(2)), uint64(1+r.IntN(40)))
			switch r.IntN(12) {
			case 0, 1, 2, 3, 4:
				ev := sched.Event{Op: sched.Request, Lease: l, Ask: draw(r)}
				if was := w.asked[l]; was != nil {
					ev.Ask = was
				}
				w.asked[l] = ev.Ask
				if r.IntN(3) == 0 {
					ev.Deadline = now + r.Int64N(20_000)
				}
				if r.IntN(5) == 0 {
					ev.Until = sched.ReasonArguments
				}
				step(ev)
			case 5, 6, 7:
				w.over[l] = true
				delete(w.has, l)
				step(sched.Event{Op: sched.Release, Lease: l})
			case 8:
				step(sched.Event{Op: sched.Block, Lease: l})
			case 9:
				step(sched.Event{Op: sched.Unblock, Lease: l})
			case 10:
				step(sched.Event{Op: sched.Ready, Lease: l})
			case 11:
				step(sched.Event{Op: sched.Limit, Namespace: "a", Quota: resource.Vector{CPU: spec.Quantity(r.IntN(4)) * spec.Unit}})
			}
		}
		for _, c := range []uint32{0, 1} {
			for l := range w.asked {
				if l.Client() == c {
					w.over[l] = true
					delete(w.has, l)
				}
			}
			step(sched.Event{Op: sched.Leave, Client: c})
		}
		if f := n.Free(); !f.Equal(n.Total()) || n.Waiting() != 0 || n.Leases() != 0 || len(n.Pending(10)) != 0 {
			t.Fatalf("seed %d: at the end free %v, %d waiting, %d held", seed, f, n.Waiting(), n.Leases())
		}
	}
}

// account checks what is free against what was granted.
func (w *witness) account(n *sched.Node) {
	free := n.Free()
	if !(resource.Vector{}).Within(free) {
		w.t.Fatalf("seed %d: free %v", w.seed, free)
	}
	var gpu spec.Quantity
	on := map[uint16]spec.Quantity{}
	for _, l := range slices.Sorted(maps.Keys(w.has)) {
		need := w.asked[l].Hold.GPU
		gpu += need
		for _, id := range w.has[l] {
			if on[id] += min(need, spec.Unit); on[id] > spec.Unit {
				w.t.Fatalf("seed %d: %v of GPU %d are lent", w.seed, on[id], id)
			}
		}
	}
	if gpu+free.GPU != n.Total().GPU {
		w.t.Fatalf("seed %d: %v GPUs held and %v free of %v", w.seed, gpu, free.GPU, n.Total().GPU)
	}
	waiting := 0
	for _, d := range n.Pending(1000) {
		waiting += d.Count
		if d.Reason == 0 || d.Text == "" {
			w.t.Fatalf("seed %d: %+v waits for no reason", w.seed, d)
		}
		if why, waits := n.Why(d.First); d.First != 0 && (!waits || why.Reason != d.Reason) {
			w.t.Fatalf("seed %d: %d waits for %v, as one of many for %v", w.seed, d.First, why.Reason, d.Reason)
		}
	}
	if waiting != n.Waiting() || n.Leases() != len(w.has) {
		w.t.Fatalf("seed %d: %d wait and %d hold, counted %d and %d", w.seed, n.Waiting(), n.Leases(), waiting, len(w.has))
	}
}

// TestTheOrderIsThatOfASort: on a node of one CPU, whatever waits is granted as a plain sort by priority, deadline and age
// would have it.
func TestTheOrderIsThatOfASort(t *testing.T) {
	type waiting struct {
		lease    sched.Lease
		priority int32
		deadline int64
	}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 4))
		n := newNode(spec.Resources{CPU: spec.Unit, Memory: 100})
		n.Step(0, sched.Event{Op: sched.Request, Lease: 1, Ask: ask(cpus(1), 0, 1)}, nil)
		var all []waiting
		for i := range 50 {
			x := waiting{sched.Lease(i + 2), int32(r.IntN(4)), 0}
			if r.IntN(2) == 0 {
				x.deadline = 1000 + r.Int64N(20)
			}
			all = append(all, x)
			n.Step(0, sched.Event{Op: sched.Request, Lease: x.lease, Deadline: x.deadline,
				Ask: ask(spec.Resources{CPU: spec.Unit, Memory: int64(1 + r.IntN(2))}, x.priority, 1)}, nil)
		}
		slices.SortStableFunc(all, func(a, b waiting) int {
			late := func(d int64) int64 {
				if d == 0 {
					return 1 << 62
				}
				return d
			}
			if a.priority != b.priority {
				return int(b.priority - a.priority)
			}
			return cmp.Compare(late(a.deadline), late(b.deadline))
		})
		running := sched.Lease(1)
		for _, want := range all {
			out := n.Step(1, sched.Event{Op: sched.Release, Lease: running}, nil)
			if len(out) != 1 || out[0].Lease != want.lease {
				t.Fatalf("seed %d: got %+v, want %+v", seed, out, want)
			}
			running = want.lease
		}
	}
}

// TestSharesAreFair: jobs of different weights and lengths of tasks, always with something waiting, get what their weights say.
func TestSharesAreFair(t *testing.T) {
	const second = 1_000_000_000
	n := newNode(cpus(4))
	weights := []float64{1, 2, 5}
	lengths := []int64{second, second / 100, second / 10}
	need := []int{1, 1, 2}
	count, now := uint64(0), int64(0)
	had := make([]float64, 3)
	job := map[sched.Lease]int{}
	type end struct {
		at    int64
		lease sched.Lease
	}
	var ends []end
	step := func(ev sched.Event) {
		for _, a := range n.Step(now, ev, nil) {
			ends = append(ends, end{now + lengths[job[a.Lease]], a.Lease})
		}
	}
	more := func(j int) {
		count++
		job[sched.Lease(count)] = j
		step(sched.Event{Op: sched.Request, Lease: sched.Lease(count), Ask: ask(cpus(need[j]), 0, uint32(j))})
	}
	for j, w := range weights {
		step(sched.Event{Op: sched.Weigh, Job: spec.JobNumber(uint32(j)), Weight: w})
		for range 8 {
			more(j)
		}
	}
	for now < 300*second {
		slices.SortStableFunc(ends, func(a, b end) int { return int(a.at - b.at) })
		e := ends[0]
		ends = ends[1:]
		now = e.at
		j := job[e.lease]
		had[j] += float64(lengths[j]) * float64(need[j])
		step(sched.Event{Op: sched.Release, Lease: e.lease})
		more(j)
	}
	for j, w := range weights {
		if share := had[j] / float64(now) / 4; share < w/8*0.85 || share > w/8*1.15 {
			t.Errorf("job %d of weight %v had %.3f of the node, want about %.3f", j, w, share, w/8)
		}
	}
}

// TestManyShapesAndPrioritiesAreBounded: whatever a program asks for, what the node keeps for it goes with the requests, and
// kinds in any combination are granted.
func TestManyShapesAndPrioritiesAreBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	total := spec.Resources{CPU: spec.Unit, Custom: map[string]spec.Quantity{}}
	names := "abcdefghijklmnopqrstuvwxyz"
	for _, name := range names {
		total.Custom[string(name)] = 4
	}
	n := newNode(total)
	var out []sched.Action
	for i := range 20_000 {
		need := spec.Resources{CPU: spec.Unit, Custom: map[string]spec.Quantity{}}
		for range 3 {
			need.Custom[string(names[r.IntN(len(names))])] = spec.Quantity(1 + r.IntN(4))
		}
		out = n.Step(0, sched.Event{Op: sched.Request, Lease: sched.Lease(i + 1), Ask: ask(need, int32(r.IntN(1000)), uint32(r.IntN(100)))}, out)
	}
	for ran := 0; ran < len(out); ran++ {
		out = n.Step(0, sched.Event{Op: sched.Release, Lease: out[ran].Lease}, out)
	}
	if len(out) != 20_000 || !n.Free().Equal(n.Total()) {
		t.Fatalf("%d ran, free %v", len(out), n.Free())
	}
}
