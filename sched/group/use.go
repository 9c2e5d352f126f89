package group

import (
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// AnyBundle lets a task or actor run in whichever bundle has room.
const AnyBundle = -1

// Use is how a task or actor uses a placement group. A nil *Use was not said; one without a group says that none is used.
type Use struct {
	Group   spec.GroupID
	Bundle  int  // or AnyBundle
	Capture bool // what it submits uses the group too, unless it says otherwise
}

// Inherit returns what a child uses: what it says itself, else its parent's group if that captures its children, in any bundle.
func Inherit(said, parent *Use) *Use {
	if said != nil {
		if said.Group.IsZero() {
			return nil
		}
		return said
	}
	if parent != nil && parent.Capture {
		return &Use{Group: parent.Group, Bundle: AnyBundle, Capture: true}
	}
	return nil
}

// Check reports why need can never be placed as use says: there is no such group or bundle, or need is more than any
// bundle that is meant. The error's kind is actor's or a task's. An actor that holds no CPU still needs a bundle with the one
// that it is placed by.
func (gs *Groups) Check(use Use, need resource.Vector, actor bool) error {
	unschedulable := spec.TaskUnschedulable
	if actor {
		unschedulable = spec.ActorUnschedulable
	}
	g := gs.byID[use.Group]
	switch {
	case g == nil:
		return spec.Errorf("place", spec.NotFound, labelOf(use.Group, ""), "there is no such placement group")
	case g.state == Removed:
		return spec.Errorf("place", RemovedKind(actor), g.label(), "it was removed")
	case use.Bundle < AnyBundle || use.Bundle >= len(g.bundles):
		return spec.Errorf("place", spec.InvalidArgument, g.label(), "bundle %d is not between 0 and %d, nor %d for any", use.Bundle, len(g.bundles)-1, AnyBundle)
	}
	if use.Bundle != AnyBundle {
		pool := resource.NewPool(g.bundles[use.Bundle].Need)
		if !pool.Could(need) {
			return spec.Errorf("place", unschedulable, g.label(), "it needs %s and bundle %d has %s in all", need, use.Bundle, pool.Total())
		}
		return nil
	}
	for i := range g.bundles {
		if pool := resource.NewPool(g.bundles[i].Need); pool.Could(need) {
			return nil
		}
	}
	return spec.Errorf("place", unschedulable, g.label(), "it needs %s and no bundle has that in all; bundle 0 has %s", need, g.bundles[0].Need)
}

// Where returns the node of each bundle, as far as they have one that can be used now; false if there is no such group.
func (gs *Groups) Where(id spec.GroupID) (nodes []spec.NodeID, placed []bool, ok bool) {
	g := gs.byID[id]
	if g == nil {
		return nil, nil, false
	}
	nodes, placed = make([]spec.NodeID, len(g.on)), make([]bool, len(g.on))
	for i, p := range g.on {
		if p != nil {
			nodes[i], placed[i] = p.node.id, true
		}
	}
	return nodes, placed, true
}
