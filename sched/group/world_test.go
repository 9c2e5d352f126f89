package group_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// world is a cluster's core, a holder on each node, and a network between them that can lose, double and keep messages.
type world struct {
	now     time.Time
	core    *group.Groups
	nodes   map[spec.NodeID]*machine
	order   []string // of nodes, by name
	names   map[spec.GroupID]string
	sent    []packet
	holding bool                    // messages wait to be delivered
	cut     map[spec.NodeID]bool    // nodes that nothing reaches or leaves
	fate    func() (copies, at int) // of a packet: how many arrive, and at which place of the queue from its end; nil: one, last
	answers map[group.Waiter]error  // by waiter; nil: created
	asked   map[group.Waiter]spec.GroupID
	trace   []string
	quiet   bool
	next    group.Waiter
}

// packet is a message to a node or a reply from it.
type packet struct {
	to      *machine
	message group.Message
	reply   *group.Reply
}

// machine is a node: a pool that the holder and tasks take from.
type machine struct {
	name   string
	id     spec.NodeID
	labels label.Set
	pool   resource.Pool
	holder *group.Holder
	alive  bool
	open   map[group.Attempt]bool
	tasks  []task // that run outside of groups
}

type task struct {
	need resource.Vector
	on   resource.Devices
}

func (m *machine) Reserve(_ group.Attempt, _ int, need resource.Vector) (resource.Devices, bool) {
	if !m.pool.Fits(need) {
		return nil, false
	}
	return m.pool.Take(need), true
}

func (m *machine) Return(_ group.Attempt, _ int, need resource.Vector, on resource.Devices) {
	m.pool.Give(need, on)
}

func (m *machine) Report() group.Report {
	return group.Report{Total: m.pool.Total(), Free: m.pool.Free(), GPUs: m.pool.GPUs(), Labels: m.labels}
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(opt group.Options) *world {
	return &world{now: start, core: group.New(opt), nodes: make(map[spec.NodeID]*machine), names: make(map[spec.GroupID]string),
		cut: make(map[spec.NodeID]bool), answers: make(map[group.Waiter]error), asked: make(map[group.Waiter]spec.GroupID)}
}

func nodeID(name string) (id spec.NodeID) {
	copy(id[:], name)
	return id
}

func groupID(job byte, name string) (id spec.GroupID) {
	copy(id[:14], name)
	id[14] = job
	return id
}

func (w *world) addNode(name string, total spec.Resources, labels label.Set) *machine {
	m := &machine{name: name, id: nodeID(name), labels: labels, pool: resource.NewPool(resource.Of(total)), alive: true, open: make(map[group.Attempt]bool)}
	m.holder = group.NewHolder(m.id, m)
	w.nodes[m.id] = m
	if !slices.Contains(w.order, name) {
		w.order = append(w.order, name)
	}
	w.step(group.Event{Op: group.NodeUp, Node: m.id, Report: m.holder.Report()})
	return m
}

func (w *world) node(name string) *machine { return w.nodes[nodeID(name)] }

func (w *world) step(ev group.Event) {
	for _, a := range w.core.Step(w.now, ev, nil) {
		switch a.Do {
		case group.Send:
			if m := w.nodes[a.Node]; m != nil {
				w.send(packet{to: m, message: a.Message})
			}
		case group.Answer:
			w.answers[a.Waiter] = a.Err
			text := "ok"
			if a.Err != nil {
				text = a.Err.Error()
			}
			w.say("waiter %d: %s", a.Waiter, text)
		case group.Changed:
			row, _ := w.core.Row(a.Group)
			w.say("%s is %s%s", w.names[a.Group], row.State, w.where(row))
		}
	}
	w.deliver()
}

// where says on which nodes the bundles lie.
func (w *world) where(row group.Row) string {
	if row.State == group.Removed || row.State == group.Pending {
		return ""
	}
	var parts []string
	for _, b := range row.Bundles {
		at := "-"
		if b.Placed {
			at = w.nodes[b.Node].name
		}
		parts = append(parts, at)
	}
	return " [" + strings.Join(parts, " ") + "]"
}

func (w *world) send(p packet) {
	copies, back := 1, 0
	if w.fate != nil {
		copies, back = w.fate()
	}
	if w.cut[p.to.id] {
		copies = 0
	}
	text := w.describe(p)
	switch copies {
	case 0:
		text += "  (lost)"
	case 2:
		text += "  (twice)"
	}
	w.say("%s", text)
	for range copies {
		w.sent = slices.Insert(w.sent, max(0, len(w.sent)-back), p)
	}
}

func (w *world) describe(p packet) string {
	if r := p.reply; r != nil {
		return fmt.Sprintf("  %s -> %s %s#%d", p.to.name, map[group.ReplyVerb]string{group.Prepared: "prepared", group.Refused: "refused",
			group.Committed: "committed", group.Gone: "gone"}[r.Verb], w.names[r.Group], r.Attempt)
	}
	m := p.message
	text := fmt.Sprintf("  -> %s %s %s#%d", p.to.name, map[group.Verb]string{group.Prepare: "prepare", group.Commit: "commit", group.Cancel: "cancel"}[m.Verb],
		w.names[m.Group], m.Attempt)
	for _, piece := range m.Pieces {
		text += fmt.Sprintf(" %d:%s", piece.Bundle, piece.Need)
	}
	return text
}

// deliver delivers what was sent, and what is sent because of it.
func (w *world) deliver() {
	for len(w.sent) > 0 && !w.holding {
		w.deliverOne(0)
	}
}

func (w *world) deliverOne(i int) {
	p := w.sent[i]
	w.sent = slices.Delete(w.sent, i, i+1)
	if !p.to.alive {
		return
	}
	if p.reply != nil {
		w.step(group.Event{Op: group.Answered, Reply: *p.reply})
		return
	}
	for _, e := range p.to.holder.Step(p.message, nil) {
		switch e.Do {
		case group.SendReply:
			w.send(packet{to: p.to, reply: &e.Reply})
		case group.Open:
			p.to.open[e.Reservation.Attempt] = true
		case group.Close:
			delete(p.to.open, e.Reservation.Attempt)
			if e.Removed {
				w.say("  %s ends what runs in %s with %v", p.to.name, w.names[e.Reservation.Group], group.RemovedKind(false))
			}
		}
	}
}

func (w *world) say(format string, args ...any) {
	if !w.quiet {
		w.trace = append(w.trace, fmt.Sprintf("%6s ", w.now.Sub(start))+fmt.Sprintf(format, args...))
	}
}

// wait asks and returns the waiter.
func (w *world) wait(id spec.GroupID, until time.Time) group.Waiter {
	w.next++
	w.asked[w.next] = id
	w.step(group.Event{Op: group.Wait, Group: id, Waiter: w.next, Until: until})
	return w.next
}

// run lets time pass, with a report of every node each second.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	report := w.now.Truncate(time.Second).Add(time.Second)
	for {
		next := end
		if at := w.core.Next(); !at.IsZero() && at.Before(next) {
			next = at
		}
		if report.Before(next) {
			next = report
		}
		if next.After(w.now) {
			w.now = next
		}
		w.step(group.Event{Op: group.Tick})
		if !w.now.Before(report) {
			for _, name := range w.order {
				if m := w.node(name); m.alive && !w.cut[m.id] {
					w.step(group.Event{Op: group.NodeReport, Node: m.id, Report: m.holder.Report()})
				}
			}
			report = report.Add(time.Second)
		}
		if !w.now.Before(end) {
			return
		}
	}
}

// kill ends a node; the cluster knows at once.
func (w *world) kill(m *machine) {
	m.alive = false
	w.step(group.Event{Op: group.NodeDown, Node: m.id})
}
