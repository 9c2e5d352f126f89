package host

import "github.com/raywasm/raywasm/spec"

// Pending is a number of equal requests of tasks and actors that wait for the same reason.
type Pending struct {
	Count    int
	Need     spec.Resources
	Priority int32
	Job      string
	// Reason is for programs: resources, order, quota, arguments, environment, group, infeasible, labels or affinity.
	Reason string
	Lacks  spec.Resources // what it needs beyond what it can have now
	Text   string         // for people
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
