package host

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// Unreachable is what only refers to itself, so that counting never frees it: nobody can ever use it again.
type Unreachable struct {
	Objects []spec.ObjectID
	Actors  []spec.ActorID
}

// quiet is an actor in which nothing runs: what it holds, and how many calls it had then.
type quiet struct {
	actor *actor
	calls owner.CallID
	links []spec.Link
}

// FindUnreachable looks for objects and actors that only refer to each other. What an actor holds is known between two
// calls alone: one that has work, and one that can be found by name, is taken for reachable. If calls come while it looks,
// it may find nothing. It takes time in proportion to all there is on the node.
func (n *Node) FindUnreachable() Unreachable {
	var u Unreachable
	for _, l := range n.unreachableLinks() {
		if l.IsActor {
			u.Actors = append(u.Actors, l.Actor)
		} else {
			u.Objects = append(u.Objects, l.Object)
		}
	}
	return u
}

// FreeUnreachable frees what FindUnreachable finds, and returns how many objects and actors that were. The actors are
// killed. The node does it by itself before it says spec.ObjectStoreFull.
func (n *Node) FreeUnreachable() int {
	links, actors := n.unreachable()
	for _, a := range actors {
		a.step(owner.ActorEvent{Op: owner.Kill, NoRestart: true, Err: spec.Errorf("end", spec.ActorDied, a.label(), "only what nobody can reach referred to it")})
	}
	n.objects.emptyAll(links)
	return len(links)
}

func (n *Node) unreachableLinks() []spec.Link {
	links, _ := n.unreachable()
	return links
}

// madeRoom frees what is unreachable if err is spec.ObjectStoreFull, and reports whether that was anything, so that it is worth
// to ask again. One looks at a time, and who looks in vain not more than a tenth of the time, for it takes long on a node with much on it.
func (n *Node) madeRoom(err error) bool {
	if spec.KindOf(err) != spec.ObjectStoreFull || time.Now().UnixNano() < n.lookAgain.Load() || !n.looking.CompareAndSwap(false, true) {
		return false
	}
	defer n.looking.Store(false)
	begin := time.Now()
	freed := n.FreeUnreachable()
	if freed == 0 {
		n.lookAgain.Store(time.Now().Add(9 * time.Since(begin)).UnixNano())
	} else {
		n.log.Warn("memory was short, and what nobody can reach was freed", zap.Int("objects and actors", freed))
	}
	return freed > 0
}

// unreachable returns what is unreachable, and the actors among it.
func (n *Node) unreachable() (links []spec.Link, actors []*actor) {
	_, all := n.living()
	held := make(map[spec.ActorID][]spec.Link)
	var snapshot []quiet
	for _, a := range all {
		if q, ok := a.quiet(); ok {
			snapshot = append(snapshot, q)
			held[a.id] = q.links
		}
	}
	links = n.objects.unreachable(held)
	found := make(map[spec.ActorID]bool)
	for _, l := range links {
		found[l.Actor] = l.IsActor
	}
	for _, q := range snapshot { // they held all that while the counts were looked at
		if now, ok := q.actor.quiet(); !ok || now.calls != q.calls {
			return nil, nil
		}
		if found[q.actor.id] {
			actors = append(actors, q.actor)
		}
	}
	return links, actors
}

// quiet returns what the actor holds, unless something runs in it or it can be reached by other ways than handles.
func (a *actor) quiet() (q quiet, ok bool) {
	if a.detached || a.name.name != "" {
		return q, false
	}
	return a.idle()
}

// idle returns what the actor holds, unless something runs in it.
func (a *actor) idle() (q quiet, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil || a.now.busy || a.core.State() != owner.Alive || a.core.Pending() > 0 {
		return q, false
	}
	links := slices.Clone(a.links)
	if s := a.now.session; s != nil { // one that sleeps without one holds nothing
		links = append(links, s.HandleTable().Links()...)
	}
	if a.checkpoint != nil {
		links = append(links, a.checkpoint.handles.Links()...)
	}
	return quiet{a, a.nextCall, links}, true
}

// unreachable is the core's answer at this instant.
func (o *objects) unreachable(held map[spec.ActorID][]spec.Link) []spec.Link {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refs.Unreachable(held)
}

// emptyAll lets go of what the values of objects contain.
func (o *objects) emptyAll(links []spec.Link) {
	o.mu.Lock()
	for _, l := range links {
		if !l.IsActor {
			o.forgetFreed(o.refs.Empty(l.Object, nil))
		}
	}
	o.settle()
}
