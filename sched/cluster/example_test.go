package cluster_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// The local node is full; the other one has room.
func ExampleView_Pick() {
	here, there := spec.NodeID{1}, spec.NodeID{2}
	two := resource.Vector{CPU: 2 * spec.Unit}
	view := cluster.NewView(here)
	view.Update(cluster.Node{ID: here, Version: 1, Pool: resource.NewPool(two)})
	view.Update(cluster.Node{ID: there, Version: 1, Pool: resource.NewPool(two)})
	view.Assume(here, two)
	choice := view.Pick(&cluster.Request{Need: resource.Vector{CPU: spec.Unit}}, rand.New(rand.NewPCG(1, 2)))
	fmt.Println(choice.Node == there, choice.Reason == 0)
	// Output: true true
}
