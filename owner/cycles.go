package owner

import "github.com/raywasm/raywasm/spec"

// Unreachable returns what only refers to itself: objects and actors to which there are references, but none from outside
// of them. Counting never frees those: an actor that holds its own handle, two objects whose values contain each other.
//
// held is what each idle actor holds in its state and its constructor's arguments; every link as often as it is counted
// for the actor. An actor that is not in held is in use, and reachable. What an object's value contains is known here.
// (Trial deletion: take every reference away that comes from inside; what has some left is reached from outside, and
// whatever it refers to. D. F. Bacon and V. T. Rajan, Concurrent cycle collection in reference counted systems, 2001.)
func (r *Refs) Unreachable(held map[spec.ActorID][]spec.Link) []spec.Link {
	outside := make(map[spec.Link]int, len(r.counts))
	for l, c := range r.counts {
		outside[l] += c.n
		for _, inner := range c.contains {
			outside[inner]--
		}
		if l.IsActor {
			for _, inner := range held[l.Actor] {
				outside[inner]--
			}
		}
	}
	reached := make(map[spec.Link]bool, len(r.counts))
	var next []spec.Link
	reach := func(l spec.Link) {
		if r.counts[l] != nil && !reached[l] {
			reached[l] = true
			next = append(next, l)
		}
	}
	for l := range r.counts {
		if _, idle := held[l.Actor]; outside[l] > 0 || l.IsActor && !idle {
			reach(l)
		}
	}
	for len(next) > 0 {
		l := next[len(next)-1]
		next = next[:len(next)-1]
		for _, inner := range r.counts[l].contains {
			reach(inner)
		}
		if l.IsActor {
			for _, inner := range held[l.Actor] {
				reach(inner)
			}
		}
	}
	unreachable := make(map[spec.Link]bool)
	for l := range r.counts {
		if !reached[l] {
			unreachable[l] = true
		}
	}
	return sortedLinks(unreachable)
}
