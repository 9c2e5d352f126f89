package owner_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/spec"
)

func actorLink(n uint64) spec.Link {
	return spec.ActorLink(spec.NewActorID(spec.DriverTaskID(spec.JobNumber(1)), n))
}

// linkNamed reads "a1" to "a9", an actor, and "o1" to "o9", an object.
func linkNamed(name string) spec.Link {
	if name[0] == 'a' {
		return actorLink(uint64(name[1] - '0'))
	}
	return object(uint32(name[1] - '0'))
}

func nameOfLink(l spec.Link) string {
	for n := byte('1'); n <= '9'; n++ {
		for _, kind := range []byte("ao") {
			if linkNamed(string([]byte{kind, n})) == l {
				return string([]byte{kind, n})
			}
		}
	}
	return "?"
}

// TestCycleStories prints what is unreachable. A line says who refers to what: "a1: a1 o2" for an idle actor or an
// object, "busy a1: o2" for an actor that runs, "root: a1" for a program.
func TestCycleStories(t *testing.T) {
	datadriven.Walk(t, "testdata/cycles", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			r := newRefs()
			held := make(map[spec.ActorID][]spec.Link)
			count := func(l spec.Link, n int) {
				if r.Count(l) == 0 {
					create(r, l, n)
				} else if n > 0 {
					r.Retain(l)
				}
			}
			for line := range strings.Lines(d.Input) { // first what there is
				for _, word := range strings.Fields(strings.NewReplacer("busy ", "", "root", "", ":", "").Replace(line)) {
					if r.Count(linkNamed(word)) == 0 {
						create(r, linkNamed(word), 1)
					}
				}
			}
			for line := range strings.Lines(d.Input) {
				who, what, _ := strings.Cut(strings.TrimSpace(line), ":")
				var links []spec.Link
				for _, word := range strings.Fields(what) {
					links = append(links, linkNamed(word))
				}
				switch {
				case who == "root" || strings.HasPrefix(who, "busy "):
					for _, l := range links {
						count(l, 1)
					}
				case who[0] == 'a':
					for _, l := range links {
						count(l, 1)
					}
					held[linkNamed(who).Actor] = links
				default:
					r.Contain(linkNamed(who).Object, links)
				}
			}
			// What everything was created with is taken away without being freed: a count of one stays where a reference is.
			seen := map[spec.Link]bool{}
			for line := range strings.Lines(d.Input) {
				for _, word := range strings.Fields(strings.NewReplacer("busy ", "", "root", "", ":", "").Replace(line)) {
					if l := linkNamed(word); !seen[l] {
						seen[l] = true
						r.Release(l, nil)
					}
				}
			}
			var names []string
			for _, l := range r.Unreachable(held) {
				names = append(names, nameOfLink(l))
			}
			slices.Sort(names)
			return fmt.Sprintln("unreachable:", strings.Join(names, " "))
		})
	})
}

// TestUnreachableIsWhatNoRootReaches compares with a walk from the roots on random graphs.
func TestUnreachableIsWhatNoRootReaches(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		n := 2 + rnd.IntN(12)
		r := newRefs()
		held := make(map[spec.ActorID][]spec.Link)
		var all []spec.Link
		edges := make(map[spec.Link][]spec.Link)
		for i := range n {
			l := object(uint32(i))
			if i%2 == 0 {
				l = actorLink(uint64(i))
				held[l.Actor] = nil
			}
			all = append(all, l)
			create(r, l, 1)
		}
		for range rnd.IntN(3 * n) {
			from, to := all[rnd.IntN(n)], all[rnd.IntN(n)]
			edges[from] = append(edges[from], to)
			if from.IsActor {
				r.Retain(to)
				held[from.Actor] = append(held[from.Actor], to)
			} else {
				r.Contain(from.Object, []spec.Link{to})
			}
		}
		reached := make(map[spec.Link]bool)
		var walk func(spec.Link)
		walk = func(l spec.Link) {
			if !reached[l] {
				reached[l] = true
				for _, to := range edges[l] {
					walk(to)
				}
			}
		}
		gone := make(map[spec.Link]bool)
		drop := func(l spec.Link) { // an actor that counting ends lets go of what it holds
			for freed := r.Release(l, nil); len(freed) > 0; freed = freed[1:] {
				gone[freed[0].Link] = true
				if freed[0].IsActor {
					for _, to := range held[freed[0].Actor] {
						freed = r.Release(to, freed)
					}
					delete(held, freed[0].Actor)
				}
			}
		}
		for _, l := range all {
			if rnd.IntN(4) == 0 {
				walk(l)
			} else {
				drop(l)
			}
		}
		found := r.Unreachable(held)
		for _, l := range all {
			if want := !reached[l] && !gone[l]; want != slices.Contains(found, l) {
				t.Fatalf("seed %d: %v unreachable %v, want %v", seed, l, !want, want)
			}
			if reached[l] && gone[l] {
				t.Fatalf("seed %d: counting freed %v, which is reached", seed, l)
			}
		}
	}
}
