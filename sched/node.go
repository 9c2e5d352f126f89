package sched

import (
	"container/heap"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Lease numbers a request and the right that follows from it. The client chooses it.
type Lease uint64

// Op says what happened.
type Op uint8

const (
	// Request asks for Need, of which Hold is kept once granted.
	Request Op = iota + 1
	// Release gives a granted lease back, or withdraws a waiting request.
	Release
	// Block lends the lease's CPU to others while its holder waits.
	Block
	// Unblock takes it back, at once.
	Unblock
)

// Event is one thing that happened. An event that its lease's phase has no use for (a second Request, a Release of
// nothing) changes nothing.
type Event struct {
	Op       Op
	Lease    Lease
	Need     spec.Resources // Request: what must be free
	Hold     spec.Resources // Request: what is kept; at most Need
	Priority int32          // Request: higher goes first
}

// Verdict is what the node decided about a request.
type Verdict uint8

const (
	// Grant: the lease holds its resources from now on.
	Grant Verdict = iota + 1
	// Refuse: the node could never grant it.
	Refuse
)

// Action tells the holder of a lease what was decided.
type Action struct {
	Verdict Verdict
	Lease   Lease
	Err     *spec.Error // Refuse: why
}

// Node is the core of one node's scheduling.
type Node struct {
	total, free, debt spec.Resources
	granted           map[Lease]*holding
	waiting           map[Lease]*request
	classes           classes // with waiting requests, and perhaps some that have none left
	byShape           map[shape]*class
	asked             uint64           // requests so far
	lacks             []spec.Resources // of this round: what those that go first and do not fit lack
	passed            []*class         // of this round: those
}

// holding is a granted lease.
type holding struct {
	hold    spec.Resources
	blocked bool
}

// request is a waiting one.
type request struct {
	lease     Lease
	hold      spec.Resources
	order     uint64
	class     *class
	cancelled bool
}

// class is a queue of requests of one shape.
type class struct {
	shape shape
	need  spec.Resources
	queue []*request // oldest first; cancelled ones are skipped
	head  int
	order uint64 // of its head when it was put in its place among the classes; a cancelled head has left since
}

// maxPassed is how many classes are passed over in one round because they do not fit. Those behind wait too, even if they
// would fit: it bounds what one event costs, whatever shapes and priorities a program asks for.
const maxPassed = 64

// classes is a heap: on top is the class whose head goes first.
type classes []*class

func (cs classes) Len() int      { return len(cs) }
func (cs classes) Swap(i, j int) { cs[i], cs[j] = cs[j], cs[i] }
func (cs *classes) Push(c any)   { *cs = append(*cs, c.(*class)) }

func (cs *classes) Pop() any {
	last := len(*cs) - 1
	c := (*cs)[last]
	(*cs)[last] = nil
	*cs = (*cs)[:last]
	return c
}

// Less: higher priority first, then order of request.
func (cs classes) Less(i, j int) bool {
	if cs[i].shape.priority != cs[j].shape.priority {
		return cs[i].shape.priority > cs[j].shape.priority
	}
	return cs[i].order < cs[j].order
}

// NewNode returns a node that has total, all of it free.
func NewNode(total spec.Resources) *Node {
	return &Node{
		total: clone(total), free: clone(total),
		granted: make(map[Lease]*holding), waiting: make(map[Lease]*request), byShape: make(map[shape]*class),
	}
}

// Total returns what the node has.
func (n *Node) Total() spec.Resources { return clone(n.total) }

// Free returns what nobody holds.
func (n *Node) Free() spec.Resources { return clone(n.free) }

// Waiting returns how many requests wait.
func (n *Node) Waiting() int { return len(n.waiting) }

// Step takes one event and appends what follows from it to out.
func (n *Node) Step(ev Event, out []Action) []Action {
	switch ev.Op {
	case Request:
		return n.request(ev, out)
	case Release:
		return n.release(ev.Lease, out)
	case Block:
		if h, ok := n.granted[ev.Lease]; ok && !h.blocked {
			h.blocked = true
			n.give(spec.Resources{CPU: h.hold.CPU})
			return n.grant(out)
		}
	case Unblock:
		if h, ok := n.granted[ev.Lease]; ok && h.blocked {
			h.blocked = false
			taken := min(n.free.CPU, h.hold.CPU)
			n.free.CPU -= taken
			n.debt.CPU += h.hold.CPU - taken
		}
	}
	return out
}

func (n *Node) request(ev Event, out []Action) []Action {
	if n.granted[ev.Lease] != nil || n.waiting[ev.Lease] != nil {
		return out
	}
	if !fits(&ev.Need, &n.total) {
		return append(out, Action{Verdict: Refuse, Lease: ev.Lease, Err: spec.Errorf("place", spec.TaskUnschedulable, "",
			"it needs %v and this node has %v in all", ev.Need, n.total)})
	}
	n.asked++
	if len(n.waiting) == 0 && fits(&ev.Need, &n.free) { // the usual case needs no queue
		return n.take(ev.Lease, ev.Hold, out)
	}
	s := shapeOf(&ev.Need, ev.Priority)
	c := n.byShape[s]
	if c == nil {
		c = &class{shape: s, need: clone(ev.Need), order: n.asked}
		n.byShape[s] = c
		heap.Push(&n.classes, c)
	}
	r := &request{lease: ev.Lease, hold: ev.Hold, order: n.asked, class: c}
	n.waiting[ev.Lease] = r
	c.queue = append(c.queue, r)
	return n.grant(out)
}

func (n *Node) release(l Lease, out []Action) []Action {
	if r, ok := n.waiting[l]; ok {
		r.cancelled = true
		delete(n.waiting, l)
		return n.grant(out) // it may have held others back
	}
	h, ok := n.granted[l]
	if !ok {
		return out
	}
	delete(n.granted, l)
	if h.blocked {
		h.hold.CPU = 0 // lent already
	}
	n.give(h.hold)
	return n.grant(out)
}

// take makes lease a holder.
func (n *Node) take(l Lease, hold spec.Resources, out []Action) []Action {
	add(&n.free, &hold, -1)
	n.granted[l] = &holding{hold: hold}
	return append(out, Action{Verdict: Grant, Lease: l})
}

// give frees r, which pays the debt first.
func (n *Node) give(r spec.Resources) {
	paid := min(n.debt.CPU, r.CPU)
	n.debt.CPU -= paid
	r.CPU -= paid
	add(&n.free, &r, 1)
}

// grant grants every waiting request that may go now.
func (n *Node) grant(out []Action) []Action {
	n.lacks, n.passed = n.lacks[:0], n.passed[:0]
	for len(n.classes) > 0 && len(n.passed) < maxPassed {
		c := heap.Pop(&n.classes).(*class)
		if !c.ready() {
			delete(n.byShape, c.shape)
			continue
		}
		r := c.queue[c.head]
		switch {
		case r.order != c.order: // its place is that of a head that has left
			n.put(c)
		case fits(&c.need, &n.free) && !slices.ContainsFunc(n.lacks, func(l spec.Resources) bool { return competes(&c.need, &l) }):
			c.pop()
			delete(n.waiting, r.lease)
			out = n.take(r.lease, r.hold, out)
			if c.ready() {
				n.put(c)
			} else {
				delete(n.byShape, c.shape)
			}
		default:
			n.lacks = append(n.lacks, minus(&c.need, &n.free))
			n.passed = append(n.passed, c)
		}
	}
	for _, c := range n.passed {
		heap.Push(&n.classes, c)
	}
	return out
}

// put gives the class the place of its head.
func (n *Node) put(c *class) {
	c.order = c.queue[c.head].order
	heap.Push(&n.classes, c)
}

// ready drops cancelled requests from the head and reports whether one is left.
func (c *class) ready() bool {
	for c.head < len(c.queue) && c.queue[c.head].cancelled {
		c.pop()
	}
	return c.head < len(c.queue)
}

func (c *class) pop() {
	c.queue[c.head] = nil
	c.head++
	if c.head > 64 && c.head*2 > len(c.queue) {
		c.queue = append(c.queue[:0:0], c.queue[c.head:]...)
		c.head = 0
	}
}

// Reason says why a request waits, for programs.
type Reason string

const (
	// ReasonResources: what it needs is held by others.
	ReasonResources Reason = "resources"
	// ReasonOrder: what it needs is free, and kept for an older or more important request.
	ReasonOrder Reason = "order"
)

// Pending is one waiting request.
type Pending struct {
	Lease    Lease
	Need     spec.Resources
	Priority int32
	Reason   Reason
	Text     string // for people: "needs {CPU: 1}, free {}"
}

// Pending returns at most limit waiting requests, in the order they were asked for.
func (n *Node) Pending(limit int) []Pending {
	all := make([]*request, 0, len(n.waiting))
	for _, r := range n.waiting {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *request) int { return int(int64(a.order) - int64(b.order)) })
	all = all[:min(limit, len(all))]
	out := make([]Pending, len(all))
	for i, r := range all {
		p := Pending{Lease: r.lease, Need: clone(r.class.need), Priority: r.class.shape.priority, Reason: ReasonResources}
		if fits(&r.class.need, &n.free) {
			p.Reason = ReasonOrder
		}
		p.Text = "needs " + r.class.need.String() + ", free " + n.free.String()
		out[i] = p
	}
	return out
}
