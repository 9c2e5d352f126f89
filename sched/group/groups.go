package group

import (
	"cmp"
	"slices"
	"time"

	"github.com/raywasm/raywasm/sched/group/packing"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Timers and limits.
const (
	// firstBackoff and maxBackoff bound the pause between attempts to find a place, which grows by half. Ray's.
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = time.Second
	// hardBackoff is the pause after an attempt that searched long: it costs milliseconds.
	hardBackoff = 30 * time.Second
	// firstResend and maxResend bound the pause before a message that was not answered is sent again, which doubles.
	firstResend = 500 * time.Millisecond
	maxResend   = 8 * time.Second
	// maxAttempts bounds the groups that one event tries to place because their time has come, maxWoken those that it tries because
	// something became free.
	maxAttempts = 64
	maxWoken    = 8
	// MaxRemoved bounds the removed groups that are remembered, for listings and for repeated requests.
	MaxRemoved = 1000
)

// Options of the core.
type Options struct {
	// Epoch is of whoever leads the cluster. The attempts of another epoch are not wanted.
	Epoch uint32
	// Grows: an autoscaler may add nodes, so that a group that no node could hold waits. It is told by Unmet that there is no
	// hope. Otherwise waiting for such a group is an error at once.
	Grows bool
}

// Groups is the core of a cluster's placement groups. One goroutine uses it at a time.
type Groups struct {
	opt     Options
	now     time.Time
	out     []Action
	byID    map[spec.GroupID]*group
	byName  map[name]*group
	nodes   map[spec.NodeID]*node
	room    *packing.Room // what is free, less what was asked for
	whole   *packing.Room // the same nodes with everything free
	shape   uint64        // changes when whole does
	waiting []*group      // for a place: first those with lost bundles, then by order
	removed []*group      // oldest first
	timers  timers
	order   uint64 // of the last group or loss
	attempt uint64 // the last
	freed   bool   // in this step something became free
}

// name is what a named group is found by.
type name struct{ namespace, name string }

// node is a node as the cluster's core sees it.
type node struct {
	id    spec.NodeID
	free  *packing.Node
	whole *packing.Node
	parts []*part // reservations that are wanted, by attempt
}

// New returns a core that knows no nodes and no groups.
func New(opt Options) *Groups {
	return &Groups{opt: opt, byID: make(map[spec.GroupID]*group), byName: make(map[name]*group), nodes: make(map[spec.NodeID]*node),
		room: packing.NewRoom(), whole: packing.NewRoom(), shape: 1, attempt: uint64(opt.Epoch) << 32}
}

// Step takes one event and appends what follows from it to out.
func (gs *Groups) Step(now time.Time, ev Event, out []Action) []Action {
	gs.now, gs.out, gs.freed = now, out, false
	switch ev.Op {
	case Create:
		gs.create(ev)
	case Wait:
		gs.wait(ev)
	case Withdraw:
		if g := gs.byID[ev.Group]; g != nil {
			g.waiters = slices.DeleteFunc(g.waiters, func(w waiter) bool { return w.id == ev.Waiter })
		}
	case Remove:
		gs.removeByClient(ev)
	case JobEnded:
		gs.removeAll(func(g *group) bool {
			return g.id.Job() == ev.Job && g.opt.Lifetime != spec.LifetimeDetached && g.actor == spec.ActorID{}
		})
	case ActorEnded:
		gs.removeAll(func(g *group) bool {
			return ev.Actor != spec.ActorID{} && g.actor == ev.Actor && g.opt.Lifetime != spec.LifetimeDetached
		})
	case NodeUp:
		gs.nodeUp(ev.Node, ev.Report)
	case NodeReport:
		if n := gs.nodes[ev.Node]; n != nil {
			gs.believe(n, ev.Report)
		}
	case NodeDown:
		gs.nodeDown(ev.Node)
	case Answered:
		gs.answered(ev.Reply)
	case Unmet:
		if g := gs.byID[ev.Group]; g != nil && g.short() > 0 {
			g.unmet = ev.Text
			g.answer(gs, gs.unplaceable(g, ev.Text))
		}
	}
	gs.due()
	if gs.freed {
		gs.wake()
	}
	out, gs.out = gs.out, nil
	return out
}

func (gs *Groups) do(a Action) { gs.out = append(gs.out, a) }

// create begins a group.
func (gs *Groups) create(ev Event) {
	answer := func(err error) {
		if ev.Waiter != 0 {
			gs.do(Action{Do: Answer, Waiter: ev.Waiter, Group: ev.Group, Err: err})
		}
	}
	if g := gs.byID[ev.Group]; g != nil {
		answer(nil)
		return
	}
	if ev.Spec == nil {
		answer(spec.Errorf("create", spec.InvalidArgument, labelOf(ev.Group, ""), "there is no description of it"))
		return
	}
	g, err := newGroup(ev.Group, ev.Spec, ev.Actor)
	if err != nil {
		answer(&spec.Error{Op: "create", Kind: spec.KindOf(err), ID: labelOf(ev.Group, ev.Spec.Name), Err: err})
		return
	}
	if g.opt.Name != "" {
		at := name{g.opt.Namespace, g.opt.Name}
		if other := gs.byName[at]; other != nil {
			answer(spec.Errorf("create", spec.AlreadyExists, labelOf(ev.Group, ev.Spec.Name),
				"the name is taken in namespace %q by %s: use it, remove it, or choose another name", at.namespace, other.id))
			return
		}
		gs.byName[at] = g
	}
	gs.order++
	g.order, g.created, g.since = gs.order, gs.now, gs.now
	gs.byID[ev.Group] = g
	answer(nil)
	gs.do(Action{Do: Changed, Group: g.id})
	gs.enqueue(g)
	gs.place(g)
}

// Find returns the group of a name, if there is one.
func (gs *Groups) Find(namespace, called string) (spec.GroupID, bool) {
	g := gs.byName[name{namespace, called}]
	if g == nil {
		return spec.GroupID{}, false
	}
	return g.id, true
}

// removeByClient ends a group because a client wants it.
func (gs *Groups) removeByClient(ev Event) {
	var err error
	if g := gs.byID[ev.Group]; g == nil {
		err = spec.Errorf("remove", spec.NotFound, labelOf(ev.Group, ""), "there is no such placement group")
	} else {
		gs.remove(g)
	}
	if ev.Waiter != 0 {
		gs.do(Action{Do: Answer, Waiter: ev.Waiter, Group: ev.Group, Err: err})
	}
}

// removeAll ends every group of which that is true, in their order.
func (gs *Groups) removeAll(which func(*group) bool) {
	var all []*group
	for _, g := range gs.byID {
		if g.state != Removed && which(g) {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *group) int { return cmp.Compare(a.order, b.order) })
	for _, g := range all {
		gs.remove(g)
	}
}

func (gs *Groups) remove(g *group) {
	if g.state == Removed {
		return
	}
	gs.dequeue(g)
	for _, p := range g.parts {
		gs.cancel(p, true)
	}
	g.parts, g.attempt, g.why = nil, 0, Placed
	clear(g.on)
	if at := (name{g.opt.Namespace, g.opt.Name}); gs.byName[at] == g {
		delete(gs.byName, at)
	}
	gs.move(g, Removed)
	g.answer(gs, spec.Errorf("wait for", spec.TaskPlacementGroupRemoved, g.label(), "it was removed"))
	gs.removed = append(gs.removed, g)
	if len(gs.removed) > MaxRemoved {
		delete(gs.byID, gs.removed[0].id)
		gs.removed[0] = nil
		gs.removed = gs.removed[1:]
	}
}

// move changes a group's state.
func (gs *Groups) move(g *group, to State) {
	if g.state == to {
		return
	}
	g.state, g.since = to, gs.now
	gs.do(Action{Do: Changed, Group: g.id})
}

// wait answers now what is known already, and otherwise remembers who waits.
func (gs *Groups) wait(ev Event) {
	g := gs.byID[ev.Group]
	answer := func(err error) {
		gs.do(Action{Do: Answer, Waiter: ev.Waiter, Group: ev.Group, Err: err})
	}
	switch {
	case g == nil:
		answer(spec.Errorf("wait for", spec.NotFound, labelOf(ev.Group, ""), "there is no such placement group"))
	case g.state == Removed:
		answer(spec.Errorf("wait for", spec.TaskPlacementGroupRemoved, g.label(), "it was removed"))
	case g.short() == 0:
		answer(nil)
	case g.unmet != "":
		answer(gs.unplaceable(g, g.unmet))
	case g.why == Infeasible && !gs.opt.Grows:
		answer(gs.unplaceable(g, gs.explain(g)))
	case !ev.Until.IsZero() && !ev.Until.After(gs.now):
		answer(gs.late(g))
	default:
		g.waiters = append(g.waiters, waiter{ev.Waiter, ev.Until})
		if !ev.Until.IsZero() {
			gs.timers.set(ev.Until, g, waitEnds, uint64(ev.Waiter))
		}
	}
}

// late is the error of who waited too long.
func (gs *Groups) late(g *group) error {
	return spec.Errorf("wait for", spec.GetTimeout, g.label(), "it is %s for lack of a place (%s): %s", g.state, cmp.Or(g.why, Resources), gs.explain(g))
}

// unplaceable is the error of a group for which there is no hope.
func (gs *Groups) unplaceable(g *group, why string) error {
	return spec.Errorf("wait for", spec.TaskUnschedulable, g.label(), "it can never be placed: %s", why)
}

// nodeUp begins to use a node.
func (gs *Groups) nodeUp(id spec.NodeID, r Report) {
	if n := gs.nodes[id]; n != nil {
		gs.believe(n, r)
		return
	}
	n := &node{id: id}
	n.free = gs.room.Add(id, r.Labels, resource.Restore(r.Total, r.Free, r.GPUs))
	n.whole = gs.whole.Add(id, r.Labels, resource.NewPool(r.Total))
	gs.nodes[id] = n
	gs.shape++
	gs.believe(n, r)
	for _, g := range gs.waiting {
		g.unmet, g.backoff = "", 0
		if g.dueAt.After(gs.now.Add(maxBackoff)) {
			gs.later(g, maxBackoff)
		}
	}
	gs.freed = true
}

// believe takes over what a node says of itself, less what it was asked for and does not know yet. What it holds and should
// not, it is to give back.
func (gs *Groups) believe(n *node, r Report) {
	pool := resource.Restore(n.free.Total(), r.Free, r.GPUs)
	held := make(map[Attempt]*Hold, len(r.Held))
	for i := range r.Held {
		held[r.Held[i].Attempt] = &r.Held[i]
	}
	for _, p := range n.parts {
		if h := held[p.attempt]; h != nil && len(h.On) == len(p.on) {
			for i := range p.on {
				p.on[i], p.taken[i] = h.On[i], true
			}
			continue
		}
		for i, b := range p.bundles {
			need := p.group.bundles[b].Need
			if p.taken[i] = pool.Fits(need); p.taken[i] {
				p.on[i] = pool.Take(need)
			}
		}
	}
	gs.room.Set(n.free, pool)
	for _, h := range r.Held {
		if _, wanted := n.find(h.Attempt); !wanted {
			gs.do(Action{Do: Send, Node: n.id, Message: Message{Verb: Cancel, Group: h.Group, Attempt: h.Attempt}})
		}
	}
}

// nodeDown forgets a node. What was being reserved there is begun anew, what was there is lost.
func (gs *Groups) nodeDown(id spec.NodeID) {
	n := gs.nodes[id]
	if n == nil {
		return
	}
	delete(gs.nodes, id)
	gs.room.Remove(n.free)
	gs.whole.Remove(n.whole)
	n.free = nil
	gs.shape++
	parts := n.parts
	n.parts = nil
	gs.lose(parts)
}

// find returns the place of an attempt among a node's parts, and whether it is there.
func (n *node) find(a Attempt) (int, bool) {
	return slices.BinarySearchFunc(n.parts, a, func(p *part, a Attempt) int { return cmp.Compare(p.attempt, a) })
}
