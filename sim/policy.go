package sim

import (
	"math/rand/v2"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/group/packing"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Policy chooses nodes for tasks and actors, by what their owner believes to be free.
type Policy interface {
	// Set says what is free on a node; the pool is the policy's from now on.
	Set(id spec.NodeID, labels label.Set, pool resource.Pool)
	// Remove forgets a node.
	Remove(id spec.NodeID)
	// Pick returns a node with room now, false if none has.
	Pick(need resource.Vector, sel label.Selector) (spec.NodeID, bool)
}

// FirstFit takes the next node that has room, in turn, and nodes with GPUs last.
type FirstFit struct {
	room  *packing.Room
	nodes map[spec.NodeID]*packing.Node
}

// NewFirstFit returns the policy without nodes.
func NewFirstFit() *FirstFit {
	return &FirstFit{packing.NewRoom(), make(map[spec.NodeID]*packing.Node)}
}

// Set says what is free.
func (f *FirstFit) Set(id spec.NodeID, labels label.Set, pool resource.Pool) {
	if n := f.nodes[id]; n != nil {
		f.room.Set(n, pool)
		return
	}
	f.nodes[id] = f.room.Add(id, labels, pool)
}

// Remove forgets a node.
func (f *FirstFit) Remove(id spec.NodeID) {
	if n := f.nodes[id]; n != nil {
		f.room.Remove(n)
		delete(f.nodes, id)
	}
}

// Pick chooses a node.
func (f *FirstFit) Pick(need resource.Vector, sel label.Selector) (spec.NodeID, bool) {
	p, ok := f.room.Place(packing.Query{Strategy: spec.Spread, Bundles: []packing.Bundle{{Need: need, Select: sel}}})
	if !ok {
		return spec.NodeID{}, false
	}
	return p.On[0].ID, true
}

// Ray is the real view of the cluster with Ray's policies and constants (sched/cluster): the hybrid one, or SPREAD.
type Ray struct {
	view    *cluster.View
	rng     *rand.Rand
	spread  bool
	version uint64
}

// NewRay returns the hybrid policy, which draws from a seed.
func NewRay(seed uint64) *Ray {
	return &Ray{view: cluster.NewView(spec.NodeID{}), rng: rand.New(rand.NewPCG(seed, 3))}
}

// NewRaySpread returns SPREAD.
func NewRaySpread(seed uint64) *Ray {
	r := NewRay(seed)
	r.spread = true
	return r
}

// Set says what is free.
func (r *Ray) Set(id spec.NodeID, labels label.Set, pool resource.Pool) {
	r.version++
	r.view.Update(cluster.Node{ID: id, Version: r.version, Pool: pool, Labels: labels})
}

// Remove forgets a node.
func (r *Ray) Remove(id spec.NodeID) { r.view.Remove(id) }

// Pick chooses a node.
func (r *Ray) Pick(need resource.Vector, sel label.Selector) (spec.NodeID, bool) {
	s := sched.Strategy{Spread: r.spread}
	if !sel.IsZero() {
		s.Select = label.Strategy{sel}
	}
	c := r.view.Pick(&cluster.Request{Need: need, Strategy: s}, r.rng)
	return c.Node, c.Reason == 0 && c.Node != spec.NodeID{}
}
