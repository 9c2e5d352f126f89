package packing_test

import (
	"fmt"

	"github.com/raywasm/raywasm/sched/group/packing"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// What has no place says why.
func ExampleRoom_Place() {
	room := packing.NewRoom()
	room.Add(spec.NodeID{1}, label.Set{}, resource.NewPool(resource.Vector{CPU: 4 * spec.Unit}))
	three := packing.Bundle{Need: resource.Vector{CPU: 3 * spec.Unit}}
	q := packing.Query{Strategy: spec.Pack, Bundles: []packing.Bundle{three}}
	p, ok := room.Place(q)
	fmt.Println(ok, p.On[0].ID == spec.NodeID{1})
	q.Bundles = append(q.Bundles, three)
	_, ok = room.Place(q)
	fmt.Println(ok, room.Explain(q))
	// Output:
	// true true
	// false its bundles need {CPU: 6} in all; 1 nodes have {CPU: 4}
}
