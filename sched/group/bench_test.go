package group_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// rig is the core with holders that answer at once.
type rig struct {
	core    *group.Groups
	holders map[spec.NodeID]*group.Holder
	now     time.Time
	out     []group.Action
	effects []group.Effect
	queue   []group.Event
}

func newRig(nodes int) *rig {
	r := &rig{core: group.New(group.Options{}), holders: make(map[spec.NodeID]*group.Holder), now: start}
	for i := range nodes {
		m := &machine{id: nodeID(strconv.Itoa(i)), pool: resource.NewPool(resource.Vector{CPU: 16 * spec.Unit, Memory: 64 * spec.GiB})}
		m.holder = group.NewHolder(m.id, m)
		r.holders[m.id] = m.holder
		r.core.Step(r.now, group.Event{Op: group.NodeUp, Node: m.id, Report: group.Report{Total: m.pool.Total(), Free: m.pool.Free(), Labels: label.Set{}}}, nil)
	}
	return r
}

// step takes an event and all that follows from it, and returns how many groups were created.
func (r *rig) step(ev group.Event) (changes int) {
	r.queue = append(r.queue[:0], ev)
	for i := 0; i < len(r.queue); i++ {
		r.out = r.core.Step(r.now, r.queue[i], r.out[:0])
		for _, a := range r.out {
			switch a.Do {
			case group.Changed:
				changes++
			case group.Send:
				r.effects = r.holders[a.Node].Step(a.Message, r.effects[:0])
				for _, e := range r.effects {
					if e.Do == group.SendReply {
						r.queue = append(r.queue, group.Event{Op: group.Answered, Reply: e.Reply})
					}
				}
			}
		}
	}
	return changes
}

// lives creates and removes a group n times: prepare, commit and cancel on its nodes included.
func (r *rig) lives(b *testing.B, n int, opt *spec.GroupOptions, next *uint64) {
	for range n {
		*next++
		id := spec.NewGroupID(spec.TaskID{}, *next)
		r.now = r.now.Add(20 * time.Microsecond)
		if got := r.step(group.Event{Op: group.Create, Group: id, Spec: opt}); got != 3 {
			b.Fatalf("%d changes of state, want PENDING, PREPARED and CREATED", got)
		}
		r.step(group.Event{Op: group.Remove, Group: id})
	}
}

func bundles(n int, strategy spec.Strategy) *spec.GroupOptions {
	o := &spec.GroupOptions{Strategy: strategy}
	for range n {
		o.Bundles = append(o.Bundles, spec.Bundle{Resources: spec.Resources{CPU: spec.Unit}})
	}
	return o
}

// BenchmarkCreateRemove is a group of one bundle, from its creation to its end, on one node: what Ray's microbenchmark
// placement_group_create/removal does.
func BenchmarkCreateRemove(b *testing.B) {
	r := newRig(1)
	var next uint64
	opt := bundles(1, spec.Pack)
	b.ReportAllocs()
	b.ResetTimer()
	r.lives(b, b.N, opt, &next)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "groups/s")
}

// BenchmarkGrowth is the same for groups of 8 bundles on more and more nodes. The last line of each strategy has the slope of
// the logarithm of its time over that of the number of nodes: 1 is proportional, 0 is constant.
func BenchmarkGrowth(b *testing.B) {
	for _, strategy := range []spec.Strategy{spec.Pack, spec.StrictPack, spec.Spread, spec.StrictSpread} {
		var xs, ys []float64
		for _, nodes := range []int{10, 100, 1_000, 10_000} {
			b.Run(string(strategy)+"/"+strconv.Itoa(nodes), func(b *testing.B) {
				r := newRig(nodes)
				var next uint64
				opt := bundles(8, strategy)
				b.ResetTimer()
				r.lives(b, b.N, opt, &next)
				perGroup := b.Elapsed().Seconds() / float64(b.N)
				if b.N > 1 {
					xs, ys = append(xs, math.Log(float64(nodes))), append(ys, math.Log(perGroup))
					b.ReportMetric(slope(xs, ys), "slope")
				}
			})
		}
	}
}

// slope is that of the line with the least squares.
func slope(xs, ys []float64) float64 {
	var n, sx, sy, sxx, sxy float64
	for i := range xs {
		n, sx, sy, sxx, sxy = n+1, sx+xs[i], sy+ys[i], sxx+xs[i]*xs[i], sxy+xs[i]*ys[i]
	}
	if d := n*sxx - sx*sx; d != 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}

// BenchmarkFull is an attempt that finds no room on 10,000 nodes, of which each has some.
func BenchmarkFull(b *testing.B) {
	for _, strategy := range []spec.Strategy{spec.Pack, spec.StrictPack, spec.Spread, spec.StrictSpread} {
		b.Run(string(strategy), func(b *testing.B) {
			r := newRig(10_000)
			opt := &spec.GroupOptions{Strategy: strategy}
			for range 8 {
				opt.Bundles = append(opt.Bundles, spec.Bundle{Resources: spec.Resources{CPU: spec.Unit}})
			}
			opt.Bundles = append(opt.Bundles, spec.Bundle{Resources: spec.Resources{CPU: 17 * spec.Unit}})
			var next uint64
			for b.Loop() {
				next++
				id := spec.NewGroupID(spec.TaskID{}, next)
				r.step(group.Event{Op: group.Create, Group: id, Spec: opt})
				r.step(group.Event{Op: group.Remove, Group: id})
			}
		})
	}
}
