package host

import (
	"cmp"
	"container/list"
	"errors"
	"slices"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// A seat is the lease of a task or an actor that uses a placement group:
//
//	parked on the node, without resources ──► in a bundle that is open ──► granted, by the bundle
//
// One whom any bundle will do moves on to another while it waits, if that has room.
//
// To its tenant it is a lease like any other, of a client of its own so that it is told from the node's.
type seat struct {
	lease  sched.Lease
	tenant tenant
	use    group.Use
	ev     sched.Event // the request, as what it waits for is now
	in     *leases     // of the node, or of the bundle
	inner  sched.Lease // there
	bundle *bundle     // nil: parked
	parked *list.Element
}

// tenant is a holder that may use a placement group.
type tenant interface {
	holder
	// use says which group; nil for none. It tells actors from tasks.
	use() (use *group.Use, actor bool)
	// evict ends the tenant, whose group was removed.
	evict(id spec.GroupID)
}

// seatClient is the client whose leases are seats.
const seatClient = 1

func isSeat(l sched.Lease) bool { return l.Client() == seatClient }

const (
	// maxLooked bounds the parked seats, and the pairs of bundles, that one event looks at.
	maxLooked = 1000
	// maxKinds bounds the kinds of requests of a bundle that are looked at for one that another has room for.
	maxKinds = 10
)

func (g *groups) number() sched.Lease {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lastSeat++
	return sched.NumberLease(seatClient, g.lastSeat)
}

// request asks for a seat.
func (g *groups) request(ev sched.Event, t tenant) {
	g.change(func() {
		use, actor := t.use()
		var never *spec.Error
		if _, others := g.homes[use.Group]; !others && errors.As(g.core.Check(*use, ev.Ask.Need, actor), &never) {
			g.tells = append(g.tells, decision{holder: t, err: never})
			return
		}
		s := &seat{lease: ev.Lease, tenant: t, use: *use, ev: ev}
		g.seats[s.lease] = s
		if g.parked[use.Group] == nil {
			g.parked[use.Group] = list.New()
		}
		s.parked = g.parked[use.Group].PushBack(s)
		g.park(s)
		g.settle(use.Group)
	})
}

// park lets a seat wait on the node.
func (g *groups) park(s *seat) {
	ev := s.ev
	ev.Until = cmp.Or(ev.Until, sched.ReasonGroup)
	g.sit(s, g.node.leases, ev)
}

// sit makes a request anew in other leases, or for another reason.
func (g *groups) sit(s *seat, in *leases, ev sched.Event) {
	if s.in != nil {
		g.tell(s.in, sched.Event{Op: sched.Release, Lease: s.inner})
	}
	s.in, s.inner = in, in.fresh()
	ev.Lease = s.inner
	g.tell(in, ev)
}

// settle lets those into the bundles of a group that can go there.
func (g *groups) settle(id spec.GroupID) {
	open, parked := g.open[id], g.parked[id]
	if len(open) == 0 {
		return
	}
	if parked != nil {
		for e, looked := parked.Front(), 0; e != nil && looked < maxLooked; looked++ {
			s := e.Value.(*seat)
			e = e.Next()
			if b := s.choose(open); b != nil {
				parked.Remove(s.parked)
				s.parked = nil
				g.enter(s, b)
			}
		}
		if parked.Len() == 0 {
			delete(g.parked, id)
		}
	}
	g.share(open)
}

// enter makes a seat one of a bundle, which decides whose turn it is: by priority, share and deadline, as a node does.
func (g *groups) enter(s *seat, b *bundle) {
	if s.bundle != nil {
		delete(s.bundle.seats, s.inner)
	}
	g.sit(s, b.leases, s.ev)
	s.bundle = b
	b.seats[s.inner] = s
}

// choose returns the bundle that a seat goes to now: the one that was named, or if any will do one that has room and where nobody
// waits, or else the one where fewest wait. It is nil while none is open or the arguments are not there.
func (s *seat) choose(open []*bundle) *bundle {
	if s.use.Bundle != group.AnyBundle {
		if i := slices.IndexFunc(open, func(b *bundle) bool { return b.index == s.use.Bundle }); i >= 0 {
			return open[i]
		}
		return nil
	}
	if s.ev.Until != 0 {
		return nil
	}
	var best *bundle
	fewest := 0
	for _, b := range open {
		pool, waits := b.leases.pool(), b.leases.waiting()
		switch {
		case !pool.Could(s.ev.Ask.Need):
		case waits == 0 && pool.Fits(s.ev.Ask.Need):
			return b
		case best == nil || waits < fewest:
			best, fewest = b, waits
		}
	}
	return best
}

// share lets those who wait in a bundle, and whom any will do, go where there is room and nobody waits.
func (g *groups) share(open []*bundle) {
	var full, idle []*bundle
	for _, b := range open {
		if b.leases.waiting() > 0 {
			full = append(full, b)
		} else {
			idle = append(idle, b)
		}
	}
	looked := 0
	for _, to := range idle {
		for i := 0; i < len(full) && looked < maxLooked; looked++ {
			s := full[i].first(to.leases.pool())
			if s == nil {
				i++
				continue
			}
			g.enter(s, to)
		}
	}
}

// first returns who goes first in a bundle and could go to another that has that; nil if nobody could.
func (b *bundle) first(room resource.Pool) *seat {
	for _, d := range b.leases.pending(maxKinds) {
		if s := b.seats[d.First]; d.First != 0 && s.use.Bundle == group.AnyBundle && room.Fits(d.Ask.Need) {
			return s
		}
	}
	return nil
}

// step passes on what happens to a seat's lease. What it frees others may take.
func (g *groups) step(ev sched.Event) {
	g.change(func() {
		s := g.seats[ev.Lease]
		if s == nil {
			return
		}
		switch ev.Op {
		case sched.Release:
			g.leave(s)
		case sched.Ready:
			s.ev.Until = 0
			if s.bundle == nil {
				g.park(s)
				break
			}
			fallthrough
		default:
			ev.Lease = s.inner
			g.tell(s.in, ev)
		}
		g.settle(s.use.Group)
	})
}

// leave ends a seat.
func (g *groups) leave(s *seat) {
	delete(g.seats, s.lease)
	g.tell(s.in, sched.Event{Op: sched.Release, Lease: s.inner})
	if b := s.bundle; b != nil {
		delete(b.seats, s.inner)
		g.vacate(b)
		return
	}
	parked := g.parked[s.use.Group]
	if parked.Remove(s.parked); parked.Len() == 0 {
		delete(g.parked, s.use.Group)
	}
}

// why says why a seat's tenant waits; false if it does not.
func (g *groups) why(lease sched.Lease) (sched.Wait, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.seats[lease]; s != nil {
		return s.in.why(s.inner)
	}
	return sched.Wait{}, false
}

// each calls f with the leases of every open bundle, in the order of groups and bundles.
func (g *groups) each(f func(*leases)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids := make([]spec.GroupID, 0, len(g.open))
	for id := range g.open {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b spec.GroupID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range ids {
		for _, b := range g.open[id] {
			f(b.leases)
		}
	}
}

// waiting returns how many wait within bundles.
func (g *groups) waiting() (n int) {
	g.each(func(l *leases) {
		_, _, waits := l.usage()
		n += waits
	})
	return n
}

// pending appends what waits within bundles to all, up to limit kinds of it.
func (g *groups) pending(limit int, all []sched.Demand) []sched.Demand {
	g.each(func(l *leases) { all = append(all, l.pending(limit-len(all))...) })
	return all
}

// useOf reads which group a placement names, which was checked.
func useOf(p *spec.Placement) *group.Use {
	if p == nil || p.Group == "" {
		return nil
	}
	u := &group.Use{Bundle: group.AnyBundle, Capture: p.Capture}
	u.Group, _ = spec.ParseGroupID(p.Group)
	if p.Bundle != nil {
		u.Bundle = int(*p.Bundle)
	}
	return u
}

// captured returns what children of that placement inherit; nil for nothing.
func captured(p *spec.Placement) *spec.Placement {
	if p == nil || !p.Capture {
		return nil
	}
	return &spec.Placement{Group: p.Group, Capture: true}
}

// placement returns the placement of what the caller submits.
func (c *caller) placement(said *spec.Placement) *spec.Placement {
	if said == nil {
		return c.within
	}
	return said
}

// placement returns where the task runs: a method runs where its actor does.
func (t *task) placement() *spec.Placement {
	if t.actor != nil {
		return t.actor.opts.Placement
	}
	return t.placed
}

func (t *task) use() (*group.Use, bool) { return useOf(t.placed), false }

func (t *task) evict(id spec.GroupID) {
	t.cancel(spec.Errorf("run "+t.name, group.RemovedKind(false), t.label(), "its placement group %s was removed", id), true)
}

func (a *actor) use() (*group.Use, bool) { return useOf(a.opts.Placement), true }

func (a *actor) evict(id spec.GroupID) {
	a.step(owner.ActorEvent{Op: owner.Kill, NoRestart: true,
		Err: spec.Errorf("run", group.RemovedKind(true), a.label(), "its placement group %s was removed", id)})
}

// refusal is the kind of the error of an actor that was not placed.
func refusal(err *spec.Error) spec.Kind {
	if err.Kind == group.RemovedKind(true) {
		return err.Kind
	}
	return spec.ActorUnschedulable
}
