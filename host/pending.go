package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/spec"
)

// Pending is a number of equal requests of tasks and actors that wait for the same reason.
type Pending struct {
	Count    int            `json:"count"`
	Need     spec.Resources `json:"need"`
	Priority int32          `json:"priority"`
	Job      string         `json:"job"`
	// Reason is for programs: resources, order, quota, arguments, environment, group, infeasible, labels or affinity.
	Reason string         `json:"reason"`
	Lacks  spec.Resources `json:"lacks"` // what it needs beyond what it can have now
	Text   string         `json:"text"`  // for people
}

// Pending returns what waits and why, in the order in which each kind began to wait, at most limit kinds.
func (n *Node) Pending(limit int) []Pending {
	demands := n.groups.pending(limit, n.leases.pending(limit))
	all := make([]Pending, len(demands))
	for i, d := range demands {
		all[i] = Pending{Count: d.Count, Need: d.Ask.Need.Spec(), Priority: d.Ask.Priority, Job: d.Ask.Job.String(),
			Reason: d.Reason.String(), Lacks: d.Lacks.Spec(), Text: d.Text}
	}
	return all
}

// Status is what a node has, what of it is in use and what waits.
type Status struct {
	Autoscaler autoscaler.Status `json:"autoscaler"`
	Pending    []Pending         `json:"pending"`
}

// maxPending bounds what a status lists.
const maxPending = 100

// Status returns how the node is now. There is no autoscaler on a node alone; its block shows the node's resources and demands
// as `ray status` does.
func (n *Node) Status() Status {
	u := n.Usage()
	in := autoscaler.Node{ID: autoscaler.ID(n.id.String()), Type: "local", Head: true, Total: u.Total, Free: u.Free, Actors: u.Actors, Objects: u.Objects}
	s := Status{Pending: n.Pending(maxPending)}
	var demands []autoscaler.Demand
	for _, p := range s.Pending {
		demands = append(demands, autoscaler.Demand{Need: p.Need, Count: p.Count})
	}
	look := autoscaler.New("local")
	look.Step(time.Now(), autoscaler.Observation{Nodes: []autoscaler.Node{in}, Demands: demands})
	s.Autoscaler = look.Status()
	s.Autoscaler.Unmet = nil // there is nobody to meet them
	return s
}

// String prints the status for people: Ray's block, then why each demand waits.
func (s Status) String() string {
	var b strings.Builder
	b.WriteString(s.Autoscaler.String())
	if len(s.Pending) > 0 {
		b.WriteString("\nPending\n" + strings.Repeat("-", 63) + "\n")
	}
	for _, p := range s.Pending {
		fmt.Fprintf(&b, " %s x %v of job %s: %s (%s)\n", strconv.Itoa(p.Count), p.Need, p.Job, p.Text, p.Reason)
	}
	return b.String()
}
