package host

import (
	"maps"
	"slices"
	"sync"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// An actor that is not detached shares the fate of who made it, as in Ray: of a task whose attempt crashes, and of an actor
// that dies or that starts again from its constructor, without knowing of what it made before. A task that ends well leaves
// its actors to their handles, and so does an actor that goes on from its checkpoint. What a driver made ends with its job.

// brood is what somebody made and that shares its fate.
type brood struct {
	mu     sync.Mutex
	actors map[*actor]struct{}
	gone   *spec.Error // why who made them is; nil: it is not
}

// add puts a new actor among them, and ends it if who made it is gone already.
func (b *brood) add(a *actor) {
	b.mu.Lock()
	gone := b.gone
	if gone == nil {
		if b.actors == nil {
			b.actors = make(map[*actor]struct{})
		}
		b.actors[a] = struct{}{}
	}
	b.mu.Unlock()
	if gone != nil {
		a.orphaned(gone)
	}
}

// remove forgets one that has died.
func (b *brood) remove(a *actor) {
	b.mu.Lock()
	delete(b.actors, a)
	b.mu.Unlock()
}

// end ends them all: who made them is gone. A nil brood has none.
func (b *brood) end(gone *spec.Error) {
	if b == nil {
		return
	}
	b.mu.Lock()
	all := slices.Collect(maps.Keys(b.actors))
	b.actors, b.gone = nil, gone
	b.mu.Unlock()
	slices.SortFunc(all, func(a, b *actor) int { return slices.Compare(a.id[:], b.id[:]) })
	for _, a := range all {
		a.orphaned(gone)
	}
}

// orphaned ends an actor whose maker is gone. Actors make actors: no stack grows with how many generations there are.
func (a *actor) orphaned(gone *spec.Error) {
	a.node.objects.soon(func() {
		a.step(owner.ActorEvent{Op: owner.Kill, NoRestart: true, Err: &spec.Error{Op: "end", Kind: spec.ActorDied, ID: a.label(), Err: gone}})
	})
}

// offspring returns where the actors belong that the caller makes: its actor's brood, or one of its own; nil for a driver,
// which holds no lease.
func (c *caller) offspring() *brood {
	if c.brood == nil && c.lease != 0 {
		c.brood = new(brood)
	}
	return c.brood
}

// bereave ends what an attempt made that failed with err, if its sandbox crashed.
func (c *caller) bereave(err *spec.Error) {
	if c.brood != nil && isCrash(err.Kind) {
		c.brood.end(&spec.Error{Op: "make an actor", Kind: spec.OwnerDied, ID: "task " + c.task.String() + ", which made it and crashed", Err: err})
	}
}

// ownerGone says that the actor, which made others, is gone.
func (a *actor) ownerGone(cause error) *spec.Error {
	return &spec.Error{Op: "make an actor", Kind: spec.OwnerDied, ID: "actor " + a.label() + ", which made it and ended", Err: cause}
}
