package host

import (
	"cmp"
	"slices"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Status is what a node has, what of it is in use and what waits. Placement groups without a place are among the demands of the
// autoscaler's block; what waits for such a group is among the pending ones, for the reason group.
type Status struct {
	Autoscaler autoscaler.Status
	Pending    []Pending
}

// maxPending bounds the kinds of requests that a status lists.
const maxPending = 100

// Status returns how the node is now, with what the other nodes of its cluster said last. There is no autoscaler yet; its block
// shows resources and demands as `ray status` does.
func (n *Node) Status() Status {
	s := Status{Pending: n.Pending(maxPending)}
	see := autoscaler.Observation{Nodes: n.everywhere(), Groups: n.groups.homeless()}
	for _, p := range s.Pending {
		see.Demands = append(see.Demands, autoscaler.Demand{Need: p.Need, Count: p.Count})
	}
	look := autoscaler.New("local")
	look.Step(time.Now(), see)
	s.Autoscaler = look.Status()
	s.Autoscaler.Unmet = nil // there is nobody to meet them
	return s
}

// everywhere returns what the nodes of the cluster have: this one, and what the others said last.
func (n *Node) everywhere() []autoscaler.Node {
	u := n.Usage()
	here := nodeOf(n.id, u.Total, u.Free)
	here.Actors, here.Objects = u.Actors, u.Objects
	here.Reserved, here.ReservedUsed = n.groups.reserved()
	all := []autoscaler.Node{here}
	if c := n.cluster; c != nil {
		c.mu.Lock()
		for x := range c.view.Nodes() {
			if x.ID != n.id {
				all = append(all, nodeOf(x.ID, x.Pool.Total().Spec(), x.Pool.Free().Spec()))
			}
		}
		c.mu.Unlock()
		slices.SortFunc(all[1:], func(a, b autoscaler.Node) int { return cmp.Compare(a.ID, b.ID) })
	}
	return all
}

// nodeOf is a node as Ray's status names it where nodes have no types; what is held there keeps it busy.
func nodeOf(id spec.NodeID, total, free spec.Resources) autoscaler.Node {
	x := autoscaler.Node{ID: autoscaler.ID(id.String()), Type: "node_" + id.String(), Total: total, Free: free}
	if !resource.Of(total).Equal(resource.Of(free)) {
		x.Tasks = 1
	}
	return x
}

// resources returns what the cluster has, and what of it nobody holds.
func (n *Node) resources() spec.ClusterResources {
	var total, free resource.Vector
	for _, x := range n.everywhere() {
		total, free = total.Plus(resource.Of(x.Total)), free.Plus(resource.Of(x.Free))
	}
	return spec.ClusterResources{Total: total.Spec(), Available: free.Spec()}
}

// reserved returns what bundles hold of the node, and what of that is used by tasks and actors.
func (g *groups) reserved() (all, used spec.Resources) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var sum, in resource.Vector
	for _, b := range g.lent {
		sum = sum.Plus(b.need)
		if b.leases != nil {
			pool := b.leases.pool()
			in = in.Plus(pool.Total()).Minus(pool.Free())
		}
	}
	return sum.Spec(), in.Spec()
}

// homeless are the groups that lack a place, with the bundles that do.
func (g *groups) homeless() []autoscaler.Group {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []autoscaler.Group
	for _, row := range g.core.Waiting(autoscaler.MaxGroups) {
		lacks := autoscaler.Group{Name: row.Name, Strategy: row.Strategy}
		for _, b := range row.Bundles {
			if !b.Placed {
				lacks.Bundles = append(lacks.Bundles, autoscaler.Demand{Need: b.Need, Count: 1})
			}
		}
		all = append(all, lacks)
	}
	return all
}
