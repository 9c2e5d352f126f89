package sim

import (
	"slices"

	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Shrink takes away from a program that fails whatever it fails without: faults, groups, actors, nodes and tasks, in halves and
// ever smaller parts, then the network's faults (delta debugging). It makes at most tries runs.
func Shrink(p *Program, opt Options, tries int) *Program {
	fails := func(q *Program) bool {
		if tries <= 0 || !q.runnable() {
			return false
		}
		tries--
		_, err := Run(q, opt)
		return err != nil
	}
	best := *p
	for smaller := true; smaller; {
		smaller = false
		smaller = reduce(&best, &best.Faults, fails) || smaller
		smaller = reduce(&best, &best.Groups, fails) || smaller
		smaller = reduce(&best, &best.Actors, fails) || smaller
		smaller = reduce(&best, &best.Tasks, fails) || smaller
		smaller = reduce(&best, &best.Nodes, fails) || smaller
		for _, calm := range []func(*Net){
			func(n *Net) { n.Loss = 0 }, func(n *Net) { n.Double = 0 }, func(n *Net) { n.Jitter = 0 },
		} {
			q := best
			if calm(&q.Net); q.Net != best.Net && fails(&q) {
				best, smaller = q, true
			}
		}
	}
	return &best
}

// runnable reports whether there is a node for everything, so that waiting for ever would be wrong.
func (p *Program) runnable() bool {
	fits := func(need spec.Resources) bool {
		return slices.ContainsFunc(p.Nodes, func(n Node) bool { return resource.Of(need).Within(resource.Of(n.Total)) })
	}
	return !slices.ContainsFunc(p.Tasks, func(t Task) bool { return !fits(t.Need) }) &&
		!slices.ContainsFunc(p.Actors, func(a Actor) bool { return !fits(a.Need) })
}

// reduce leaves out of one list of p what p fails without, and says whether there was any.
func reduce[T any](p *Program, list *[]T, fails func(*Program) bool) bool {
	reduced := false
	for size := max(1, len(*list)/2); ; size /= 2 {
		for from := 0; from < len(*list); {
			all := *list
			to := min(from+size, len(all))
			*list = append(append(make([]T, 0, len(all)), all[:from]...), all[to:]...)
			if fails(p) {
				reduced = true
				continue
			}
			*list = all
			from = to
		}
		if size <= 1 {
			return reduced
		}
	}
}
