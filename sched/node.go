package sched

import (
	"slices"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Config says what a node has.
type Config struct {
	ID     spec.NodeID
	Pool   resource.Pool // what it can lend; the node's from now on
	Labels label.Set
	// Patient keeps a request that the node can never grant waiting, with the reason, instead of refusing it: somebody may
	// send it elsewhere, or make a node for it.
	Patient bool
}

// Node is the core of one node's scheduling.
type Node struct {
	id      spec.NodeID
	pool    resource.Pool
	labels  label.Set
	patient bool
	debt    spec.Quantity // CPU that resumed holders took though it was not free

	now   int64 // the latest time there was
	order uint64

	leases  table
	clients map[uint32]*client
	due     heap[*lease] // what waits and has a deadline
	waiting int
	spare   []*lease

	classes                   map[string]*class
	key                       []byte // reused
	recent                    *class // the one that was asked for last
	idle                      int    // classes that no lease refers to
	firstWaiting, lastWaiting *class

	lanes       []*lane
	spareLevels []*level
	spareLines  []*line
	quotas      map[string]*quota // by namespace
	rounds      uint64            // so far

	accounts    map[spec.JobID]*account
	weights     map[spec.JobID]float64
	maxAccounts int
	last        *account // whose request was granted last
	floor       float64  // what that job had had by then: where a new job begins
	turn        uint64   // grants so far
}

// noNode is no node's id.
var noNode spec.NodeID

// NewNode returns a node.
func NewNode(cfg Config) *Node {
	return &Node{
		id: cfg.ID, pool: cfg.Pool, labels: cfg.Labels, patient: cfg.Patient,
		leases: table{pages: make(map[Lease]*page)}, clients: make(map[uint32]*client),
		due:     heap[*lease]{before: soonest, place: func(l *lease) *int { return &l.due }},
		classes: make(map[string]*class), quotas: make(map[string]*quota),
		accounts: make(map[spec.JobID]*account), weights: make(map[spec.JobID]float64), maxAccounts: maxSettled,
	}
}

// Total returns what the node has.
func (n *Node) Total() resource.Vector { return n.pool.Total() }

// Free returns what nobody holds.
func (n *Node) Free() resource.Vector { return n.pool.Free() }

// Pool returns what the node has and what of it is free, down to the GPUs, as a pool of its own.
func (n *Node) Pool() resource.Pool { return n.pool.Clone() }

// Labels returns the node's labels.
func (n *Node) Labels() label.Set { return n.labels }

// Waiting returns how many requests wait.
func (n *Node) Waiting() int { return n.waiting }

// Leases returns how many leases are held.
func (n *Node) Leases() int { return n.leases.count - n.waiting }

// Step takes one event that happened at now (in nanoseconds since 1970 UTC; a time before that of an earlier event is
// taken for that) and appends what follows from it to out.
func (n *Node) Step(now int64, ev Event, out []Action) []Action {
	n.now = max(n.now, now)
	out = n.expire(out)
	switch ev.Op {
	case Request:
		return n.request(&ev, out)
	case Ready:
		if l := n.leases.get(ev.Lease); l != nil && l.phase == held && l.until != 0 {
			l.class.counts[l.reason()]--
			l.until = 0
			l.class.counts[l.reason()]++
			return n.admit(l, out)
		}
	case Release:
		return n.release(ev.Lease, out)
	case Block:
		if l := n.leases.get(ev.Lease); l != nil && l.phase == granted {
			l.phase = blocked
			n.giveCPU(l)
			return n.round(out)
		}
	case Unblock:
		if l := n.leases.get(ev.Lease); l != nil && l.phase == blocked {
			l.phase = granted
			n.takeCPU(l)
		}
	case Leave:
		return n.dismiss(ev.Client, out)
	case Weigh:
		n.weigh(ev.Job, ev.Weight)
	case Limit:
		return n.limit(ev.Namespace, ev.Quota, out)
	}
	return out
}

// request takes a lease in, or answers again.
func (n *Node) request(ev *Event, out []Action) []Action {
	if l := n.leases.get(ev.Lease); l != nil {
		if l.phase >= granted {
			out = append(out, Action{Verdict: Grant, Lease: l.id, Holder: l.holder, Devices: l.devices})
		}
		return out
	}
	if !n.fresh(ev.Lease) {
		return append(out, refusal(ev.Lease, ev.Holder, ReasonOver, "it was released before"))
	}
	if ev.Deadline != 0 && ev.Deadline <= n.now {
		return append(out, late(ev.Lease, ev.Holder))
	}
	c := n.classOf(ev.Ask)
	never := c.why()
	if never != 0 && !n.patient {
		return append(out, refusal(ev.Lease, ev.Holder, never, n.neverText(c, never)))
	}
	l := reuse(&n.spare)
	if l == nil {
		l = new(lease)
	}
	n.order++
	*l = lease{id: ev.Lease, holder: ev.Holder, class: c, order: n.order, deadline: ev.Deadline, until: ev.Until, never: never}
	n.leases.put(l)
	n.use(c)
	n.wait(l)
	return n.admit(l, out)
}

// fresh reports whether the lease was never seen, and remembers it.
func (n *Node) fresh(l Lease) bool {
	c := n.clients[l.Client()]
	if c == nil {
		c = new(client)
		n.clients[l.Client()] = c
	}
	return c.fresh(l.count())
}

// wait counts a lease among those that wait.
func (n *Node) wait(l *lease) {
	c := l.class
	if c.waits == 0 {
		n.begins(c)
	}
	c.waits++
	c.counts[l.reason()]++
	n.waiting++
	if l.deadline != 0 {
		n.due.push(l)
	}
}

// unwait counts it out.
func (n *Node) unwait(l *lease) {
	c := l.class
	c.waits--
	c.counts[l.reason()]--
	if c.waits == 0 {
		n.ends(c)
	}
	n.waiting--
	if l.deadline != 0 {
		n.due.remove(l.due)
	}
}

// admit puts a lease that waits for nothing else into the queue, or grants it at once.
func (n *Node) admit(l *lease, out []Action) []Action {
	if n.enqueue(l) {
		return n.round(out)
	}
	return out
}

// enqueue puts a lease that waits for nothing else into the queue of its class. It reports whether it goes first there:
// otherwise one goes before it that has to wait, so that nothing changes.
func (n *Node) enqueue(l *lease) bool {
	if l.reason() != 0 {
		return false
	}
	c := l.class
	l.phase = queued
	c.enqueue(l)
	switch {
	case c.line == nil:
		n.join(c)
	case c.head() == l:
		c.line.classes.fix(c.at)
	default:
		return false
	}
	return true
}

// round grants everything that may go now.
func (n *Node) round(out []Action) []Action {
	var lacks resource.Kinds // of the node: what those that go first and do not fit lack
	n.rounds++
	for {
		var first *lease
		for _, lane := range n.lanes {
			if lane.kinds&lacks != 0 || lane.quota != nil && lane.quota.lacking(n.rounds)&lane.kinds != 0 {
				continue
			}
			if l := n.top(lane); l != nil && (first == nil || before(l, first)) {
				first = l
			}
		}
		if first == nil {
			return out
		}
		c := first.class
		if c.quota != nil {
			if short := c.quota.short(c.ask.Need, &n.pool); short != 0 {
				c.quota.lacks = c.quota.lacking(n.rounds) | short
				c.quota.round = n.rounds
				continue
			}
		}
		if short := n.pool.Short(c.ask.Need); short != 0 {
			lacks |= short
			continue
		}
		n.dequeue(first)
		out = n.grant(first, out)
	}
}

// dequeue takes a queued lease out of its queue.
func (n *Node) dequeue(l *lease) {
	c := l.class
	head := c.head() == l
	c.dequeue(l)
	switch {
	case c.head() == nil:
		n.leave(c)
	case head:
		c.line.classes.fix(c.at)
	}
}

// grant makes the lease hold its resources.
func (n *Node) grant(l *lease, out []Action) []Action {
	n.unwait(l)
	c := l.class
	l.phase = granted
	l.devices = n.pool.Take(c.ask.Hold)
	if c.quota != nil {
		c.quota.used = c.quota.used.Plus(c.ask.Hold)
	}
	n.charge(c.job, c.share)
	return append(out, Action{Verdict: Grant, Lease: l.id, Holder: l.holder, Devices: l.devices})
}

// release ends a lease. One that was never seen is not to be granted when it comes.
func (n *Node) release(id Lease, out []Action) []Action {
	l := n.leases.get(id)
	if l == nil {
		n.fresh(id)
		return out
	}
	if n.end(l) {
		return n.round(out)
	}
	return out
}

// end ends a lease in whatever phase it is. It reports whether that may let others go.
func (n *Node) end(l *lease) bool {
	changes := l.phase != held
	switch l.phase {
	case held:
		n.unwait(l)
	case queued:
		changes = l.class.head() == l // it may have held others back
		n.dequeue(l)
		n.unwait(l)
	case granted:
		n.giveCPU(l)
		n.giveRest(l)
	case blocked:
		n.giveRest(l)
	}
	n.forget(l)
	return changes
}

// giveRest frees all but the CPU.
func (n *Node) giveRest(l *lease) {
	c := l.class
	rest := c.ask.Hold
	rest.CPU = 0
	n.pool.Give(rest, l.devices)
	if c.quota != nil {
		c.quota.used = c.quota.used.Minus(rest)
	}
	n.settle(c.job, -c.lent)
}

// giveCPU frees the lease's CPU, which pays the debt first.
func (n *Node) giveCPU(l *lease) {
	c := l.class
	cpu := c.ask.Hold.CPU
	paid := min(n.debt, cpu)
	n.debt -= paid
	n.pool.Give(resource.Vector{CPU: cpu - paid}, nil)
	if c.quota != nil {
		c.quota.used.CPU -= cpu
	}
	n.settle(c.job, c.lent-c.share)
}

// takeCPU takes it back. What of it is not free is owed.
func (n *Node) takeCPU(l *lease) {
	c := l.class
	cpu := c.ask.Hold.CPU
	taken := min(n.pool.CPU(), cpu)
	n.debt += cpu - taken
	n.pool.Take(resource.Vector{CPU: taken})
	if c.quota != nil {
		c.quota.used.CPU += cpu
	}
	n.settle(c.job, c.share-c.lent)
}

// has returns what a granted lease holds.
func (l *lease) has() resource.Vector {
	v := l.class.ask.Hold
	if l.phase == blocked {
		v.CPU = 0
	}
	return v
}

// forget drops the record of a lease that is over.
func (n *Node) forget(l *lease) {
	n.leases.remove(l.id)
	n.drop(l.class)
	*l = lease{}
	n.spare = keep(n.spare, l)
}

// expire refuses what waits and is of no use any more.
func (n *Node) expire(out []Action) []Action {
	changes := false
	for len(n.due.items) > 0 && n.due.top().deadline <= n.now {
		l := n.due.top()
		out = append(out, late(l.id, l.holder))
		if n.end(l) {
			changes = true
		}
	}
	if changes {
		return n.round(out)
	}
	return out
}

// NextDeadline returns when something that waits is of no use any more, if nothing else happens; 0 for never. A Tick then
// refuses it.
func (n *Node) NextDeadline() int64 {
	if len(n.due.items) == 0 {
		return 0
	}
	return n.due.top().deadline
}

// dismiss releases everything of a client that is gone, and forgets it.
func (n *Node) dismiss(client uint32, out []Action) []Action {
	var its []*lease
	for l := range n.leases.all() {
		if l.id.Client() == client {
			its = append(its, l)
		}
	}
	slices.SortFunc(its, byAge)
	for _, l := range its {
		n.end(l)
	}
	delete(n.clients, client)
	return n.round(out)
}
