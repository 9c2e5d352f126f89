package owner

import (
	"iter"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Refs counts the references to objects and actors. An object may contain references to others: those are held for as
// long as it lives. Cycles are not found.
//
// O is what its user keeps of an object, in one record with the count: there is one for each task that waits.
type Refs[O any] struct {
	objects map[spec.ObjectID]*object[O]
	actors  map[spec.ActorID]*int
}

// object is what is counted, and what is kept of it.
type object[O any] struct {
	n        int
	contains []spec.Link
	kept     O
}

// Freed is what has no reference left; Kept is what was kept of an object.
type Freed[O any] struct {
	spec.Link
	Kept *O

	contains []spec.Link
}

// NewRefs returns empty counts.
func NewRefs[O any]() *Refs[O] {
	return &Refs[O]{objects: make(map[spec.ObjectID]*object[O]), actors: make(map[spec.ActorID]*int)}
}

// Create begins to count an object, which has n references, and returns where the rest of it is kept.
func (r *Refs[O]) Create(id spec.ObjectID, n int) *O {
	x := &object[O]{n: n}
	r.objects[id] = x
	return &x.kept
}

// CreateActor begins to count an actor, which has n references.
func (r *Refs[O]) CreateActor(id spec.ActorID, n int) { r.actors[id] = &n }

// Object returns what is kept of an object; nil if it is not counted (any more).
func (r *Refs[O]) Object(id spec.ObjectID) *O {
	if x := r.objects[id]; x != nil {
		return &x.kept
	}
	return nil
}

// Objects goes through all objects, in no order.
func (r *Refs[O]) Objects() iter.Seq2[spec.ObjectID, *O] {
	return func(yield func(spec.ObjectID, *O) bool) {
		for id, x := range r.objects {
			if !yield(id, &x.kept) {
				return
			}
		}
	}
}

// Contain says that the object's value contains links. The object holds each of them while it lives; what is gone
// already stays gone.
func (r *Refs[O]) Contain(id spec.ObjectID, links []spec.Link) {
	if len(links) == 0 {
		return
	}
	x := r.objects[id]
	if x == nil {
		return
	}
	held := slices.DeleteFunc(slices.Clone(links), func(l spec.Link) bool { return !r.Retain(l) })
	x.contains = append(x.contains, held...)
}

// Empty says that the object's value is gone, and what it contained with it. It appends what has no reference left.
func (r *Refs[O]) Empty(id spec.ObjectID, freed []Freed[O]) []Freed[O] {
	x := r.objects[id]
	if x == nil {
		return freed
	}
	contains := x.contains
	x.contains = nil
	for _, l := range contains {
		freed = r.Release(l, freed)
	}
	return freed
}

// count returns where the references to l are counted, nil if they are not (any more).
func (r *Refs[O]) count(l spec.Link) *int {
	if l.IsActor {
		return r.actors[l.Actor]
	}
	if x := r.objects[l.Object]; x != nil {
		return &x.n
	}
	return nil
}

// all goes through what is counted, in no order: the references to each, and what it contains.
func (r *Refs[O]) all(do func(l spec.Link, n int, contains []spec.Link)) {
	for id, x := range r.objects {
		do(spec.ObjectLink(id), x.n, x.contains)
	}
	for id, n := range r.actors {
		do(spec.ActorLink(id), *n, nil)
	}
}

// Retain adds a reference; false if l is not counted (any more).
func (r *Refs[O]) Retain(l spec.Link) bool {
	n := r.count(l)
	if n == nil {
		return false
	}
	*n++
	return true
}

// Release takes a reference away. It appends what has none left to freed: l, then what l contained, and so on, breadth
// first. Releasing what is not counted does nothing.
func (r *Refs[O]) Release(l spec.Link, freed []Freed[O]) []Freed[O] {
	first := len(freed)
	freed = r.drop(l, freed)
	for i := first; i < len(freed); i++ { // freed is also the list of what is still to look into
		for _, inner := range freed[i].contains {
			freed = r.drop(inner, freed)
		}
	}
	return freed
}

// drop takes one reference from l, and forgets l and appends it to freed if it was the last.
func (r *Refs[O]) drop(l spec.Link, freed []Freed[O]) []Freed[O] {
	if l.IsActor {
		n := r.actors[l.Actor]
		if n == nil || *n == 0 {
			return freed
		}
		if *n--; *n > 0 {
			return freed
		}
		delete(r.actors, l.Actor)
		return append(freed, Freed[O]{Link: l})
	}
	x := r.objects[l.Object]
	if x == nil || x.n == 0 {
		return freed
	}
	if x.n--; x.n > 0 {
		return freed
	}
	delete(r.objects, l.Object)
	return append(freed, Freed[O]{l, &x.kept, x.contains})
}

// Count returns the number of references to l.
func (r *Refs[O]) Count(l spec.Link) int {
	if n := r.count(l); n != nil {
		return *n
	}
	return 0
}

// Containers returns in the values of which objects there are references to each object and actor: an object as often as its
// value has one.
func (r *Refs[O]) Containers() map[spec.Link][]spec.ObjectID {
	in := make(map[spec.Link][]spec.ObjectID)
	for outer, x := range r.objects {
		for _, l := range x.contains {
			in[l] = append(in[l], outer)
		}
	}
	return in
}

// Len returns how many objects and how many actors are counted.
func (r *Refs[O]) Len() (objects, actors int) { return len(r.objects), len(r.actors) }
