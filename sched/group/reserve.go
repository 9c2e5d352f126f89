package group

import (
	"slices"
	"time"

	"github.com/raywasm/raywasm/sched/group/packing"
	"github.com/raywasm/raywasm/sched/resource"
)

// prepare begins an attempt: it asks every node of a placement to reserve its bundles.
func (gs *Groups) prepare(g *group, missing []int, p packing.Placement) {
	gs.attempt++
	g.attempt, g.open = Attempt(gs.attempt), 0
	first := len(g.parts)
	for _, k := range p.Order {
		n := gs.nodes[p.On[k].ID]
		i := slices.IndexFunc(g.parts[first:], func(o *part) bool { return o.node == n })
		if i < 0 {
			i = len(g.parts) - first
			part := &part{group: g, attempt: g.attempt, node: n, sent: firstResend}
			g.parts = append(g.parts, part)
			n.parts = append(n.parts, part) // the highest number
		}
		part := g.parts[first+i]
		part.bundles = append(part.bundles, missing[k])
		part.on = append(part.on, gs.room.Take(n.free, g.bundles[missing[k]].Need))
		part.taken = append(part.taken, true)
	}
	g.open = len(g.parts) - first
	g.dueAt = time.Time{}
	for _, part := range g.parts[first:] {
		gs.send(part)
	}
	gs.timers.set(gs.now.Add(firstResend), g, sendAgain, uint64(g.attempt))
}

// send asks a part's node for what it has not answered yet.
func (gs *Groups) send(p *part) {
	m := Message{Verb: Commit, Group: p.group.id, Attempt: p.attempt}
	if p.phase == preparing {
		m.Verb = Prepare
		m.Pieces = make([]Piece, len(p.bundles))
		for i, b := range p.bundles {
			m.Pieces[i] = Piece{b, p.group.bundles[b].Need}
		}
	}
	gs.do(Action{Do: Send, Node: p.node.id, Message: m})
}

// resend asks those again that did not answer.
func (gs *Groups) resend(g *group, a Attempt) {
	var pause = firstResend
	for _, p := range g.parts {
		if p.attempt == a && (p.phase == preparing || p.phase == committing) {
			p.sent = min(2*p.sent, maxResend)
			pause = max(pause, p.sent)
			gs.send(p)
		}
	}
	gs.timers.set(gs.now.Add(pause), g, sendAgain, uint64(a))
}

// answered takes a node's reply.
func (gs *Groups) answered(r Reply) {
	n := gs.nodes[r.Node]
	if n == nil {
		return // it holds what it holds; if it comes back, its report says so
	}
	i, wanted := n.find(r.Attempt)
	if !wanted {
		if r.Verb == Prepared || r.Verb == Committed {
			gs.do(Action{Do: Send, Node: n.id, Message: Message{Verb: Cancel, Group: r.Group, Attempt: r.Attempt}})
		}
		return
	}
	p := n.parts[i]
	g := p.group
	switch {
	case r.Verb == Prepared && p.phase == preparing:
		p.phase = prepared
		gs.learn(p, r.On)
		if g.open--; g.open == 0 {
			gs.commit(g)
		}
	case r.Verb == Committed && p.phase == committing:
		p.phase = committed
		if g.open--; g.open == 0 {
			gs.done(g)
		}
	case r.Verb == Refused && p.phase == preparing:
		gs.abort(g)
		gs.believe(n, r.Report)
		gs.freed = false // less than was believed
		g.why = Resources
		gs.later(g, g.pause(false))
	case r.Verb == Gone && p.phase >= committing:
		gs.forget(p)
		gs.lose([]*part{p})
	}
}

// learn takes over from which GPUs a node took a part, which need not be what was believed.
func (gs *Groups) learn(p *part, on []resource.Devices) {
	for i, b := range p.bundles {
		if need := p.group.bundles[b].Need; i < len(on) && p.taken[i] && !slices.Equal(on[i], p.on[i]) {
			gs.room.Give(p.node.free, need, p.on[i])
			gs.room.TakeFrom(p.node.free, need, on[i])
			p.on[i] = on[i]
		}
	}
}

// commit opens an attempt of which everything is reserved.
func (gs *Groups) commit(g *group) {
	if g.state == Pending {
		gs.move(g, AllPrepared)
	}
	for _, p := range g.parts {
		if p.attempt == g.attempt {
			p.phase, p.sent = committing, firstResend
			g.open++
			gs.send(p)
		}
	}
}

// done ends an attempt of which everything is open.
func (gs *Groups) done(g *group) {
	gs.dequeue(g)
	for _, p := range g.parts {
		if p.attempt == g.attempt {
			for _, b := range p.bundles {
				g.on[b] = p
			}
		}
	}
	g.attempt, g.backoff, g.unmet = 0, 0, ""
	if g.short() > 0 { // a node died meanwhile
		gs.enqueue(g)
		gs.place(g)
		return
	}
	gs.move(g, Created)
	g.answer(gs, nil)
}

// lose takes from groups what was reserved on a node that is gone, or that has forgotten it. Their parts are not the node's
// any more.
func (gs *Groups) lose(parts []*part) {
	var groups []*group
	for _, p := range parts {
		g := p.group
		g.parts = slices.DeleteFunc(g.parts, func(o *part) bool { return o == p })
		for i, o := range g.on {
			if o == p {
				g.on[i] = nil
			}
		}
		if p.attempt == g.attempt {
			gs.abort(g)
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, before)
	for _, g := range groups {
		if g.state == Created {
			gs.order++
			g.order = gs.order
			gs.move(g, Rescheduling)
			gs.enqueue(g)
		}
	}
	for _, g := range groups {
		if g.attempt == 0 {
			gs.place(g)
		}
	}
}

// abort gives back everything of the attempt under way. The group waits again.
func (gs *Groups) abort(g *group) {
	a := g.attempt
	g.attempt, g.open = 0, 0
	for _, p := range g.parts {
		if p.attempt == a {
			gs.cancel(p, false)
		}
	}
	g.parts = slices.DeleteFunc(g.parts, func(p *part) bool { return p.attempt == a })
	if g.state == AllPrepared {
		gs.move(g, Pending)
	}
}

// cancel gives back what a part has, or may have.
func (gs *Groups) cancel(p *part, removed bool) {
	gs.forget(p)
	gs.do(Action{Do: Send, Node: p.node.id, Message: Message{Verb: Cancel, Group: p.group.id, Attempt: p.attempt, Removed: removed}})
	for i, b := range p.bundles {
		if p.taken[i] {
			gs.room.Give(p.node.free, p.group.bundles[b].Need, p.on[i])
		}
	}
	gs.freed = true
}

// forget takes a part from its node.
func (gs *Groups) forget(p *part) {
	if i, there := p.node.find(p.attempt); there {
		p.node.parts = slices.Delete(p.node.parts, i, i+1)
	}
}
