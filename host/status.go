package host

import (
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

// Status returns how the node is now. There is no autoscaler on a node alone; its block shows the node's resources and demands
// as `ray status` does.
func (n *Node) Status() Status {
	s := Status{Pending: n.Pending(maxPending)}
	u := n.Usage()
	in := autoscaler.Node{ID: autoscaler.ID(n.id.String()), Type: "local", Head: true, Total: u.Total, Free: u.Free, Actors: u.Actors, Objects: u.Objects}
	in.Reserved, in.ReservedUsed = n.groups.reserved()
	see := autoscaler.Observation{Nodes: []autoscaler.Node{in}, Groups: n.groups.homeless()}
	for _, p := range s.Pending {
		see.Demands = append(see.Demands, autoscaler.Demand{Need: p.Need, Count: p.Count})
	}
	look := autoscaler.New("local")
	look.Step(time.Now(), see)
	s.Autoscaler = look.Status()
	s.Autoscaler.Unmet = nil // there is nobody to meet them
	return s
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
