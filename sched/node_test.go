package sched_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

func cpus(n int) spec.Resources { return spec.Resources{CPU: spec.Quantity(n) * spec.Unit} }

func newNode(total spec.Resources) *sched.Node {
	return sched.NewNode(sched.Config{Pool: resource.NewPool(resource.Of(total))})
}

func ask(need spec.Resources, priority int32, job uint32) *sched.Ask {
	v := resource.Of(need)
	return &sched.Ask{Need: v, Hold: v, Priority: priority, Job: spec.JobNumber(job)}
}

// BenchmarkLease is the life of a lease when there is room, the life of a task on a quiet node.
func BenchmarkLease(b *testing.B) {
	n := newNode(spec.Resources{CPU: 4 * spec.Unit, GPU: 2 * spec.Unit, Memory: spec.GiB, Custom: map[string]spec.Quantity{"x": 4}})
	for name, need := range map[string]spec.Resources{
		"cpu": cpus(1), "gpu": {CPU: spec.Unit, GPU: spec.Unit / 2}, "custom": {CPU: spec.Unit, Memory: 1 << 20, Custom: map[string]spec.Quantity{"x": 2}}} {
		b.Run(name, func(b *testing.B) {
			var out []sched.Action
			a := ask(need, 0, 1)
			b.ReportAllocs()
			for b.Loop() {
				next++
				out = n.Step(next, sched.Event{Op: sched.Request, Lease: sched.NumberLease(1, uint64(next)), Ask: a}, out[:0])
				out = n.Step(next, sched.Event{Op: sched.Release, Lease: sched.NumberLease(1, uint64(next))}, out[:0])
			}
		})
	}
}

var next int64

// BenchmarkContended is the same when as many again wait, of four classes, two jobs and two priorities.
func BenchmarkContended(b *testing.B) {
	n := newNode(cpus(2))
	asks := []*sched.Ask{ask(cpus(1), 0, 1), ask(cpus(1), 1, 1), ask(cpus(2), 0, 2), ask(spec.Resources{CPU: spec.Unit / 2}, 1, 2)}
	var out []sched.Action
	var held []sched.Lease
	count := uint64(0)
	request := func() {
		count++
		out = n.Step(int64(count), sched.Event{Op: sched.Request, Lease: sched.NumberLease(1, count), Ask: asks[count%4]}, out[:0])
		for _, a := range out {
			held = append(held, a.Lease)
		}
	}
	for range 8 {
		request()
	}
	b.ReportAllocs()
	for b.Loop() {
		request()
		out = n.Step(int64(count), sched.Event{Op: sched.Release, Lease: held[0]}, out[:0])
		held = append(held[:0], held[1:]...)
		for _, a := range out {
			held = append(held, a.Lease)
		}
	}
}

// BenchmarkDrain queues a million tasks of mixed shapes on one node and runs them all, each for no time.
func BenchmarkDrain(b *testing.B) {
	for _, tasks := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("tasks=", tasks), func(b *testing.B) {
			for b.Loop() {
				drain(b, tasks)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(tasks), "ns/task")
		})
	}
}

// mixed returns fifty shapes of twenty jobs and three priorities.
func mixed() []*sched.Ask {
	r := rand.New(rand.NewPCG(1, 1))
	asks := make([]*sched.Ask, 1000)
	for i := range asks {
		need := spec.Resources{CPU: spec.Quantity(1+r.IntN(8)) * spec.Unit / 2}
		switch r.IntN(5) {
		case 0:
			need.GPU = spec.Unit / 4
		case 1:
			need.Memory = int64(1+r.IntN(4)) * spec.GiB
		case 2:
			need.Custom = map[string]spec.Quantity{"x": spec.Unit}
		}
		asks[i] = ask(need, int32(r.IntN(3)), uint32(r.IntN(20)))
	}
	return asks
}

func drain(b testing.TB, tasks int) {
	n := newNode(spec.Resources{CPU: 16 * spec.Unit, GPU: 2 * spec.Unit, Memory: 32 * spec.GiB, Custom: map[string]spec.Quantity{"x": 8 * spec.Unit}})
	asks := mixed()
	var out []sched.Action
	var running []sched.Lease
	now, done := int64(0), 0
	step := func(ev sched.Event) {
		now++
		out = n.Step(now, ev, out[:0])
		for _, a := range out {
			running = append(running, a.Lease)
		}
	}
	for i := range tasks {
		step(sched.Event{Op: sched.Request, Lease: sched.NumberLease(0, uint64(i+1)), Ask: asks[i%len(asks)]})
	}
	for len(running) > 0 {
		l := running[0]
		running = append(running[:0], running[1:]...)
		step(sched.Event{Op: sched.Release, Lease: l})
		done++
	}
	if done != tasks {
		b.Fatalf("%d of %d ran", done, tasks)
	}
}
