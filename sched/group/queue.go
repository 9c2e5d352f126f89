package group

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/raywasm/raywasm/sched/group/packing"
)

// Next returns when a Tick is due; zero if nothing waits for time to pass.
func (gs *Groups) Next() time.Time {
	for len(gs.timers) > 0 && !gs.timers[0].live() {
		heap.Pop(&gs.timers)
	}
	if len(gs.timers) == 0 {
		return time.Time{}
	}
	return gs.timers[0].at
}

// due does what has become due.
func (gs *Groups) due() {
	var try []*group
	for len(gs.timers) > 0 && !gs.timers[0].at.After(gs.now) && len(try) < maxAttempts {
		t := heap.Pop(&gs.timers).(timer)
		if !t.live() {
			continue
		}
		switch g := t.group; t.what {
		case tryAgain:
			g.dueAt = time.Time{}
			try = append(try, g)
		case sendAgain:
			gs.resend(g, Attempt(t.of))
		case waitEnds:
			g.waiters = slices.DeleteFunc(g.waiters, func(w waiter) bool { return w.id == Waiter(t.of) })
			gs.do(Action{Do: Answer, Waiter: Waiter(t.of), Group: g.id, Err: gs.late(g)})
		}
	}
	slices.SortStableFunc(try, before)
	for _, g := range try {
		gs.place(g)
	}
}

// wake tries the first of those that wait, because something became free.
func (gs *Groups) wake() {
	tried := 0
	for i := 0; i < len(gs.waiting) && tried < maxWoken; {
		g := gs.waiting[i]
		if g.attempt == 0 && !g.dueAt.IsZero() {
			tried++
			gs.place(g)
		}
		if i < len(gs.waiting) && gs.waiting[i] == g {
			i++
		}
	}
}

// before orders those that wait: first those that lost bundles, then as they came.
func before(a, b *group) int {
	if x, y := a.state == Rescheduling, b.state == Rescheduling; x != y {
		if x {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.order, b.order)
}

func (gs *Groups) enqueue(g *group) {
	if i, there := slices.BinarySearchFunc(gs.waiting, g, before); !there {
		gs.waiting = slices.Insert(gs.waiting, i, g)
	}
}

func (gs *Groups) dequeue(g *group) {
	if i, there := slices.BinarySearchFunc(gs.waiting, g, before); there {
		gs.waiting = slices.Delete(gs.waiting, i, i+1)
	}
	g.dueAt = time.Time{}
}

// place tries to find nodes for the bundles of g that have none, and asks them.
func (gs *Groups) place(g *group) {
	g.tries++
	q := g.lacking()
	if gs.kept(g, q) {
		g.why = Order
		gs.later(g, cmp.Or(g.backoff, firstBackoff))
		return
	}
	p, ok := gs.room.Place(q)
	if ok {
		g.why = Placed
		gs.prepare(g, q.Index, p)
		return
	}
	g.why = Resources
	if !gs.couldFit(g, q) {
		g.why = Infeasible
		if !gs.opt.Grows && len(g.waiters) > 0 {
			g.answer(gs, gs.unplaceable(g, gs.explain(g)))
		}
	}
	gs.later(g, g.pause(gs.room.Exhausted()))
}

// pause returns how long g waits after an attempt that failed.
func (g *group) pause(exhausted bool) time.Duration {
	if exhausted {
		return hardBackoff
	}
	g.backoff = min(max(firstBackoff, g.backoff*3/2), maxBackoff)
	return g.backoff
}

// later tries g again after d.
func (gs *Groups) later(g *group, d time.Duration) {
	g.dueAt = gs.now.Add(d)
	gs.timers.set(g.dueAt, g, tryAgain, 0)
}

// kept reports whether a new group would take what one that lost bundles waits for.
func (gs *Groups) kept(g *group, q packing.Query) bool {
	if g.state == Rescheduling {
		return false
	}
	for _, other := range gs.waiting {
		if other.state != Rescheduling {
			break
		}
		if other.attempt != 0 || other.why == Infeasible {
			continue
		}
		for i, p := range other.on {
			if p == nil && slices.ContainsFunc(q.Bundles, func(b packing.Bundle) bool { return b.Need.Meets(other.bundles[i].Need) }) {
				return true
			}
		}
	}
	return false
}

// couldFit reports whether the nodes would have room if nobody else used them.
func (gs *Groups) couldFit(g *group, q packing.Query) bool {
	if len(q.Fixed) > 0 { // what it has stays where it is
		return gs.beside(g, q)
	}
	if g.judged != gs.shape {
		_, ok := gs.whole.Place(q)
		g.judged, g.feasible = gs.shape, ok || gs.whole.Exhausted()
	}
	return g.feasible
}

// beside reports whether the missing bundles would have room beside those that are there.
func (gs *Groups) beside(g *group, q packing.Query) bool {
	type taken struct {
		n *packing.Node
		i int
	}
	var all []taken
	q.Fixed = nil
	for i, p := range g.on {
		if p != nil && p.node.whole.Fits(g.bundles[i].Need) {
			all = append(all, taken{p.node.whole, i})
		}
	}
	devices := make([][]uint16, len(all))
	for k, t := range all {
		devices[k] = gs.whole.Take(t.n, g.bundles[t.i].Need)
		if !slices.Contains(q.Fixed, t.n) {
			q.Fixed = append(q.Fixed, t.n)
		}
	}
	_, ok := gs.whole.Place(q)
	for k, t := range all {
		gs.whole.Give(t.n, g.bundles[t.i].Need, devices[k])
	}
	return ok || gs.whole.Exhausted()
}

// explain says why g waits, for people.
func (gs *Groups) explain(g *group) string {
	q := g.lacking()
	switch {
	case g.unmet != "":
		return g.unmet
	case len(q.Bundles) == 0:
		return "every bundle has its place"
	case g.attempt != 0:
		return "its nodes were asked to reserve it"
	case g.why == Order:
		return "what it needs is kept for groups that lost bundles"
	case g.why == Infeasible && len(q.Fixed) == 0:
		return gs.whole.Explain(q)
	case g.why == Infeasible:
		return "beside the bundles that are left, " + gs.room.Explain(q)
	}
	return gs.room.Explain(q) + " free"
}

// timers is a heap of what is to be done when. What has become pointless stays in it until its time and is then skipped.
type timers []timer

type timer struct {
	at    time.Time
	group *group
	what  due
	of    uint64 // the attempt or waiter
}

type due uint8

const (
	tryAgain due = iota
	sendAgain
	waitEnds
)

// live reports whether there is still something to do.
func (t *timer) live() bool {
	g := t.group
	switch {
	case g.state == Removed:
		return false
	case t.what == tryAgain:
		return g.attempt == 0 && g.dueAt.Equal(t.at)
	case t.what == sendAgain:
		return g.attempt == Attempt(t.of)
	}
	return slices.ContainsFunc(g.waiters, func(w waiter) bool { return w.id == Waiter(t.of) && w.until.Equal(t.at) })
}

func (ts *timers) set(at time.Time, g *group, what due, of uint64) {
	heap.Push(ts, timer{at, g, what, of})
}

func (ts timers) Len() int      { return len(ts) }
func (ts timers) Swap(i, j int) { ts[i], ts[j] = ts[j], ts[i] }
func (ts *timers) Push(t any)   { *ts = append(*ts, t.(timer)) }

func (ts *timers) Pop() any {
	last := len(*ts) - 1
	t := (*ts)[last]
	(*ts)[last] = timer{}
	*ts = (*ts)[:last]
	return t
}

func (ts timers) Less(i, j int) bool {
	a, b := &ts[i], &ts[j]
	if !a.at.Equal(b.at) {
		return a.at.Before(b.at)
	}
	if a.group.order != b.group.order {
		return a.group.order < b.group.order
	}
	if a.what != b.what {
		return a.what < b.what
	}
	return a.of < b.of
}
