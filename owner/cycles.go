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
	inside := make(map[spec.Link]int) // how many of its references are in others; most have none
	r.all(func(l spec.Link, _ int, contains []spec.Link) {
		for _, inner := range contains {
			inside[inner]++
		}
		for _, inner := range heldBy(l, held) {
			inside[inner]++
		}
	})
	reached := make(map[spec.Link]bool)
	var next []spec.Link
	reach := func(links []spec.Link) {
		for _, l := range links {
			if r.count(l) != nil && !reached[l] {
				reached[l] = true
				next = append(next, l)
			}
		}
	}
	r.all(func(l spec.Link, n int, contains []spec.Link) {
		if _, idle := held[l.Actor]; inside[l] == 0 || n > inside[l] || l.IsActor && !idle {
			if inside[l] > 0 {
				reached[l] = true
			}
			reach(contains)
			reach(heldBy(l, held))
		}
	})
	for len(next) > 0 {
		l := next[len(next)-1]
		next = next[:len(next)-1]
		if x := r.objects[l.Object]; x != nil && !l.IsActor {
			reach(x.contains)
		}
		reach(heldBy(l, held))
	}
	unreachable := make(map[spec.Link]bool)
	for l := range inside {
		if r.count(l) != nil && !reached[l] {
			unreachable[l] = true
		}
	}
	return sortedLinks(unreachable)
}

// heldBy returns what l holds if it is an idle actor.
func heldBy(l spec.Link, held map[spec.ActorID][]spec.Link) []spec.Link {
	if !l.IsActor {
		return nil
	}
	return held[l.Actor]
}
