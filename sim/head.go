package sim

import (
	"time"

	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/spec"
)

// epoch is when simulated time begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// head is what the cluster has once: the placement groups, and who is alive.
type head struct {
	w      *World
	groups *group.Groups
	nodes  []*member
	member map[spec.NodeID]*member
	tick   time.Duration // when the next one is due; 0: none
	asked  []*Group
	waits  map[group.Waiter]bool // asked and not answered
}

// member is a life of a node as the head sees it.
type member struct {
	m     *machine
	seen  time.Duration
	alive bool
}

func newHead(w *World) *head {
	return &head{w: w, groups: group.New(group.Options{Grows: true}), member: make(map[spec.NodeID]*member), waits: make(map[group.Waiter]bool)}
}

func (h *head) start() {
	for i := range h.w.prog.Groups {
		g := &h.w.prog.Groups[i]
		id := groupID(g.ID)
		h.w.at(g.At, func() {
			h.asked = append(h.asked, g)
			h.step(group.Event{Op: group.Create, Group: id, Spec: &g.Options})
			h.waits[group.Waiter(g.ID)] = true
			h.step(group.Event{Op: group.Wait, Group: id, Waiter: group.Waiter(g.ID), Until: epoch.Add(g.End + time.Minute)})
		})
		h.w.at(g.End, func() { h.step(group.Event{Op: group.Remove, Group: id}) })
	}
	h.look()
}

func groupID(n int) (id spec.GroupID) {
	if n > 0 {
		id[0], id[1], id[2], id[14] = byte(n>>16), byte(n>>8), byte(n), 1
	}
	return id
}

// reported takes a node's report, which is also its sign of life.
func (h *head) reported(m *machine, r group.Report, runs []runKey) {
	k := h.member[m.id]
	if k == nil {
		k = &member{m: m}
		h.member[m.id] = k
		h.nodes = append(h.nodes, k)
	}
	op := group.NodeReport
	if !k.alive {
		k.alive = true
		op = group.NodeUp
		h.w.owner.nodeUp(m, r)
	}
	k.seen = h.w.now
	h.step(group.Event{Op: op, Node: m.id, Report: r})
	h.w.owner.reported(m, r, runs)
}

// look holds for dead who was silent for too long.
func (h *head) look() {
	for _, k := range h.nodes {
		if k.alive && h.w.now-k.seen > h.w.opt.DeadAfter {
			k.alive = false
			h.w.note('x', k.m.node.ID, 0)
			h.step(group.Event{Op: group.NodeDown, Node: k.m.id})
			h.w.owner.nodeDown(k.m)
		}
	}
	h.w.after(time.Second, h.look)
}

// step gives an event to the groups' core and does what it says.
func (h *head) step(ev group.Event) {
	for _, a := range h.groups.Step(epoch.Add(h.w.now), ev, nil) {
		switch a.Do {
		case group.Send:
			if k := h.member[a.Node]; k != nil {
				h.w.ask(k.m, func() { k.m.message(a.Message) })
			}
		case group.Answer:
			delete(h.waits, a.Waiter)
		case group.Changed:
			h.w.note('g', int(a.Group[2]), 0)
			h.w.owner.groupChanged(a.Group)
		}
	}
	if at := h.groups.Next(); !at.IsZero() {
		due := max(at.Sub(epoch), h.w.now+1)
		if h.tick <= h.w.now || due < h.tick {
			h.tick = due
			h.w.at(due, func() {
				if h.tick == due {
					h.tick = 0
					h.step(group.Event{Op: group.Tick})
				}
			})
		}
	}
}
