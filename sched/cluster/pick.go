package cluster

import (
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Request is what is to be placed.
type Request struct {
	Need     resource.Vector
	Strategy sched.Strategy
	Holds    []Held // a task's arguments: how many bytes of them lie where
}

// Held is how many bytes a node has.
type Held struct {
	Node  spec.NodeID
	Bytes int64
}

// Random is the source of chance: IntN returns a number from 0 to n-1. A *rand.Rand is one.
type Random interface{ IntN(n int) int }

// Choice is where a request goes.
type Choice struct {
	Node spec.NodeID // zero for nowhere
	// Reason is 0 if there is room now. ReasonResources: it is to wait there. With no node, ReasonInfeasible or ReasonLabels: it
	// waits for a node that can do it; ReasonAffinity: the node that it wants is gone or can never do it, so it fails.
	Reason sched.Reason
}

// Pick chooses a node.
func (v *View) Pick(req *Request, rnd Random) Choice {
	return v.pick(req, rnd, nil)
}

// Spill chooses another node than the local one, on which the request waits, if there is one with room now.
func (v *View) Spill(req *Request, rnd Random) (spec.NodeID, bool) {
	local := v.nodes[v.local]
	if local == nil || req.Strategy.Node == v.local && local.Pool.Could(req.Need) {
		return spec.NodeID{}, false
	}
	c := v.pick(req, rnd, local)
	return c.Node, c.Node != spec.NodeID{} && c.Reason == 0
}

// pick chooses a node other than but.
func (v *View) pick(req *Request, rnd Random, but *node) Choice {
	s := &req.Strategy
	if s.Node != (spec.NodeID{}) {
		if x := v.nodes[s.Node]; x != nil && x != but && x.at >= 0 && x.Pool.Could(req.Need) && fulfils(s.Select, x.Labels) {
			return choose(x, req)
		}
		if !s.Soft {
			return Choice{Reason: sched.ReasonAffinity}
		}
	}
	if !s.Spread && s.Node == (spec.NodeID{}) && len(s.Select) == 0 {
		if x := v.nearest(req.Holds); x != nil && x != but && x.Pool.Fits(req.Need) {
			return choose(x, req)
		}
	}
	w := v.wantOf(req.Need)
	for i := range max(1, len(s.Select)) {
		l := look{View: v, req: req, want: w, rnd: rnd, but: but}
		if len(s.Select) > 0 {
			l.sel = &s.Select[i]
			l.narrow()
		}
		if x := l.available(); x != nil {
			return choose(x, req)
		}
	}
	return v.feasible(req, w, rnd, but)
}

// choose returns the choice of a node that can do it now or later.
func choose(x *node, req *Request) Choice {
	if x.Pool.Fits(req.Need) {
		return Choice{Node: x.ID}
	}
	return Choice{Node: x.ID, Reason: sched.ReasonResources}
}

// nearest returns the node with most bytes, the first one among equals, nil if it has none or is draining.
func (v *View) nearest(holds []Held) *node {
	var most Held
	for _, h := range holds {
		if h.Bytes > most.Bytes {
			most = h
		}
	}
	if x := v.nodes[most.Node]; x != nil && x.at >= 0 {
		return x
	}
	return nil
}

// look is one search for a node that has room now.
type look struct {
	*View
	req  *Request
	want want
	sel  *label.Selector // nil: any labels
	rnd  Random
	but  *node
}

// narrow lets the trees leave out what cannot fulfil the selector.
func (l *look) narrow() {
	l.want.marks |= l.traitsOf(l.sel)
}

// traitsOf returns the bits of what a node must have to fulfil the selector.
func (v *View) traitsOf(sel *label.Selector) (marks uint64) {
	for key, value := range sel.Equalities() {
		if key != label.NodeID {
			marks |= v.wanted(key, "="+value)
		}
	}
	return marks
}

// fits reports whether the node has room now.
func (l *look) fits(x *node) bool {
	return l.want.marks&^x.marks == 0 && x.Pool.Fits(l.req.Need) && x != l.but && (l.sel == nil || l.sel.Matches(x.Labels))
}

// available returns a node with room, nil if there is none.
func (l *look) available() *node {
	n := len(l.free.row)
	switch {
	case n == 0:
		return nil
	case l.req.Strategy.Spread:
		x := l.free.from(l.next%n, &l.want, l.fits)
		if x != nil {
			l.next = x.at + 1
		}
		return x
	case l.req.Need.IsZero():
		return l.within(&l.free)
	case l.req.Need.GPU > 0:
		return l.best(1)
	}
	if x := l.best(0); x != nil {
		return x
	}
	return l.best(1) // it is better to take a node with GPUs than to wait
}

// best returns a random one of the best nodes with or without GPUs.
func (l *look) best(gpus int) *node {
	family := &l.bucket[gpus]
	if x := l.nodes[l.local]; x != nil && x.within != nil && l.fits(x) && flag(x.Pool.Total().GPU > 0) == gpus && l.noBetter(family, x) {
		return x
	}
	rank := l.rnd.IntN(max(1, int(TopK*float64(len(l.free.row)))))
	at := 0
	for at < buckets-1 && rank >= len(family[at].row) {
		rank -= len(family[at].row)
		at++
	}
	for i := at; i < buckets; i++ {
		if x := l.within(&family[i]); x != nil {
			return x
		}
	}
	for i := at - 1; i >= 0; i-- {
		if x := l.within(&family[i]); x != nil {
			return x
		}
	}
	return nil
}

// noBetter reports whether no node of a better bucket than x's has room.
func (l *look) noBetter(family *[buckets]tree, x *node) bool {
	for i := range family {
		if &family[i] == x.within {
			return true
		}
		if family[i].from(0, &l.want, l.fits) != nil {
			return false
		}
	}
	return true
}

// probes is how many random nodes are looked at before the tree is asked: where most have room, the choice is an even one.
const probes = 4

// within returns a node of t with room.
func (l *look) within(t *tree) *node {
	n := len(t.row)
	if n == 0 || !t.cells[1].covers(&l.want) {
		return nil
	}
	for range probes {
		if x := t.row[l.rnd.IntN(n)]; l.fits(x) {
			return x
		}
	}
	return t.from(l.rnd.IntN(n), &l.want, l.fits)
}

// feasible chooses where to wait, when there is room nowhere: here if it could ever run here, else on any node where it could.
func (v *View) feasible(req *Request, w want, rnd Random, but *node) Choice {
	var sel *label.Selector
	could := func(x *node) bool {
		return x != but && (sel == nil || sel.Matches(x.Labels)) && x.Pool.Could(req.Need)
	}
	for i := range max(1, len(req.Strategy.Select)) {
		if len(req.Strategy.Select) > 0 {
			sel = &req.Strategy.Select[i]
		}
		w := w
		if sel != nil {
			w.marks |= v.traitsOf(sel)
		}
		if x := v.nodes[v.local]; x != nil && x.at >= 0 && could(x) {
			return choose(x, req)
		}
		if n := len(v.totals.row); n > 0 {
			if x := v.totals.from(rnd.IntN(n), &w, could); x != nil {
				return choose(x, req)
			}
		}
	}
	if sel = nil; len(req.Strategy.Select) > 0 && v.totals.from(0, &w, could) != nil {
		return Choice{Reason: sched.ReasonLabels}
	}
	return Choice{Reason: sched.ReasonInfeasible}
}

// fulfils reports whether labels fulfil one of the selectors.
func fulfils(s label.Strategy, labels label.Set) bool {
	for i := range s {
		if s[i].Matches(labels) {
			return true
		}
	}
	return len(s) == 0
}
