package cluster_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// large is a cluster of n nodes, a tenth of them with GPUs, all of them busy in part.
func large(b *testing.B, n int, r *rand.Rand) *cluster.View {
	v := cluster.NewView(id(0))
	for i := range n {
		total := spec.Resources{CPU: 16 * spec.Unit, Memory: 64 * spec.GiB}
		if i%10 == 0 {
			total.GPU = 4 * spec.Unit
		}
		if i == n-1 {
			total.Custom = map[string]spec.Quantity{"licence": spec.Unit}
		}
		p := resource.NewPool(resource.Of(total))
		p.Take(resource.Vector{CPU: spec.Quantity(r.IntN(17)) * spec.Unit, Memory: int64(r.IntN(32)) * spec.GiB})
		v.Update(cluster.Node{ID: id(i), Version: 1, Pool: p,
			Labels: labels(b, map[string]string{label.NodeID: id(i).String(), "zone": string("abc"[i%3])})})
	}
	return v
}

// BenchmarkPick is one decision, of a node that knows of many. growth prints how the time
// grows with the number of nodes: the slope of a line through the figures on paper with two logarithmic scales.
func BenchmarkPick(b *testing.B) {
	one := resource.Vector{CPU: spec.Unit}
	for _, policy := range []struct {
		name string
		req  cluster.Request
	}{
		{"default", cluster.Request{Need: one}},
		{"scarce", cluster.Request{Need: resource.Of(spec.Resources{CPU: spec.Unit, Custom: map[string]spec.Quantity{"licence": spec.Unit}})}},
		{"gpu", cluster.Request{Need: resource.Vector{CPU: spec.Unit, GPU: spec.Unit / 2}}},
		{"spread", cluster.Request{Need: one, Strategy: sched.Strategy{Spread: true}}},
		{"affinity", cluster.Request{Need: one, Strategy: sched.Strategy{Node: id(7)}}},
		{"label", cluster.Request{Need: one, Strategy: sched.Strategy{Select: label.Strategy{selector(b, "zone", "b")}}}},
		{"label-fallback", cluster.Request{Need: one, Strategy: sched.Strategy{Select: label.Strategy{selector(b, "zone", "z"), selector(b, "zone", "!a")}}}},
		{"locality", cluster.Request{Need: one, Holds: []cluster.Held{{Node: id(3), Bytes: 1}, {Node: id(5), Bytes: 2}}}},
		{"infeasible", cluster.Request{Need: resource.Vector{CPU: 100 * spec.Unit}}},
	} {
		var xs, ys []float64
		for _, n := range []int{10, 100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/nodes=%d", policy.name, n), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 1))
				v := large(b, n, r)
				b.ReportAllocs()
				for b.Loop() {
					v.Pick(&policy.req, r)
				}
				xs, ys = append(xs, math.Log(float64(n))), append(ys, math.Log(float64(b.Elapsed())/float64(b.N)))
			})
		}
		b.Run(policy.name+"/growth", func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(slope(xs, ys), "slope")
		})
	}
}

// BenchmarkUpdate is what a node's report costs.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprint("nodes=", n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			v := large(b, n, r)
			version := uint64(1)
			for b.Loop() {
				version++
				x, _ := v.Node(id(r.IntN(n)))
				x.Version = version
				v.Update(x)
				v.Assume(x.ID, resource.Vector{CPU: spec.Unit / 10})
			}
		})
	}
}

// slope fits a line by least squares.
func slope(xs, ys []float64) float64 {
	var sx, sy, sxx, sxy float64
	n := float64(len(xs))
	for i := range xs {
		sx, sy, sxx, sxy = sx+xs[i], sy+ys[i], sxx+xs[i]*xs[i], sxy+xs[i]*ys[i]
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
