package host

import (
	"maps"
	"slices"
	"time"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// In a cluster a placement group belongs to the node of whoever created it: its core decides where the bundles lie, and asks
// the nodes for them. Each node holds bundles for the groups of all; the attempts of different nodes are told apart by their
// epochs. A task in a group goes to the node of its bundle; from a node that knows the group only as one that it holds for
// another, it goes to that one, which sends it on.

// join makes the groups of this node those of a cluster. epoch is another one for every node.
func (g *groups) join(epoch uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.epoch = epoch
	g.core = group.New(group.Options{Epoch: epoch})
	g.core.Step(time.Now(), group.Event{Op: group.NodeUp, Node: g.node.id, Report: g.holder.Report()}, nil)
}

// epochOf returns the epoch of who made an attempt.
func epochOf(a group.Attempt) uint32 { return uint32(a >> 32) }

// held returns what is reserved for groups here, of all nodes.
func (g *groups) held() (all []peer.Hold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.holder.Held() {
		all = append(all, peer.Hold{Group: r.Group, Attempt: r.Attempt, On: r.On})
	}
	return all
}

// reportOf is a node's report in the words of the core: of what is held there, what this node asked for.
func (g *groups) reportOf(r *peer.Report) group.Report {
	report := group.Report{Total: resource.Of(r.Total), Free: resource.Of(r.Free), GPUs: r.GPUs, Labels: labelsOf(r.Labels)}
	for _, h := range r.Held {
		if epochOf(h.Attempt) == g.epoch {
			report.Held = append(report.Held, group.Hold{Group: h.Group, Attempt: h.Attempt, On: h.On})
		}
	}
	return report
}

// nodeSays: another node is there, or has something else now.
func (g *groups) nodeSays(node spec.NodeID, r *peer.Report) {
	g.change(func() {
		if !g.closed {
			g.happen(group.Event{Op: group.NodeUp, Node: node, Report: g.reportOf(r)})
		}
	})
}

// nodeDied: its bundles are lost, and what was held for it is free.
func (g *groups) nodeDied(node spec.NodeID) {
	g.change(func() {
		g.happen(group.Event{Op: group.NodeDown, Node: node})
		for _, r := range slices.Clone(g.holder.Held()) {
			if g.homes[r.Group] == node {
				g.obey(node, group.Message{Verb: group.Cancel, Group: r.Group, Attempt: r.Attempt, Removed: true})
			}
		}
		maps.DeleteFunc(g.homes, func(_ spec.GroupID, home spec.NodeID) bool { return home == node })
	})
}

// ask sends a message of this node's core to another node. The caller holds mu.
func (g *groups) ask(node spec.NodeID, m group.Message) {
	out := &peer.Group{Verb: m.Verb, ID: m.Group, Attempt: m.Attempt, Removed: m.Removed, Namespace: g.owned[m.Group].namespace}
	for _, p := range m.Pieces {
		out.Bundles = append(out.Bundles, peer.Bundle{Index: p.Bundle, Need: p.Need.Spec()})
	}
	g.node.cluster.port.Send(node, peer.Message{Group: out})
}

// asked takes a message of another node's core.
func (g *groups) asked(from spec.NodeID, in *peer.Group) {
	m := group.Message{Verb: in.Verb, Group: in.ID, Attempt: in.Attempt, Removed: in.Removed}
	for _, b := range in.Bundles {
		m.Pieces = append(m.Pieces, group.Piece{Bundle: b.Index, Need: resource.Of(b.Need)})
	}
	g.change(func() {
		if g.closed || !g.mayAsk(from, m) {
			return
		}
		g.asking = lender{in.ID.Job(), in.Namespace}
		if m.Verb == group.Prepare {
			g.homes[m.Group] = from
		}
		g.obey(from, m)
		if _, known := g.homes[m.Group]; known && !g.holds(m.Group) {
			g.lastGone(m.Group)
		}
	})
}

// holds reports whether anything is reserved here for a group. The caller holds mu.
func (g *groups) holds(id spec.GroupID) bool {
	return slices.ContainsFunc(g.holder.Held(), func(r *group.Reservation) bool { return r.Group == id })
}

// lastGone: nothing is reserved here any more for a group of another node. Who asks for the group still was sent here before, and
// is sent to its home, which says what became of it. That is on its way already, for bundles that were open go with their group
// alone, so not all of them need be remembered, but the last, as many as the home itself remembers. What comes later yet learns
// that there is no such group. The caller holds mu.
func (g *groups) lastGone(id spec.GroupID) {
	if slices.Contains(g.gone, id) {
		return
	}
	if g.gone = append(g.gone, id); len(g.gone) <= group.MaxRemoved {
		return
	}
	if first := g.gone[0]; !g.holds(first) {
		delete(g.homes, first)
	}
	g.gone = slices.Delete(g.gone, 0, 1)
}

// mayAsk reports whether a message is of the node that the group belongs to, about what was reserved for it. The caller holds mu.
func (g *groups) mayAsk(from spec.NodeID, m group.Message) bool {
	if _, own := g.owned[m.Group]; own || epochOf(m.Attempt) == g.epoch {
		return false
	}
	if home, known := g.homes[m.Group]; known && home != from || !known && m.Verb != group.Prepare {
		return false
	}
	for _, r := range g.holder.Held() {
		if r.Attempt == m.Attempt {
			return r.Group == m.Group
		}
	}
	return true
}

// obey does what another node's core asks for. The caller holds mu. What that knows of this node afterwards is its own guess, or
// of the moment: it is told again.
func (g *groups) obey(from spec.NodeID, m group.Message) {
	defer g.node.scope.run(g.node.cluster.retell)
	for _, e := range g.holder.Step(m, nil) {
		switch e.Do {
		case group.SendReply:
			reply := &peer.GroupReply{Verb: e.Reply.Verb, ID: e.Reply.Group, Attempt: e.Reply.Attempt, On: e.Reply.On}
			if e.Reply.Verb == group.Refused {
				r := e.Reply.Report
				reply.Report = &peer.Report{Total: r.Total.Spec(), Free: r.Free.Spec(), GPUs: r.GPUs, Labels: r.Labels.Map()}
				for _, h := range r.Held {
					reply.Report.Held = append(reply.Report.Held, peer.Hold{Group: h.Group, Attempt: h.Attempt, On: h.On})
				}
			}
			g.node.cluster.port.Send(from, peer.Message{Reply: reply})
		case group.Open:
			g.opened(e.Reservation)
		case group.Close:
			g.evict(e.Reservation)
			g.moveParked(m.Group)
		}
	}
}

// replied takes another node's answer.
func (g *groups) replied(from spec.NodeID, in *peer.GroupReply) {
	reply := group.Reply{Verb: in.Verb, Node: from, Group: in.ID, Attempt: in.Attempt, On: in.On}
	g.change(func() {
		if g.closed || epochOf(in.Attempt) != g.epoch {
			return
		}
		if in.Report != nil {
			reply.Report = g.reportOf(in.Report)
		}
		g.happen(group.Event{Op: group.Answered, Reply: reply})
	})
}

// target returns the other node to which a task in a group is to go; false if it stays: it runs or waits here.
func (g *groups) target(use *group.Use) (spec.NodeID, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	nodes, placed, known := g.core.Where(use.Group)
	if !known {
		home, held := g.homes[use.Group]
		here := slices.ContainsFunc(g.open[use.Group], func(b *bundle) bool { return use.Bundle == group.AnyBundle || use.Bundle == b.index })
		return home, held && !here
	}
	var at spec.NodeID
	if use.Bundle != group.AnyBundle {
		if use.Bundle >= len(nodes) || !placed[use.Bundle] {
			return at, false
		}
		at = nodes[use.Bundle]
	} else { // its bundles in turn
		for range nodes {
			i := g.turn % len(nodes)
			g.turn++
			if placed[i] {
				at = nodes[i]
				break
			}
		}
	}
	return at, at != spec.NodeID{} && at != g.node.id
}

// moveParked sends the tasks that wait here for a bundle of a group to where there is one. The caller holds mu.
func (g *groups) moveParked(id spec.GroupID) {
	parked := g.parked[id]
	if parked == nil || g.node.cluster == nil {
		return
	}
	for e := parked.Front(); e != nil; e = e.Next() {
		s := e.Value.(*seat)
		if t, ok := s.tenant.(*task); ok && s.ev.Until == 0 {
			g.after = append(g.after, func() { g.node.cluster.replace(t, s.lease) })
		}
	}
}

// withdraw takes a seat back that is in no bundle; false if it is in one, or is gone.
func (g *groups) withdraw(lease sched.Lease) (parked bool) {
	g.change(func() {
		if s := g.seats[lease]; s != nil && s.bundle == nil {
			g.leave(s)
			parked = true
		}
	})
	return parked
}

// replace sends a task that waits for a bundle to the node that has one.
func (c *clusterNode) replace(t *task, lease sched.Lease) {
	use, _ := t.use()
	to, elsewhere := c.node.groups.target(use)
	if !elsewhere || !c.node.groups.withdraw(lease) || !t.withdrawn(lease) {
		return
	}
	switch {
	case t.origin != nil:
		t.mu.Lock()
		if !t.finished {
			t.moved = &to
		}
		t.mu.Unlock()
		t.finish(nil, t.cancelled())
	case !c.send(t, to, t.hopped()):
		t.queue(0)
	}
}
