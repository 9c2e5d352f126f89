package sched

import (
	"fmt"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Reason says why a request waits, or why it was refused. The list is closed and only grows at its end.
type Reason uint8

const (
	// ReasonResources: what it needs is held by others.
	ReasonResources Reason = iota + 1
	// ReasonOrder: what it needs is free, and kept for a request that goes before it.
	ReasonOrder
	// ReasonQuota: its namespace may not hold more, or never so much.
	ReasonQuota
	// ReasonInfeasible: the node never has what it needs.
	ReasonInfeasible
	// ReasonLabels: the node's labels do not fulfil its selectors.
	ReasonLabels
	// ReasonAffinity: it wants to run on another node.
	ReasonAffinity
	// ReasonArguments: objects that it was given are not there yet.
	ReasonArguments
	// ReasonEnvironment: the environment that it runs in is being made ready.
	ReasonEnvironment
	// ReasonGroup: its placement group has no place yet.
	ReasonGroup
	// ReasonDeadline: its deadline passed. Of refusals only.
	ReasonDeadline
	// ReasonOver: the lease was released before. Of refusals only.
	ReasonOver
	lastReason
)

var reasonNames = [lastReason]string{"", "resources", "order", "quota", "infeasible", "labels", "affinity", "arguments", "environment", "group", "deadline", "over"}

// String returns the reason's name, which is also its form in JSON.
func (r Reason) String() string {
	if r >= lastReason {
		r = 0
	}
	return reasonNames[r]
}

// MarshalText writes the name.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Wait is why one request waits.
type Wait struct {
	Lease    Lease
	Holder   any // who asked
	Ask      *Ask
	Deadline int64 // 0: none
	Reason   Reason
	// Lacks is what it needs beyond what is free (ReasonResources), what the namespace may hold (ReasonQuota), or what the
	// node has (ReasonInfeasible).
	Lacks resource.Vector
	Text  string // for people
}

// Why says why a request waits; false if it does not.
func (n *Node) Why(id Lease) (Wait, bool) {
	l := n.leases.get(id)
	if l == nil || l.phase >= granted {
		return Wait{}, false
	}
	w := Wait{Lease: id, Ask: &l.class.ask, Deadline: l.deadline}
	w.Reason, w.Lacks, w.Text = n.why(l.class, l.reason())
	return w, true
}

// Queued appends to out, as far as it has room, the requests that wait for resources and nothing else: of each class those
// that go first there, the classes in the order in which they began to wait. Of each it says who asked, and for what.
func (n *Node) Queued(out []Wait) []Wait {
	add := func(l *lease) bool {
		if len(out) == cap(out) {
			return false
		}
		out = append(out, Wait{Lease: l.id, Holder: l.holder, Ask: &l.class.ask, Deadline: l.deadline, Reason: ReasonResources})
		return true
	}
	for c := n.firstWaiting; c != nil; c = c.next {
		for _, l := range c.dated.items { // the earliest deadline comes first, the others as they lie in the heap
			if !add(l) {
				return out
			}
		}
		for l := c.first; l != nil; l = l.next {
			if !add(l) {
				return out
			}
		}
	}
	return out
}

// Demand is requests of one class that wait for the same reason.
type Demand struct {
	Ask    *Ask
	Count  int
	First  Lease // the one that goes first, if they wait for resources
	Reason Reason
	Lacks  resource.Vector
	Text   string
}

// Pending returns at most limit demands, in the order in which their classes began to wait. Together they are what the node
// waits for, if there are less than limit.
func (n *Node) Pending(limit int) []Demand {
	var all []Demand
	for c := n.firstWaiting; c != nil; c = c.next {
		for until, count := range c.counts {
			if count == 0 {
				continue
			}
			if len(all) >= limit {
				return all
			}
			d := Demand{Ask: &c.ask, Count: count}
			d.Reason, d.Lacks, d.Text = n.why(c, Reason(until))
			if until == 0 {
				d.First = c.head().id
			}
			all = append(all, d)
		}
	}
	return all
}

// why says what leases of a class wait for that wait for until, which is 0 in the queue.
func (n *Node) why(c *class, until Reason) (why Reason, lacks resource.Vector, text string) {
	need := c.ask.Need
	switch {
	case until == ReasonInfeasible:
		return until, need.Lacks(n.pool.Total()), n.neverText(c, until)
	case until == ReasonQuota:
		return until, need.Over(resource.Vector{}, c.quota.limit), n.neverText(c, until)
	case until != 0:
		return until, resource.Vector{}, n.neverText(c, until)
	}
	if c.quota != nil {
		if lacks := need.Over(c.quota.used, c.quota.limit); !lacks.IsZero() {
			return ReasonQuota, lacks, fmt.Sprintf("it needs %v and namespace %q holds %v of the %v that it may", need, c.ask.Namespace, c.quota.used, c.quota.limit)
		}
	}
	if lacks := n.pool.Lacks(need); !lacks.IsZero() {
		return ReasonResources, lacks, fmt.Sprintf("it needs %v, %v more than is free", need, lacks)
	}
	return ReasonOrder, resource.Vector{}, fmt.Sprintf("it needs %v, which is free, and others go before it", need)
}

// neverText says for people why a class waits outside the queues.
func (n *Node) neverText(c *class, why Reason) string {
	switch why {
	case ReasonInfeasible:
		return fmt.Sprintf("it needs %v and this node has %v in all", c.ask.Need, n.pool.Total())
	case ReasonLabels:
		return fmt.Sprintf("it wants a node with %s and this one has {%v}", strategyText(c.ask.Strategy.Select), n.labels)
	case ReasonAffinity:
		return fmt.Sprintf("it wants to run on node %v and this is node %v", c.ask.Strategy.Node, n.id)
	case ReasonQuota:
		return fmt.Sprintf("it needs %v and namespace %q may hold %v", c.ask.Need, c.ask.Namespace, c.quota.limit)
	case ReasonArguments:
		return "its arguments are not there yet"
	case ReasonEnvironment:
		return "its environment is being made ready"
	case ReasonGroup:
		return "its placement group has no place yet"
	}
	return why.String()
}

// strategyText prints selectors as alternatives: {zone=a} or {zone=b}.
func strategyText(s label.Strategy) string {
	text := ""
	for i := range s {
		if i > 0 {
			text += " or "
		}
		text += "{" + s[i].String() + "}"
	}
	return text
}

// matches reports whether labels fulfil one of the selectors.
func matches(s label.Strategy, labels label.Set) bool {
	for i := range s {
		if s[i].Matches(labels) {
			return true
		}
	}
	return len(s) == 0
}

// refusal refuses a lease for good.
func refusal(id Lease, holder any, why Reason, text string) Action {
	kind := spec.TaskUnschedulable
	if why == ReasonOver {
		kind = spec.NotFound
	}
	return Action{Verdict: Refuse, Lease: id, Holder: holder, Reason: why, Err: spec.Errorf("place", kind, "", "%s", text)}
}

// late refuses a lease whose deadline passed.
func late(id Lease, holder any) Action {
	return Action{Verdict: Refuse, Lease: id, Holder: holder, Reason: ReasonDeadline, Err: spec.Errorf("place", spec.DeadlineExceeded, "", "its deadline passed while it waited")}
}
