package packing

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// match puts as many bundles as it can each on a node of its own, where no other bundle of the group lies, and returns how
// many those are. It is a largest matching: where a bundle finds no node that is left, those that have one make room along an
// augmenting path (Kuhn).
func (s *search) match() int {
	s.begin()
	matched := 0
	from := s.turn
	for _, i := range s.hard {
		b := &s.Bundles[i]
		found := false
		for n := range s.fitting(b.Need, from) {
			if len(s.loaded(n)) == 0 && !slices.Contains(s.Fixed, n) && s.lay(i, n) {
				from = n.at + 1
				found = true
				break
			}
		}
		if found || len(s.used) > 0 && s.augment(i, make(map[*Node]bool)) {
			matched++
		} else if s.Strategy == spec.StrictSpread {
			break // one without a place is one too many
		}
	}
	s.turn = from
	return matched
}

// augment gives bundle i the node of another one that finds a new node.
func (s *search) augment(i int, seen map[*Node]bool) bool {
	for n := range s.fitting(s.Bundles[i].Need, 0) {
		if seen[n] || slices.Contains(s.Fixed, n) || !s.Bundles[i].Select.Matches(n.Labels) {
			continue
		}
		seen[n] = true
		if load := s.loaded(n); len(load) > 0 {
			other := load[0]
			if !s.augment(other, seen) {
				continue
			}
			n.load = n.load[:0]
		} else {
			s.used = append(s.used, n)
		}
		n.load, n.sum = append(n.load, i), s.Bundles[i].Need
		s.on[i] = n
		return true
	}
	return false
}
