package owner

import "github.com/raywasm/raywasm/spec"

// Unreachable returns what only refers to itself: objects and actors to which there are references, but none from outside
// of them. Counting never frees those: an actor that holds its own handle, two objects whose values contain each other.
//
// held is what each idle actor holds in its state and its constructor's arguments; every link as often as it is counted
// for the actor. An actor that is not in held is in use, and reachable. What an object's value contains is known here.
// (Trial deletion: take every reference away that comes from inside; what has some left is reached from outside, and
// whatever it refers to. D. F. Bacon and V. T. Rajan, Concurrent cycle collection in reference counted systems, 2001.)
func (r *Refs[O]) Unreachable(held map[spec.ActorID][]spec.Link) []spec.Link {
	outside := make(map[spec.Link]int, len(r.objects)+len(r.actors))
	r.all(func(l spec.Link, n int, contains []spec.Link) {
		outside[l] += n
		for _, inner := range contains {
			outside[inner]--
		}
		for _, inner := range heldBy(l, held) {
			outside[inner]--
		}
	})
	reached := make(map[spec.Link]bool, len(outside))
	var next []spec.Link
	reach := func(l spec.Link) {
		if r.count(l) != nil && !reached[l] {
			reached[l] = true
			next = append(next, l)
		}
	}
	r.all(func(l spec.Link, _ int, _ []spec.Link) {
		if _, idle := held[l.Actor]; outside[l] > 0 || l.IsActor && !idle {
			reach(l)
		}
	})
	for len(next) > 0 {
		l := next[len(next)-1]
		next = next[:len(next)-1]
		if x := r.objects[l.Object]; x != nil && !l.IsActor {
			for _, inner := range x.contains {
				reach(inner)
			}
		}
		for _, inner := range heldBy(l, held) {
			reach(inner)
		}
	}
	unreachable := make(map[spec.Link]bool)
	r.all(func(l spec.Link, _ int, _ []spec.Link) {
		if !reached[l] {
			unreachable[l] = true
		}
	})
	return sortedLinks(unreachable)
}

// heldBy returns what l holds if it is an idle actor.
func heldBy(l spec.Link, held map[spec.ActorID][]spec.Link) []spec.Link {
	if !l.IsActor {
		return nil
	}
	return held[l.Actor]
}
