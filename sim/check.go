package sim

import (
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

var noSelector label.Selector

// bug is a fault of the simulated program, made on purpose so that tests can see it found.
type bug uint8

const (
	noBug        bug = iota
	neverRepeat      // messages are sent once
	leakLease        // a retried attempt keeps its lease
	leakBundle       // a node keeps what a group gave back
	doubleFinish     // the result of an attempt that was given up is taken for the task's
)

// checkMachine: what a node has is free or held, and nothing is negative.
func (w *World) checkMachine(m *machine) {
	if text := m.leases.wrong(); text != "" {
		w.fail("node %d: %s", m.node.ID, text)
	}
	if len(m.leases.held) < len(m.lent) {
		w.fail("node %d: %d reservations on %d leases", m.node.ID, len(m.lent), len(m.leases.held))
	}
}

// checkAll checks every node and every group.
func (w *World) checkAll() {
	for _, p := range w.places[1:] {
		m := p.m
		if m == nil {
			continue
		}
		w.checkMachine(m)
		for _, h := range m.holder.Held() {
			for _, piece := range h.Pieces {
				k := bundleKey{h.Attempt, piece.Bundle}
				in := m.bundles[k]
				if h.Open != (in != nil) || m.lent[k] == 0 {
					w.fail("node %d: bundle %d is open %t and usable %t on lease %d", p.node.ID, piece.Bundle, h.Open, in != nil, m.lent[k])
				}
				if in != nil {
					if text := in.wrong(); text != "" {
						w.fail("node %d, bundle %d: %s", p.node.ID, piece.Bundle, text)
					}
				}
			}
		}
	}
	for _, g := range w.head.asked {
		if row, ok := w.head.groups.Row(groupID(g.ID)); ok {
			w.checkGroup(g, &row)
		}
	}
}

// checkGroup: a group is whole when it is created, and lies as its strategy demands.
func (w *World) checkGroup(g *Group, row *group.Row) {
	on := make(map[spec.NodeID]int)
	for i, b := range row.Bundles {
		if !b.Placed {
			if row.State == group.Created {
				w.fail("group %d is created without bundle %d", g.ID, i)
			}
			continue
		}
		on[b.Node]++
		k := w.head.member[b.Node]
		if !k.alive || !k.m.alive() {
			continue // nobody knows yet
		}
		if k.m.bundle(row.ID, i) == nil {
			w.fail("group %d: bundle %d cannot be used on node %d", g.ID, i, k.m.node.ID)
		}
	}
	for _, n := range on {
		if row.Strategy == spec.StrictSpread && n > 1 || row.Strategy == spec.StrictPack && len(on) > 1 {
			w.fail("group %d: %s with %d bundles on one of %d nodes", g.ID, row.Strategy, n, len(on))
		}
	}
}

// checkEnd: every wait has ended, and nothing is left of what has.
func (w *World) checkEnd() {
	o := w.owner
	if !o.over() {
		for _, t := range w.prog.Tasks {
			if k := o.tasks[t.ID]; k.asked && !k.over {
				w.fail("task %d never ended: attempt %d, sent %t, blocked %t", t.ID, k.retries, k.on != nil, k.blocked)
			}
		}
		for _, a := range w.prog.Actors {
			if k := o.actors[a.ID]; !k.over {
				w.fail("actor %d never ended: %d, life %d", a.ID, k.core.State(), k.life)
			}
		}
		w.fail("%d tasks of the driver never ended", o.roots)
		return
	}
	if n, _ := o.refs.Len(); n != 0 {
		w.fail("%d results are referred to by nobody and counted", n)
	}
	for _, a := range w.prog.Actors {
		if k := o.actors[a.ID]; len(k.answered) != a.Calls {
			w.fail("actor %d answered %d of %d calls", a.ID, len(k.answered), a.Calls)
		}
	}
	for _, g := range w.head.asked {
		if w.head.waits[group.Waiter(g.ID)] {
			w.fail("who waits for group %d was never answered", g.ID)
		}
	}
	w.drain()
}

// drain lets what is under way arrive, and finds that nothing is held on any node.
func (w *World) drain() {
	until := w.now + 5*maxPause
	for w.broken == nil && len(w.queue) > 0 && w.queue[0].at <= until {
		w.once()
	}
	for _, p := range w.places[1:] {
		m := p.m
		if m == nil || w.broken != nil {
			continue
		}
		if n := len(m.leases.held); n > 0 || len(m.runs) > 0 || len(m.bundles) > 0 || len(m.holder.Held()) > 0 {
			w.fail("node %d still has %d leases, %d attempts, %d bundles and %d reservations after everything has ended",
				p.node.ID, n, len(m.runs), len(m.bundles), len(m.holder.Held()))
		}
	}
}
