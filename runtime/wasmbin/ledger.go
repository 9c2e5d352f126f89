package wasmbin

import (
	"math"
	"slices"
)

// ledger says who pays for what, in units. All work is paid before it is done:
//
//   - A loop pays for its body at its header, each time round, and looks at
//     the budget there.
//
//   - A function whose own scope, with all it calls from there, costs no more
//     than stretchCost leaves that to be paid by its callers, as part of what
//     their stretch or region costs. Any other pays at its entry.
//
//   - An instruction whose work depends on an operand, or that throws, pays
//     where it stands; see bulk.go.
//
//   - A call that may lead back to the caller, or out of the module, is paid in
//     the region it stands in, and the budget is looked at there.
//
//   - After a call that may lead back to the caller, the budget is looked at
//     again if there may be much to do before the function returns: what the
//     calls that are open still have to do is paid, but not yet done.
//
// So every cycle of the control flow, be it through loops, through recursion
// of any kind or through the host, has a place on it where the budget is
// looked at. Between two of them no instruction runs twice in a call, a scope
// costs longScope at most, and the calls that return do so without more than
// tailCost each if they are recursive; others are a chain of different
// functions. A chain of functions that each call the next one twice, work
// without end with neither loop nor recursion, is paid, too: soon one of them
// costs more than stretchCost.
type ledger struct {
	graph   *callGraph
	flow    flow
	due     []uint32 // by node: what a call of it costs the caller
	touches []bool   // by node: a call of it may read or write the budget
	entry   []bool   // by own function: it pays for its own scope at its entry
}

const (
	// outsideCost is what a call of an imported function costs, in units. The
	// work it does is the host's to bound; this is the way there and back.
	outsideCost = 100
	// exceptionCost is what throwing an exception costs, and entering a
	// try_table, in units, paid where it stands. wazero v1.12 takes 4 to 10
	// microseconds for either, and more on a deep stack, which it copies.
	exceptionCost = 25_000
	// tailCost is the cost in units that a recursive function may have left to
	// do after a call of itself without looking at the budget then. With a
	// depth of 100,000 calls, that makes some 20 milliseconds.
	tailCost = 512
	// longScope is the cost in units from which on a scope looks at the budget
	// in every stretch.
	longScope = 1 << 16
)

// newLedger decides who pays, callees before callers.
func newLedger(g *callGraph, f flow) *ledger {
	l := &ledger{
		graph: g, flow: f,
		due:     make([]uint32, g.outside+1),
		touches: make([]bool, g.outside+1),
		entry:   make([]bool, g.own),
	}
	for lo := 0; lo < len(g.order); {
		hi := lo
		for hi < len(g.order) && g.group[g.order[hi]] == g.group[g.order[lo]] {
			hi++
		}
		l.together(g.order[lo:hi])
		lo = hi
	}
	return l
}

// together decides for nodes that may call each other; all other nodes that
// they call are decided. What an indirect call costs depends on the functions
// among them, not the other way round: calls within the group are watched.
func (l *ledger) together(nodes []node) {
	for _, n := range nodes {
		if n < l.graph.own {
			l.function(n)
		}
	}
	var buf []node
	for _, n := range nodes {
		if n == l.graph.outside {
			l.due[n], l.touches[n] = outsideCost, true
		}
		l.touches[n] = l.touches[n] || l.graph.cycle[n]
		buf = l.graph.callees(l.flow, n, buf[:0])
		for _, to := range buf {
			l.touches[n] = l.touches[n] || l.touches[to]
			if n >= l.graph.own {
				l.due[n] = max(l.due[n], l.due[to])
			}
		}
	}
}

// function decides what calls of own function n cost, and who pays that.
func (l *ledger) function(n node) {
	f := &l.flow[n]
	var due uint64
	for _, s := range f.stretches {
		if s.scope == ownScope {
			due += uint64(s.cost)
		}
	}
	for _, c := range f.calls {
		switch {
		case c.region < 0:
		case !l.watched(n, c):
			due += uint64(l.due[c.callee])
		case f.payer(c.region) < 0:
			f.regions[c.region].pays = true
		}
	}
	if due > stretchCost {
		l.entry[n] = true
	} else {
		l.due[n] = uint32(due)
	}
	l.touches[n] = l.entry[n] || f.spends || len(f.scopes) > 1
}

// watched says whether call c of own function n may come back to n, or leave
// the module.
func (l *ledger) watched(n node, c callSite) bool {
	g := l.graph
	if c.callee == g.outside || g.mayReturnTo(n, c.callee) {
		return true
	}
	return c.callee >= g.own && slices.Contains(g.reach[c.callee-g.own], g.outside)
}

// payer returns the region that pays for calls in region r: itself, or one that
// has always run before it; or -1.
func (f *funcFlow) payer(r int32) int32 {
	for r >= 0 && !f.regions[r].pays {
		r = f.regions[r].dom
	}
	return r
}

// charge is a place where the budget is reduced.
type charge struct {
	pos    int
	units  uint32
	scope  int32 // the scope whose first stretch this is; -1 for any other place
	looked bool  // and looked at
}

// charges appends to an empty slice what own function n pays and where, in code
// order.
func (l *ledger) charges(n node, charges []charge) []charge {
	f := &l.flow[n]
	units := make([]uint64, len(f.stretches)+len(f.regions))
	for i, s := range f.stretches {
		units[i] = uint64(s.cost)
	}
	for _, c := range f.calls {
		due := uint64(l.due[c.callee])
		if c.region >= 0 && l.watched(n, c) && !l.entry[n] {
			units[len(f.stretches)+int(f.payer(c.region))] += due + 1
		} else {
			units[c.stretch] += due
		}
	}

	add := func(pos int, units uint64, scope int32, looked bool) {
		charges = append(charges, charge{pos, uint32(min(units, math.MaxInt32)), scope, looked})
	}
	seen := int32(-1) // scopes are numbered in the order of their first stretches
	for i, s := range f.stretches {
		first := s.scope > seen
		seen = max(seen, s.scope)
		switch {
		case s.scope == ownScope && !l.entry[n]:
		case first && s.scope != ownScope:
			add(s.pos, units[i], s.scope, true)
		default:
			add(s.pos, units[i], -1, first || f.scopes[s.scope].total > longScope)
		}
	}
	for i, u := range units[len(f.stretches):] {
		if f.regions[i].pays && !l.entry[n] {
			add(f.regions[i].pos, u, -1, true)
		}
	}
	for _, c := range f.calls {
		if !c.tail && l.graph.mayReturnTo(n, c.callee) && f.costAfter(c) > tailCost {
			add(c.end, 0, -1, true)
		}
	}
	slices.SortStableFunc(charges, func(a, b charge) int { return a.pos - b.pos })
	return charges
}

// costAfter returns the most that a function may do after a call, before it
// returns or comes to a loop header.
func (f *funcFlow) costAfter(c callSite) (units uint64) {
	for s := f.stretches[c.stretch].scope; s >= 0; s = f.scopes[s].parent {
		units += uint64(f.scopes[s].total)
	}
	return units
}

// quietLoop says whether own function n has a loop in which nothing that is
// called touches the budget.
func (l *ledger) quietLoop(n node) bool {
	f := &l.flow[n]
	if len(f.scopes) == 1 {
		return false
	}
	loud := make([]bool, len(f.scopes))
	for _, c := range f.calls {
		if !l.touches[c.callee] {
			continue
		}
		for s := f.stretches[c.stretch].scope; s >= 0 && !loud[s]; s = f.scopes[s].parent {
			loud[s] = true
		}
	}
	return slices.Contains(loud[1:], false)
}
