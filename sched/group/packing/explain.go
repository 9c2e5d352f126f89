package packing

import (
	"fmt"

	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Explain says why a query has no answer in this room, for people: which bundle, which resource, and what comes nearest.
func (r *Room) Explain(q Query) string {
	if r.Len() == 0 {
		return "there is no node"
	}
	var total resource.Vector
	for i, b := range q.Bundles {
		if q.Index != nil {
			i = q.Index[i]
		}
		total = total.Plus(b.Need)
		matching := 0
		near, fits := r.nearest(b.Need, func(n *Node) bool {
			ok := b.Select.Matches(n.Labels)
			if ok {
				matching++
			}
			return ok
		})
		if matching == 0 {
			return fmt.Sprintf("bundle %d needs a node with the labels %s, which none of %d has", i, b.Select, r.Len())
		}
		if !fits {
			return fmt.Sprintf("bundle %d needs %s; %s", i, b.Need, near.has(b.Need))
		}
	}
	switch {
	case q.Strategy == spec.StrictPack:
		if near, fits := r.nearest(total, func(*Node) bool { return true }); !fits {
			return fmt.Sprintf("its bundles need %s on one node; %s", total, near.has(total))
		}
		return fmt.Sprintf("no single node has the labels and GPUs for all %d bundles", len(q.Bundles))
	case !total.Within(r.free):
		return fmt.Sprintf("its bundles need %s in all; %d nodes have %s", total, r.Len(), r.free)
	case q.Strategy == spec.StrictSpread:
		s := search{Room: r, Query: q}
		r.searches++
		s.Strategy = spec.Spread // counts as many as it can
		return fmt.Sprintf("its %d bundles need a node each; %d find one", len(q.Bundles), s.match())
	}
	return fmt.Sprintf("no way to lay its %d bundles on %d nodes was found in %d tries", len(q.Bundles), r.Len(), MaxSteps)
}

// nearest returns the node that lacks the least of need, among those that ok accepts, and whether one lacks nothing.
func (r *Room) nearest(need resource.Vector, ok func(*Node) bool) (near *Node, fits bool) {
	least := 0.0
	r.Each(func(n *Node) bool {
		if !ok(n) {
			return true
		}
		lack := n.pool.Lacks(need).Share(need)
		if near == nil || lack < least {
			near, least = n, lack
		}
		return lack > 0
	})
	return near, near != nil && least == 0
}

// has says what a node has of the kinds that need wants.
func (n *Node) has(need resource.Vector) string {
	short := n.pool.Lacks(need)
	free := n.pool.Free()
	if short.GPU > 0 && free.GPU >= need.GPU {
		return fmt.Sprintf("%s comes nearest and has GPU %s, but not on one device or on whole ones", n.ID, free.GPU)
	}
	return fmt.Sprintf("%s comes nearest and has %s", n.ID, free)
}
