package autoscaler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/spec"
)

// large is a cluster of n nodes, each with different amounts free, and m different demands.
func large(n, m, free int) autoscaler.Observation {
	in := autoscaler.Observation{Config: autoscaler.Config{MaxWorkers: autoscaler.MaxWorkers, UpscalingSpeed: 1, IdleTimeout: time.Hour}}
	for i := range 10 {
		in.Config.Types = append(in.Config.Types, autoscaler.NodeType{Name: fmt.Sprintf("t%d", i), MaxWorkers: autoscaler.MaxWorkers,
			Resources: spec.Resources{CPU: spec.Quantity(8+8*i) * spec.Unit, Memory: int64(32+16*i) * spec.GiB}})
	}
	for i := range n {
		t := in.Config.Types[i%10]
		id := autoscaler.ID(fmt.Sprintf("n%05d", i))
		in.Machines = append(in.Machines, autoscaler.Machine{ID: id, Type: t.Name})
		node := autoscaler.Node{ID: id, Type: t.Name, Total: t.Resources, Free: t.Resources, Tasks: 1}
		node.Free.CPU = min(node.Total.CPU, spec.Quantity(free+i))
		in.Nodes = append(in.Nodes, node)
	}
	for i := range m {
		in.Demands = append(in.Demands, autoscaler.Demand{Count: 3, Need: spec.Resources{CPU: spec.Quantity(5000 + 7*i), Memory: int64(1+i%97) * 64 * spec.MiB}})
	}
	return in
}

// BenchmarkHardest is a round whose new nodes are all filled differently: every demand is of its own, half of them are long in
// CPU and half in memory, and some choose by label.
func BenchmarkHardest(b *testing.B) {
	in := large(10_000, 10_000, 0)
	for i := range in.Nodes {
		in.Nodes[i].Free = spec.Resources{}
	}
	for i := range in.Demands {
		d := &in.Demands[i]
		d.Count = 1
		d.Need = spec.Resources{CPU: spec.Quantity(100 + i), Memory: int64(20_000-i) * spec.MiB}
		if i%2 == 0 {
			d.Need = spec.Resources{CPU: spec.Quantity(20_000+10*i) / 2, Memory: int64(i) * 10_000, GPU: 0}
		}
		if i%5 == 0 {
			d.Select = selector("zone", "b")
		}
	}
	for i := range in.Config.Types {
		in.Config.Types[i].Labels = labels("zone", string("ab"[i%2]))
	}
	for b.Loop() {
		autoscaler.New("bench").Step(start, in)
	}
}

// One round. "room": the demand fits the nodes there are. "none": it needs new ones.
func BenchmarkStep(b *testing.B) {
	for _, size := range []struct{ nodes, demands int }{{100, 100}, {1000, 1000}, {10_000, 10_000}} {
		for name, free := range map[string]int{"room": 1_000_000, "none": 0} {
			b.Run(fmt.Sprintf("nodes=%d/demands=%d/%s", size.nodes, size.demands, name), func(b *testing.B) {
				in := large(size.nodes, size.demands, free)
				if free == 0 {
					for i := range in.Nodes {
						in.Nodes[i].Free = spec.Resources{}
					}
				}
				for b.Loop() {
					a := autoscaler.New("bench")
					a.Step(start, in)
				}
			})
		}
	}
}

// TestALargeRoundIsBounded: ten thousand nodes and ten thousand different demands take no more than the five seconds between
// rounds; with a race detector and others at work it takes longer.
func TestALargeRoundIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("a large cluster")
	}
	in := large(10_000, 10_000, 0)
	began := time.Now()
	actions := autoscaler.New("bench").Step(start, in)
	if took := time.Since(began); took > 30*time.Second { // a hundred times what it takes: this is about the order of growth
		t.Errorf("one round took %v", took)
	}
	if len(actions) == 0 {
		t.Error("nothing was launched")
	}
}
