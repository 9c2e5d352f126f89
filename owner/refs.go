package owner

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Refs counts the references to objects and actors. An object may contain references to others: those are held for as
// long as it lives. Cycles are not found.
type Refs struct {
	counts map[spec.Link]*count
}

type count struct {
	n        int
	contains []spec.Link
}

// NewRefs returns empty counts.
func NewRefs() *Refs { return &Refs{counts: make(map[spec.Link]*count)} }

// Create begins to count l, which has n references.
func (r *Refs) Create(l spec.Link, n int) { r.counts[l] = &count{n: n} }

// Contain says that the object's value contains links. The object holds each of them while it lives; what is gone
// already stays gone.
func (r *Refs) Contain(id spec.ObjectID, links []spec.Link) {
	if len(links) == 0 {
		return
	}
	c := r.counts[spec.ObjectLink(id)]
	if c == nil {
		return
	}
	held := slices.DeleteFunc(slices.Clone(links), func(l spec.Link) bool { return !r.Retain(l) })
	c.contains = append(c.contains, held...)
}

// Empty says that the object's value is gone, and what it contained with it. It appends what has no reference left.
func (r *Refs) Empty(id spec.ObjectID, freed []spec.Link) []spec.Link {
	c := r.counts[spec.ObjectLink(id)]
	if c == nil {
		return freed
	}
	contains := c.contains
	c.contains = nil
	for _, l := range contains {
		freed = r.Release(l, freed)
	}
	return freed
}

// Retain adds a reference; false if l is not counted (any more).
func (r *Refs) Retain(l spec.Link) bool {
	c := r.counts[l]
	if c == nil {
		return false
	}
	c.n++
	return true
}

// Release takes a reference away. It appends what has none left to freed: l, then what l contained, and so on, breadth
// first. Releasing what is not counted does nothing.
func (r *Refs) Release(l spec.Link, freed []spec.Link) []spec.Link {
	first := len(freed)
	freed = r.drop(l, freed)
	for i := first; i < len(freed); i++ { // freed is also the list of what is still to look into
		gone := freed[i]
		contains := r.counts[gone].contains
		delete(r.counts, gone)
		for _, inner := range contains {
			freed = r.drop(inner, freed)
		}
	}
	return freed
}

// drop takes one reference from l and appends it to zero if it was the last.
func (r *Refs) drop(l spec.Link, zero []spec.Link) []spec.Link {
	c := r.counts[l]
	if c == nil || c.n == 0 {
		return zero
	}
	if c.n--; c.n == 0 {
		zero = append(zero, l)
	}
	return zero
}

// Count returns the number of references to l.
func (r *Refs) Count(l spec.Link) int {
	if c := r.counts[l]; c != nil {
		return c.n
	}
	return 0
}

// Containers returns in the values of which objects there are references to each object and actor: an object as often as its
// value has one.
func (r *Refs) Containers() map[spec.Link][]spec.ObjectID {
	in := make(map[spec.Link][]spec.ObjectID)
	for outer, c := range r.counts {
		for _, l := range c.contains {
			in[l] = append(in[l], outer.Object)
		}
	}
	return in
}

// Len returns how many objects and actors are counted.
func (r *Refs) Len() int { return len(r.counts) }
