package sched

import (
	"encoding/binary"
	"maps"

	"github.com/raywasm/raywasm/sched/resource"
)

// class is a scheduling class: all leases that asked for the same thing. What is the same for them is worked out once.
type class struct {
	key   string
	ask   Ask
	never Reason         // why the node can never grant it, quotas apart; 0: it can
	kinds resource.Kinds // what ask.Need wants some of, if the node can
	share int64          // the dominant share of ask.Hold, in millionths of the node
	lent  int64          // the same without the CPU
	job   *account       // nil while no lease refers to it
	quota *quota         // nil: its namespace has none

	leases int             // that refer to it
	counts [lastReason]int // of these, not yet granted: by what they wait for; 0 are queued
	waits  int             // the sum of counts

	// The queue: of those that wait for resources, the ones with a deadline, earliest first, and the others, oldest first.
	dated       heap[*lease]
	first, last *lease
	line        *line // where the queue waits for its turn; nil if it is empty
	at          int   // in the line

	// Its place among the classes that have somebody waiting, in the order in which they began to.
	prev, next *class
}

// lease is one request on its way to its end.
type lease struct {
	id       Lease
	holder   any
	class    *class
	order    uint64 // of the request
	deadline int64  // 0: none
	until    Reason // what it waits for beside resources, says its client; 0: nothing
	never    Reason // why the node can never grant it; 0: it can
	phase    phase
	devices  resource.Devices

	prev, next *lease // in the class's queue, if it has no deadline
	at         int    // there, if it has one
	due        int    // among all that wait and have a deadline
}

type phase uint8

const (
	held    phase = iota // waits for something beside resources, or for ever: in no queue
	queued               // waits for resources
	granted              // holds them
	blocked              // holds them, but for the CPU
)

// reason returns what the lease waits for beside its turn and resources, 0 for nothing.
func (l *lease) reason() Reason {
	if l.never != 0 {
		return l.never
	}
	return l.until
}

// soonest orders leases by deadline, then by age.
func soonest(a, b *lease) bool {
	if a.deadline != b.deadline {
		return a.deadline < b.deadline
	}
	return a.order < b.order
}

// maxIdle is how many classes are kept that no lease refers to, because the next request may be of one of them.
const maxIdle = 1024

// classOf returns the class of what is asked for.
func (n *Node) classOf(ask *Ask) *class {
	if c := n.recent; c != nil && same(&c.ask, ask) {
		return c
	}
	n.key = appendKey(n.key[:0], ask)
	c := n.classes[string(n.key)]
	if c == nil {
		n.sweep()
		c = n.newClass(ask)
		n.classes[c.key] = c
		n.idle++
	}
	n.recent = c
	return c
}

// sweep forgets classes that no lease refers to, when they are many.
func (n *Node) sweep() {
	if n.idle <= max(maxIdle, len(n.classes)/2) {
		return
	}
	n.recent, n.idle = nil, 0
	maps.DeleteFunc(n.classes, func(_ string, c *class) bool { return c.leases == 0 })
}

func (n *Node) newClass(ask *Ask) *class {
	c := &class{key: string(n.key), ask: *ask, quota: n.quotas[ask.Namespace]}
	c.dated = heap[*lease]{before: soonest, place: func(l *lease) *int { return &l.at }}
	total := n.pool.Total()
	c.share = millionths(ask.Hold.Share(total))
	rest := ask.Hold
	rest.CPU = 0
	c.lent = millionths(rest.Share(total))
	if c.never = n.never(ask); c.never == 0 {
		c.kinds = n.pool.Kinds(ask.Need)
	}
	return c
}

// never says why the node can never do what is asked for, quotas apart, or 0.
func (n *Node) never(ask *Ask) Reason {
	switch {
	case !n.pool.Could(ask.Need):
		return ReasonInfeasible
	case ask.Strategy.Node != noNode && ask.Strategy.Node != n.id && !ask.Strategy.Soft:
		return ReasonAffinity
	case !matches(ask.Strategy.Select, n.labels):
		return ReasonLabels
	}
	return 0
}

// use counts a lease of the class in; drop counts it out.
func (n *Node) use(c *class) {
	if c.leases == 0 {
		n.idle--
		c.job = n.account(c.ask.Job)
	}
	c.leases++
	c.job.leases++
}

func (n *Node) drop(c *class) {
	c.leases--
	c.job.leases--
	if c.leases > 0 {
		return
	}
	n.settled(c.job)
	c.job = nil
	n.idle++
}

// begins puts the class at the end of those that have somebody waiting; ends takes it out.
func (n *Node) begins(c *class) {
	c.prev = n.lastWaiting
	if c.prev == nil {
		n.firstWaiting = c
	} else {
		c.prev.next = c
	}
	n.lastWaiting = c
}

func (n *Node) ends(c *class) {
	if c.prev == nil {
		n.firstWaiting = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		n.lastWaiting = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}

// head returns the lease of the queue that goes first, nil if it is empty.
func (c *class) head() *lease {
	if len(c.dated.items) > 0 {
		return c.dated.top()
	}
	return c.first
}

// enqueue puts a lease into the queue in its place. Most come in order of age; one that was held comes late.
func (c *class) enqueue(l *lease) {
	if l.deadline != 0 {
		c.dated.push(l)
		return
	}
	after := c.last
	for after != nil && after.order > l.order {
		after = after.prev
	}
	l.prev = after
	if after == nil {
		l.next, c.first = c.first, l
	} else {
		l.next, after.next = after.next, l
	}
	if l.next == nil {
		c.last = l
	} else {
		l.next.prev = l
	}
}

// dequeue takes a lease out of the queue, wherever it is.
func (c *class) dequeue(l *lease) {
	if l.deadline != 0 {
		c.dated.remove(l.at)
		return
	}
	if l.prev == nil {
		c.first = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		c.last = l.prev
	} else {
		l.next.prev = l.prev
	}
	l.prev, l.next = nil, nil
}

// same reports whether two asks are of one class.
func same(a, b *Ask) bool {
	return a == b || a.Priority == b.Priority && a.Job == b.Job && a.Need.Equal(b.Need) && a.Hold.Equal(b.Hold) && a.Namespace == b.Namespace &&
		sameStrategy(&a.Strategy, &b.Strategy)
}

func sameStrategy(a, b *Strategy) bool {
	if a.Spread != b.Spread || a.Soft != b.Soft || a.Node != b.Node || len(a.Select) != len(b.Select) {
		return false
	}
	for i := range a.Select {
		if a.Select[i].String() != b.Select[i].String() {
			return false
		}
	}
	return true
}

// appendKey appends what equal asks have equal.
func appendKey(b []byte, a *Ask) []byte {
	b = a.Need.AppendKey(b)
	b = a.Hold.AppendKey(b)
	b = binary.AppendVarint(b, int64(a.Priority))
	b = append(b, a.Job[:]...)
	b = appendText(b, a.Namespace)
	s := &a.Strategy
	if !s.Spread && s.Node == noNode && len(s.Select) == 0 {
		return b
	}
	b = append(b, flag(s.Spread)|flag(s.Soft)<<1)
	b = append(b, s.Node[:]...)
	for i := range s.Select {
		b = appendText(b, s.Select[i].String())
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

func millionths(share float64) int64 { return int64(share * 1e6) }
