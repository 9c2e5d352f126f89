package group_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/group/packing"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// TestNoFaultBreaksAGroup lets clients, nodes, tasks and the network do as they like, checks after every step that no group is
// half and nothing is lent twice, and at the end, when the faults have stopped, that nothing is held for nobody, everybody who
// waited was answered, and no group waits that has room.
func TestNoFaultBreaksAGroup(t *testing.T) {
	seeds := uint64(120)
	if testing.Short() {
		seeds = 30
	}
	seen := map[group.State]int{}
	for seed := range seeds {
		chaos(t, seed, seen)
	}
	for _, state := range []group.State{group.Pending, group.Created, group.Rescheduling, group.Removed} {
		if seen[state] == 0 {
			t.Errorf("no group was ever %s: this proves little", state)
		}
	}
}

func chaos(t *testing.T, seed uint64, seen map[group.State]int) {
	r := rand.New(rand.NewPCG(seed, 11))
	w := newWorld(group.Options{Epoch: 1, Grows: r.IntN(2) == 0})
	w.quiet = true
	w.holding = true
	lossy := func() (int, int) {
		copies := 1
		switch r.IntN(10) {
		case 0:
			copies = 0
		case 1:
			copies = 2
		}
		return copies, r.IntN(3)
	}
	w.fate = lossy
	zone := func() label.Set {
		s, _ := label.NewSet(map[string]string{"zone": []string{"a", "b"}[r.IntN(2)]})
		return s
	}
	born := 0
	join := func() {
		born++
		total := spec.Resources{CPU: spec.Quantity(1+r.IntN(4)) * spec.Unit}
		if r.IntN(3) == 0 {
			total.GPU = spec.Quantity(1+r.IntN(2)) * spec.Unit
		}
		w.addNode("node"+string(rune('A'+born)), total, zone())
	}
	for range 2 + r.IntN(4) {
		join()
	}
	some := func() *machine { return w.node(w.order[r.IntN(len(w.order))]) }
	var groups []spec.GroupID
	for range 150 {
		switch r.IntN(14) {
		case 0, 1, 2:
			o := spec.GroupOptions{Strategy: []spec.Strategy{spec.Pack, spec.StrictPack, spec.Spread, spec.StrictSpread}[r.IntN(4)]}
			for range 1 + r.IntN(3) {
				b := spec.Bundle{Resources: spec.Resources{CPU: spec.Quantity(1+r.IntN(4)) * spec.Unit / 2}}
				if r.IntN(5) == 0 {
					b.Resources.GPU = []spec.Quantity{5000, 4000, spec.Unit}[r.IntN(3)]
				}
				if r.IntN(6) == 0 {
					b.Select = map[string]string{"zone": "a"}
				}
				o.Bundles = append(o.Bundles, b)
			}
			id := groupID(1, string(rune('a'+len(groups))))
			groups = append(groups, id)
			w.step(group.Event{Op: group.Create, Group: id, Spec: &o})
		case 3:
			if len(groups) > 0 {
				w.step(group.Event{Op: group.Remove, Group: groups[r.IntN(len(groups))]})
			}
		case 4:
			if len(groups) > 0 {
				w.wait(groups[r.IntN(len(groups))], w.now.Add(time.Duration(r.IntN(5000))*time.Millisecond))
			}
		case 5:
			if m := some(); m.alive && r.IntN(3) == 0 {
				w.kill(m)
			}
		case 6:
			if born < 10 {
				join()
			}
		case 7: // held for dead, or found alive again
			if m := some(); m.alive {
				op := []group.Op{group.NodeDown, group.NodeUp}[r.IntN(2)]
				w.step(group.Event{Op: op, Node: m.id, Report: m.holder.Report()})
			}
		case 8:
			m := some()
			need := resource.Vector{CPU: spec.Quantity(1+r.IntN(2)) * spec.Unit / 2}
			if on, ok := m.Reserve(0, 0, need); ok {
				m.tasks = append(m.tasks, task{need, on})
			}
		case 9:
			for m := some(); len(m.tasks) > 0; m.tasks = m.tasks[1:] {
				m.pool.Give(m.tasks[0].need, m.tasks[0].on)
			}
		case 10:
			if m := some(); w.cut[m.id] {
				delete(w.cut, m.id)
			} else if r.IntN(2) == 0 {
				w.cut[m.id] = true
			}
		case 11:
			w.run(time.Duration(r.IntN(1500)) * time.Millisecond)
		default:
			for range 1 + r.IntN(8) {
				if len(w.sent) > 0 {
					w.deliverOne(0)
				}
			}
		}
		w.check(t, seed)
		for _, row := range w.core.Rows(100) {
			seen[row.State]++
		}
	}
	// The faults stop.
	w.fate, w.holding = nil, false
	clear(w.cut)
	w.deliver()
	for _, name := range w.order {
		m := w.node(name)
		for ; len(m.tasks) > 0; m.tasks = m.tasks[1:] {
			m.pool.Give(m.tasks[0].need, m.tasks[0].on)
		}
		if m.alive {
			w.step(group.Event{Op: group.NodeUp, Node: m.id, Report: m.holder.Report()})
		}
	}
	w.run(time.Minute)
	w.check(t, seed)
	w.settled(t, seed)
	for _, id := range groups {
		w.step(group.Event{Op: group.Remove, Group: id})
	}
	for _, name := range w.order {
		if m := w.node(name); m.alive && (len(m.holder.Held()) > 0 || len(m.open) > 0 || m.pool.Free().Shape() != m.pool.Total().Shape()) {
			t.Fatalf("seed %d: %s holds %v and has %v free of %v after everything was removed", seed, name, m.holder.Held(), m.pool.Free(), m.pool.Total())
		}
	}
}

// check: nodes lend what they have and no more; a group that is created lies where it may, on reservations that are open.
func (w *world) check(t *testing.T, seed uint64) {
	t.Helper()
	for _, name := range w.order {
		m := w.node(name)
		sum := m.pool.Free()
		for _, k := range m.tasks {
			sum = sum.Plus(k.need)
		}
		for _, h := range m.holder.Held() {
			for _, p := range h.Pieces {
				sum = sum.Plus(p.Need)
			}
		}
		if sum.Shape() != m.pool.Total().Shape() || !(resource.Vector{}).Within(m.pool.Free()) {
			t.Fatalf("seed %d: %s has %v, but %v are free or lent", seed, name, m.pool.Total(), sum)
		}
	}
	for _, row := range w.core.Rows(100) {
		on := map[spec.NodeID]int{}
		for i, b := range row.Bundles {
			if !b.Placed {
				if row.State == group.Created {
					t.Fatalf("seed %d: %s is created without bundle %d", seed, row.ID, i)
				}
				continue
			}
			on[b.Node]++
			m := w.nodes[b.Node]
			found := false
			for _, h := range m.holder.Held() {
				for _, p := range h.Pieces {
					found = found || h.Group == row.ID && p.Bundle == i && h.Open && m.open[h.Attempt]
				}
			}
			if !found {
				t.Fatalf("seed %d: bundle %d of %s is not open on %s", seed, i, row.ID, m.name)
			}
		}
		switch {
		case row.Strategy == spec.StrictPack && len(on) > 1:
			t.Fatalf("seed %d: STRICT_PACK on %v", seed, on)
		case row.Strategy == spec.StrictSpread:
			for _, n := range on {
				if n > 1 {
					t.Fatalf("seed %d: STRICT_SPREAD on %v", seed, on)
				}
			}
		}
	}
}

// settled: everybody is answered, nothing is held for nobody, and who waits has no room.
func (w *world) settled(t *testing.T, seed uint64) {
	t.Helper()
	room := packing.NewRoom()
	at := map[spec.NodeID]*packing.Node{}
	held := 0
	for _, name := range w.order {
		if m := w.node(name); m.alive {
			at[m.id] = room.Add(m.id, m.labels, m.pool.Clone())
			for _, h := range m.holder.Held() {
				held += len(h.Pieces)
			}
		}
	}
	lost := false
	for _, row := range w.core.Rows(100) {
		lost = lost || row.State == group.Rescheduling
	}
	for _, row := range w.core.Rows(100) {
		q := packing.Query{Strategy: row.Strategy}
		for _, b := range row.Bundles {
			if b.Placed {
				held--
				q.Fixed = append(q.Fixed, at[b.Node])
				continue
			}
			var s label.Selector
			if b.Select != "" {
				s, _ = label.Parse(map[string]string{"zone": "a"})
			}
			q.Bundles = append(q.Bundles, packing.Bundle{Need: resource.Of(b.Need), Select: s})
		}
		if row.State == group.Removed || len(q.Bundles) == 0 {
			continue
		}
		if _, ok := room.Place(q); ok && (row.State == group.Rescheduling || !lost) {
			t.Fatalf("seed %d: %s is %s (%s: %s) and has room", seed, row.ID, row.State, row.Why, row.Text)
		}
		if row.Why == "" || row.Text == "" {
			t.Fatalf("seed %d: %s waits without a reason", seed, row.ID)
		}
	}
	if held != 0 {
		t.Fatalf("seed %d: %d bundles more are held than groups have", seed, held)
	}
	for id := range w.asked {
		if _, ok := w.answers[id]; !ok {
			t.Fatalf("seed %d: waiter %d was not answered", seed, id)
		}
	}
}

// TestEqualEventsGiveEqualActions plays one seed twice.
func TestEqualEventsGiveEqualActions(t *testing.T) {
	play := func() []string {
		r := rand.New(rand.NewPCG(5, 5))
		w := newWorld(group.Options{})
		for i := range 20 {
			w.addNode("n"+string(rune('a'+i)), spec.Resources{CPU: 4 * spec.Unit}, label.Set{})
		}
		for i := range 40 {
			o := spec.GroupOptions{Strategy: spec.StrictSpread, Bundles: []spec.Bundle{{Resources: spec.Resources{CPU: spec.Unit}}, {Resources: spec.Resources{CPU: 2 * spec.Unit}}}}
			w.step(group.Event{Op: group.Create, Group: groupID(1, string(rune('a'+i))), Spec: &o})
			if i%5 == 0 {
				w.kill(w.node(w.order[r.IntN(len(w.order))]))
			}
		}
		w.step(group.Event{Op: group.JobEnded, Job: spec.JobNumber(1)})
		return w.trace
	}
	first := play()
	for range 5 {
		again := play()
		if len(first) < 100 || len(again) != len(first) {
			t.Fatalf("%d and %d lines", len(first), len(again))
		}
		for i := range first {
			if first[i] != again[i] {
				t.Fatalf("line %d: %q, then %q", i, first[i], again[i])
			}
		}
	}
}
