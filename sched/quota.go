package sched

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/sched/resource"
)

// quota is what the leases of one namespace may hold together. A kind of which the limit has none is not limited.
type quota struct {
	limit, used resource.Vector
	lacks       resource.Kinds // what those that go first and do not fit lack
	round       uint64         // in which that was found
}

// lacking returns what was found to be lacking in this round.
func (q *quota) lacking(round uint64) resource.Kinds {
	if q.round != round {
		return 0
	}
	return q.lacks
}

// short returns the kinds of which need would make the namespace hold too much.
func (q *quota) short(need resource.Vector, p *resource.Pool) resource.Kinds {
	return p.Kinds(need.Over(q.used, q.limit))
}

// why says why no lease of the class can ever be granted, or 0.
func (c *class) why() Reason {
	if c.never == 0 && c.quota != nil && !c.ask.Need.Over(resource.Vector{}, c.quota.limit).IsZero() {
		return ReasonQuota
	}
	return c.never
}

// limit sets the quota of a namespace; a zero one takes it away. Everything that waits in the namespace is looked at anew.
func (n *Node) limit(ns string, limit resource.Vector, out []Action) []Action {
	waiting, used := n.inNamespace(ns)
	for _, l := range waiting {
		if l.phase == queued {
			n.dequeue(l)
			l.phase = held
		}
	}
	n.lanes = slices.DeleteFunc(n.lanes, func(l *lane) bool { return len(l.levels.items) == 0 })
	if limit.IsZero() {
		delete(n.quotas, ns)
	} else {
		n.quotas[ns] = &quota{limit: limit, used: used}
	}
	for _, c := range n.classes {
		if c.ask.Namespace == ns {
			c.quota = n.quotas[ns]
		}
	}
	for _, l := range waiting {
		c := l.class
		c.counts[l.reason()]--
		l.never = c.why()
		c.counts[l.reason()]++
		if l.never != 0 && !n.patient {
			out = append(out, refusal(l.id, l.holder, l.never, n.neverText(c, l.never)))
			n.unwait(l)
			n.forget(l)
			continue
		}
		n.enqueue(l)
	}
	return n.round(out)
}

// inNamespace returns what waits in a namespace, oldest first, and what is held in it.
func (n *Node) inNamespace(ns string) (waiting []*lease, used resource.Vector) {
	for l := range n.leases.all() {
		switch {
		case l.class.ask.Namespace != ns:
		case l.phase >= granted:
			used = used.Plus(l.has())
		default:
			waiting = append(waiting, l)
		}
	}
	slices.SortFunc(waiting, byAge)
	return waiting, used
}

// byAge orders leases by when they were asked for.
func byAge(a, b *lease) int { return cmp.Compare(a.order, b.order) }
