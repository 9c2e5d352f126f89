package sched_test

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/spec"
)

func cpus(n int) spec.Resources { return spec.Resources{CPU: spec.Quantity(n) * spec.Unit} }

func request(l sched.Lease, need spec.Resources, priority int32) sched.Event {
	return sched.Event{Op: sched.Request, Lease: l, Need: need, Hold: need, Priority: priority}
}

// granted steps the node and returns the leases that were granted.
func granted(t *testing.T, n *sched.Node, ev sched.Event) []sched.Lease {
	t.Helper()
	var leases []sched.Lease
	for _, a := range n.Step(ev, nil) {
		if a.Verdict != sched.Grant {
			t.Fatalf("%+v: refused: %v", ev, a.Err)
		}
		leases = append(leases, a.Lease)
	}
	return leases
}

func expect(t *testing.T, what string, got []sched.Lease, want ...sched.Lease) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: granted %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: granted %v, want %v", what, got, want)
		}
	}
}

func TestPriorityThenOrder(t *testing.T) {
	n := sched.NewNode(cpus(1))
	expect(t, "the first", granted(t, n, request(1, cpus(1), 0)), 1)
	expect(t, "no room", granted(t, n, request(2, cpus(1), 0)))
	expect(t, "no room", granted(t, n, request(3, cpus(1), 5)))
	expect(t, "no room", granted(t, n, request(4, cpus(1), 5)))
	for _, want := range []sched.Lease{3, 4, 2} {
		prev := map[sched.Lease]sched.Lease{3: 1, 4: 3, 2: 4}[want]
		expect(t, "after a release", granted(t, n, sched.Event{Op: sched.Release, Lease: prev}), want)
	}
}

func TestALargeRequestIsNotStarved(t *testing.T) {
	n := sched.NewNode(cpus(2))
	expect(t, "small", granted(t, n, request(1, cpus(1), 0)), 1)
	expect(t, "large", granted(t, n, request(2, cpus(2), 0)))
	expect(t, "small behind large", granted(t, n, request(3, cpus(1), 0)))
	memory := spec.Resources{Memory: 0, Custom: nil, GPU: 0}
	expect(t, "needs nothing that the large one lacks", granted(t, n, request(4, memory, 0)), 4)
	expect(t, "the large one goes first", granted(t, n, sched.Event{Op: sched.Release, Lease: 1}), 2)
	expect(t, "then the small", granted(t, n, sched.Event{Op: sched.Release, Lease: 2}), 3)
}

func TestWithdrawingLetsOthersGo(t *testing.T) {
	n := sched.NewNode(cpus(2))
	expect(t, "small", granted(t, n, request(1, cpus(1), 0)), 1)
	expect(t, "large", granted(t, n, request(2, cpus(2), 0)))
	expect(t, "small", granted(t, n, request(3, cpus(1), 0)))
	expect(t, "withdrawn", granted(t, n, sched.Event{Op: sched.Release, Lease: 2}), 3)
	if n.Waiting() != 0 {
		t.Errorf("%d wait", n.Waiting())
	}
}

func TestImpossibleIsRefused(t *testing.T) {
	n := sched.NewNode(cpus(2))
	actions := n.Step(request(1, spec.Resources{Custom: map[string]spec.Quantity{"x": 1}}, 0), nil)
	if len(actions) != 1 || actions[0].Verdict != sched.Refuse || !errors.Is(actions[0].Err, spec.TaskUnschedulable) {
		t.Fatalf("got %+v", actions)
	}
}

func TestABlockedHolderLendsItsCPU(t *testing.T) {
	n := sched.NewNode(spec.Resources{CPU: spec.Unit, GPU: spec.Unit})
	need := spec.Resources{CPU: spec.Unit, GPU: spec.Unit}
	expect(t, "first", granted(t, n, request(1, need, 0)), 1)
	expect(t, "wants the CPU", granted(t, n, request(2, cpus(1), 0)))
	expect(t, "wants the GPU", granted(t, n, request(3, need, 0)))
	expect(t, "lent", granted(t, n, sched.Event{Op: sched.Block, Lease: 1}), 2)
	expect(t, "taken back at once", granted(t, n, sched.Event{Op: sched.Unblock, Lease: 1}))
	expect(t, "the release pays the debt", granted(t, n, sched.Event{Op: sched.Release, Lease: 2}))
	if n.Free().CPU != 0 {
		t.Errorf("free %v while lease 1 runs", n.Free())
	}
	expect(t, "all back", granted(t, n, sched.Event{Op: sched.Release, Lease: 1}), 3)
}

func TestRepeatedEventsChangeNothing(t *testing.T) {
	n := sched.NewNode(cpus(3))
	expect(t, "first", granted(t, n, request(1, cpus(1), 0)), 1)
	expect(t, "again", granted(t, n, request(1, cpus(1), 0)))
	for range 2 {
		granted(t, n, sched.Event{Op: sched.Block, Lease: 1})
	}
	if n.Free().CPU != 3*spec.Unit {
		t.Errorf("blocked twice: free %v", n.Free())
	}
	for range 2 {
		granted(t, n, sched.Event{Op: sched.Release, Lease: 1})
	}
	if n.Free().CPU != 3*spec.Unit {
		t.Errorf("released twice: free %v", n.Free())
	}
}

// TestNothingLeaks runs random events and then lets everything go: all is free again, and on the way nothing is negative.
func TestNothingLeaks(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		total := spec.Resources{CPU: 4 * spec.Unit, GPU: spec.Unit, Memory: 100, Custom: map[string]spec.Quantity{"x": 3}}
		n := sched.NewNode(total)
		ever := map[sched.Lease]bool{}
		for range 300 {
			l := sched.Lease(r.IntN(30))
			op := []sched.Op{sched.Request, sched.Release, sched.Block, sched.Unblock}[r.IntN(4)]
			need := spec.Resources{CPU: spec.Quantity(r.IntN(5)) * spec.Unit / 2, GPU: spec.Quantity(r.IntN(3)) * spec.Unit / 2,
				Memory: int64(r.IntN(60)), Custom: map[string]spec.Quantity{"x": spec.Quantity(r.IntN(3))}}
			hold := need
			if r.IntN(2) == 0 {
				hold.CPU = 0
			}
			ever[l] = true
			n.Step(sched.Event{Op: op, Lease: l, Need: need, Hold: hold, Priority: int32(r.IntN(3))}, nil)
			if f := n.Free(); f.CPU < 0 || f.GPU < 0 || f.Memory < 0 || f.Custom["x"] < 0 {
				t.Fatalf("seed %d: free %v", seed, f)
			}
		}
		for l := range ever {
			n.Step(sched.Event{Op: sched.Release, Lease: l}, nil)
		}
		for l := range ever { // what was granted by the releases above
			n.Step(sched.Event{Op: sched.Release, Lease: l}, nil)
		}
		if f := n.Free(); f.CPU != total.CPU || f.GPU != total.GPU || f.Memory != total.Memory || f.Custom["x"] != 3 || n.Waiting() != 0 {
			t.Fatalf("seed %d: at the end free %v, %d waiting", seed, f, n.Waiting())
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	n := sched.NewNode(cpus(2))
	var out []sched.Action
	for i := range b.N {
		out = n.Step(request(sched.Lease(i+1), cpus(1), 0), out[:0])
	}
	b.ResetTimer()
	for i := range b.N {
		out = n.Step(sched.Event{Op: sched.Release, Lease: sched.Lease(i + 1)}, out[:0])
	}
}

// BenchmarkDistinctPriorities: an event costs about the same however many kinds of requests wait.
func BenchmarkDistinctPriorities(b *testing.B) {
	for _, waiting := range []int{10, 1_000, 100_000} {
		b.Run(strconv.Itoa(waiting), func(b *testing.B) {
			n := sched.NewNode(cpus(1))
			n.Step(request(1, cpus(1), 0), nil)
			for i := range waiting {
				n.Step(request(sched.Lease(i+2), cpus(1), int32(i)), nil)
			}
			next := sched.Lease(waiting + 2)
			for b.Loop() {
				n.Step(request(next, cpus(1), -1), nil)
				n.Step(sched.Event{Op: sched.Release, Lease: next}, nil)
				next++
			}
		})
	}
}
