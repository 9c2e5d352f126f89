package host

import (
	"cmp"
	"container/list"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// groups is the shell around the two cores of placement groups: the one that places those which were created here, on this node
// or in a cluster also on others (groupnodes.go), and the node's own, whose bundles are leases of the node. Messages between
// these two are handed over at once. What lives in bundles is in seat.go.
type groups struct {
	node *Node

	mu     sync.Mutex
	core   *group.Groups
	holder *group.Holder
	closed bool
	timer  *time.Timer // of the core's next Tick
	owned  map[spec.GroupID]owned
	lent   map[lentKey]*bundle
	open   map[spec.GroupID][]*bundle // by their index

	waiters    map[group.Waiter]func(error) // called under mu
	lastWaiter group.Waiter

	seats    map[sched.Lease]*seat
	lastSeat uint64
	parked   map[spec.GroupID]*list.List // seats that are in no bundle yet
	weights  map[spec.JobID]float64      // of jobs' shares, where they are not 1

	// Of a node in a cluster, see groupnodes.go.
	epoch uint32
	homes map[spec.GroupID]spec.NodeID // of the groups of other nodes that have bundles here, and of gone
	gone  []spec.GroupID               // that had, the longest ago first
	turn  int                          // of the bundles, for tasks that go to any

	asking lender     // on whose behalf the holder reserves
	tells  []decision // to be done without mu
	after  []func()   // likewise
}

// owned says who pays for a group, and what it ends with.
type owned struct {
	job       *Job
	namespace string
	bytes     int64        // reserved for it
	actor     spec.ActorID // the detached actor that made it, if one did: it lives as long
	lasts     bool         // whoever makes it may do so after the job's end
	kept      bool         // it is in the node's data directory
}

// lender says on whose behalf bundles are reserved.
type lender struct {
	job       spec.JobID
	namespace string
}

// lentKey names what the node's core has reserved.
type lentKey struct {
	attempt group.Attempt
	bundle  int
}

// bundle is a reservation: a lease of the node, and once it is open a pool of leases of its own. The node gets its lease back
// when the last seat has been left.
type bundle struct {
	index  int
	need   resource.Vector
	on     resource.Devices
	lease  sched.Lease // of the node
	leases *leases     // nil: not open
	seats  map[sched.Lease]*seat
	closed bool
}

// granted and refused: the lease is asked for where the answer is at hand.
func (b *bundle) granted()            {}
func (b *bundle) refused(*spec.Error) {}

func newGroups(n *Node) *groups {
	g := &groups{node: n, core: group.New(group.Options{}), owned: make(map[spec.GroupID]owned), lent: make(map[lentKey]*bundle),
		open: make(map[spec.GroupID][]*bundle), waiters: make(map[group.Waiter]func(error)), seats: make(map[sched.Lease]*seat),
		parked: make(map[spec.GroupID]*list.List), weights: make(map[spec.JobID]float64), homes: make(map[spec.GroupID]spec.NodeID)}
	g.holder = group.NewHolder(n.id, g)
	g.core.Step(time.Now(), group.Event{Op: group.NodeUp, Node: n.id, Report: g.holder.Report()}, nil)
	return g
}

// change does something under the lock, and without it what followed.
func (g *groups) change(f func()) {
	g.mu.Lock()
	f()
	tells, after := g.tells, g.after
	g.tells, g.after = nil, nil
	g.mu.Unlock()
	for _, t := range tells {
		t.tell()
	}
	for _, f := range after {
		f()
	}
	if changed := g.node.leases.changed; changed != nil {
		changed()
	}
}

// tell gives an event to a core of leases. The caller holds mu.
func (g *groups) tell(l *leases, ev sched.Event) { g.tells = l.decide(ev, g.tells) }

// happen gives an event to the cluster's core, with what is free now, and does all that follows. The caller holds mu.
func (g *groups) happen(ev group.Event) {
	events := []group.Event{{Op: group.NodeReport, Node: g.node.id, Report: g.own()}, ev}
	for len(events) > 0 {
		actions := g.core.Step(time.Now(), events[0], nil)
		events = events[1:]
		for _, a := range actions {
			switch a.Do {
			case group.Send:
				if a.Node == g.node.id {
					events = append(events, g.askHere(a.Message)...)
				} else {
					g.ask(a.Node, a.Message)
				}
			case group.Answer:
				if answer, ok := g.waiters[a.Waiter]; ok {
					delete(g.waiters, a.Waiter)
					answer(a.Err)
				}
			case group.Changed:
				g.changed(a.Group)
			}
		}
	}
	g.arm()
}

// own is what this node has, and what it holds for its own groups.
func (g *groups) own() group.Report {
	r := g.holder.Report()
	r.Held = slices.DeleteFunc(r.Held, func(h group.Hold) bool { return epochOf(h.Attempt) != g.epoch })
	return r
}

// askHere gives a message to the node's core and returns its replies.
func (g *groups) askHere(m group.Message) (replies []group.Event) {
	g.asking = lender{m.Group.Job(), g.owned[m.Group].namespace}
	for _, e := range g.holder.Step(m, nil) {
		switch e.Do {
		case group.SendReply:
			replies = append(replies, group.Event{Op: group.Answered, Reply: e.Reply})
		case group.Open:
			g.opened(e.Reservation)
		case group.Close:
			g.evict(e.Reservation)
		}
	}
	return replies
}

// arm sets the timer for the core's next Tick.
func (g *groups) arm() {
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	if next := g.core.Next(); !next.IsZero() && !g.closed {
		g.timer = time.AfterFunc(time.Until(next), func() {
			g.change(func() {
				if !g.closed {
					g.happen(group.Event{Op: group.Tick})
				}
			})
		})
	}
}

// Reserve takes a bundle's resources from the node.
func (g *groups) Reserve(a group.Attempt, index int, need resource.Vector) (resource.Devices, bool) {
	l := g.node.leases
	b := &bundle{index: index, need: need, lease: l.fresh(), seats: make(map[sched.Lease]*seat)}
	ask := sched.Ask{Need: need, Hold: need, Job: g.asking.job, Namespace: g.asking.namespace}
	before := len(g.tells)
	g.tell(l, sched.Event{Op: sched.Request, Lease: b.lease, Ask: &ask, Holder: b})
	i := slices.IndexFunc(g.tells[before:], func(t decision) bool { return t.holder == b && t.err == nil })
	if i < 0 {
		g.tell(l, sched.Event{Op: sched.Release, Lease: b.lease})
		return nil, false
	}
	b.on = g.tells[before+i].devices
	g.lent[lentKey{a, index}] = b
	return b.on, true
}

// Return gives them back, as soon as nobody uses them any more.
func (g *groups) Return(a group.Attempt, index int, _ resource.Vector, _ resource.Devices) {
	b := g.lent[lentKey{a, index}]
	delete(g.lent, lentKey{a, index})
	b.closed = true
	g.vacate(b)
}

// vacate returns a closed bundle that is empty to the node.
func (g *groups) vacate(b *bundle) {
	if b.closed && len(b.seats) == 0 {
		g.tell(g.node.leases, sched.Event{Op: sched.Release, Lease: b.lease})
	}
}

// Report says what is free.
func (g *groups) Report() group.Report {
	pool := g.node.leases.pool()
	return group.Report{Total: pool.Total(), Free: pool.Free(), GPUs: pool.GPUs(), Labels: g.node.cfg.labels}
}

// opened lets tasks and actors into bundles.
func (g *groups) opened(r *group.Reservation) {
	for _, p := range r.Pieces {
		b := g.lent[lentKey{r.Attempt, p.Bundle}]
		b.leases = leasesOf(g.node.cfg, resource.Part(b.need, b.on))
		for job, weight := range g.weights {
			g.tell(b.leases, sched.Event{Op: sched.Weigh, Job: job, Weight: weight})
		}
		g.open[r.Group] = append(g.open[r.Group], b)
	}
	slices.SortFunc(g.open[r.Group], func(a, b *bundle) int { return cmp.Compare(a.index, b.index) })
	g.settle(r.Group)
}

// evict ends what is in bundles that are closed.
func (g *groups) evict(r *group.Reservation) {
	for _, p := range r.Pieces {
		i := slices.IndexFunc(g.open[r.Group], func(b *bundle) bool { return b.index == p.Bundle })
		b := g.open[r.Group][i]
		g.open[r.Group] = slices.Delete(g.open[r.Group], i, i+1)
		for _, s := range slices.SortedFunc(maps.Values(b.seats), func(x, y *seat) int { return cmp.Compare(x.lease, y.lease) }) {
			if _, waits := b.leases.why(s.inner); waits { // those who run make room, but nobody begins any more
				g.tell(b.leases, sched.Event{Op: sched.Release, Lease: s.inner})
			}
			g.after = append(g.after, func() { s.tenant.evict(r.Group) })
		}
	}
}

// changed: a group has another state. Of a removed one nothing is left, and who waited for it is ended.
func (g *groups) changed(id spec.GroupID) {
	if row, _ := g.core.Row(id); row.State != group.Removed {
		if row.State == group.Created {
			g.moveParked(id)
		}
		return
	}
	if parked := g.parked[id]; parked != nil {
		for e := parked.Front(); e != nil; e = e.Next() {
			s := e.Value.(*seat)
			g.after = append(g.after, func() { s.tenant.evict(id) })
		}
	}
	delete(g.open, id)
	o := g.owned[id]
	delete(g.owned, id)
	o.job.memory.Release(o.bytes)
	o.job.stats.groupsKept.Add(-1)
	if o.kept {
		g.after = append(g.after, func() { g.node.dropGroup(id) })
	}
}

// create begins a group, unless its job has ended.
func (g *groups) create(id spec.GroupID, opts *spec.GroupOptions, by owned) (err error) {
	g.change(func() {
		if err = by.job.openFor(); err != nil && !by.lasts {
			return
		}
		if _, again := g.owned[id]; again { // a constructor that runs again names the same group
			err = nil
			by.job.memory.Release(by.bytes)
			by.job.stats.groupsKept.Add(-1)
			return
		}
		g.owned[id] = by
		g.demand(group.Event{Op: group.Create, Group: id, Spec: opts, Actor: by.actor}, func(refused error) { err = refused })
		if err != nil {
			delete(g.owned, id)
		}
	})
	return err
}

// remove ends a group.
func (g *groups) remove(id spec.GroupID) (err error) {
	g.change(func() {
		g.demand(group.Event{Op: group.Remove, Group: id}, func(refused error) { err = refused })
	})
	return err
}

// wait lets answer be called under mu when a group has its place, or when that is hopeless; withdraw ends that.
func (g *groups) wait(id spec.GroupID, answer func(error)) (withdraw func()) {
	var w group.Waiter
	g.change(func() {
		if g.closed {
			answer(errNodeClosed)
			return
		}
		w = g.demand(group.Event{Op: group.Wait, Group: id}, answer)
	})
	return func() {
		g.change(func() {
			delete(g.waiters, w)
			g.happen(group.Event{Op: group.Withdraw, Group: id, Waiter: w})
		})
	}
}

// demand gives the core an event that is answered, now or later. The caller holds mu.
func (g *groups) demand(ev group.Event, answer func(error)) group.Waiter {
	g.lastWaiter++
	ev.Waiter = g.lastWaiter
	g.waiters[ev.Waiter] = answer
	g.happen(ev)
	return ev.Waiter
}

// weigh sets the weight of a job's share in every bundle.
func (g *groups) weigh(job spec.JobID, weight float64) {
	g.change(func() {
		if g.weights[job] = weight; weight == 1 {
			delete(g.weights, job)
		}
		for _, bundles := range g.open {
			for _, b := range bundles {
				g.tell(b.leases, sched.Event{Op: sched.Weigh, Job: job, Weight: weight})
			}
		}
	})
}

// actorEnded removes the groups of a detached actor, but for detached ones.
func (g *groups) actorEnded(id spec.ActorID) {
	g.change(func() { g.happen(group.Event{Op: group.ActorEnded, Actor: id}) })
}

// jobEnded removes a job's groups, but for detached ones and those of detached actors.
func (g *groups) jobEnded(id spec.JobID) {
	g.change(func() { g.happen(group.Event{Op: group.JobEnded, Job: id}) })
}

func (g *groups) find(namespace, name string) (spec.GroupID, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.core.Find(namespace, name)
}

func (g *groups) row(id spec.GroupID) (group.Row, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.core.Row(id)
}

func (g *groups) rows(limit int) []group.Row {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.core.Rows(limit)
}

// close ends all waiting. Nothing runs in bundles any more.
func (g *groups) close() {
	g.change(func() {
		g.closed = true
		g.arm()
		for _, w := range slices.Sorted(maps.Keys(g.waiters)) {
			g.waiters[w](errNodeClosed)
			delete(g.waiters, w)
		}
	})
}
