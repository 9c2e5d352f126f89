package sim

import (
	"encoding/binary"
	"time"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// place is where a node is: one machine after the other.
type place struct {
	w      *World
	node   *Node
	m      *machine // nil: dead
	lives  int
	faults map[FaultKind]int // that hold now
	up     time.Duration     // in all, before this life
	since  time.Duration     // this life
}

// machine is one life of a node.
type machine struct {
	*place
	id      spec.NodeID
	leases  *leases
	holder  *group.Holder
	bundles map[bundleKey]*leases     // that are open
	lent    map[bundleKey]sched.Lease // to the holder
	runs    map[runKey]*run
	order   []*run          // as they came; those that ended are taken out now and then
	over    map[runKey]bool // were here and are not wanted any more
}

// bundleKey is a bundle that a node has reserved.
type bundleKey struct {
	attempt group.Attempt
	bundle  int
}

// runKey names an attempt of a task, or a life of an actor.
type runKey struct {
	actor   bool
	id, try int // try: the number of the sending
}

// run is an attempt on a machine.
type run struct {
	key     runKey
	task    *Task
	actor   *Actor
	in      *leases // of the node or of a bundle
	group   spec.GroupID
	node    int
	attempt int
	lease   sched.Lease
	phase   runPhase
	kids    bool
	kind    spec.Kind // done: the error, 0 for a value
	began   time.Duration
	took    time.Duration // CPU time, less what was lent
	pause   time.Duration // before the next repetition
	calls   map[int]bool  // of an actor that has started: whether each has ended
	dropped bool
}

type runPhase uint8

const (
	waiting runPhase = iota
	running
	blocked
	ended
)

func (w *World) addPlace(n *Node) *place {
	for len(w.places) <= n.ID {
		w.places = append(w.places, &place{w: w, faults: make(map[FaultKind]int)})
	}
	p := w.places[n.ID]
	p.node = n
	p.boot()
	return p
}

// boot begins a life.
func (p *place) boot() {
	p.lives++
	p.since = p.w.now
	m := &machine{place: p, leases: newLeases(p.node.Total), bundles: make(map[bundleKey]*leases), lent: make(map[bundleKey]sched.Lease),
		runs: make(map[runKey]*run), over: make(map[runKey]bool)}
	binary.BigEndian.PutUint32(m.id[:], uint32(p.node.ID))
	binary.BigEndian.PutUint32(m.id[4:], uint32(p.lives))
	m.holder = group.NewHolder(m.id, m)
	p.m = m
	p.w.byID[m.id] = m
	p.w.note('b', p.node.ID, p.lives)
	m.report()
}

// die ends a life.
func (p *place) die() {
	p.w.note('d', p.node.ID, p.lives)
	for _, r := range p.m.order {
		if r.phase != ended && r.phase != waiting && !r.dropped {
			p.w.observe(r, Ended)
		}
	}
	p.up += p.w.now - p.since
	p.m = nil
}

func (p *place) capacity(until time.Duration) float64 {
	if p.node == nil {
		return 0
	}
	up := p.up
	if p.m != nil {
		up += max(0, until-p.since)
	}
	return up.Seconds() * p.node.Total.CPU.Float()
}

func (w *World) fault(f Fault) {
	if f.Node >= len(w.places) || w.places[f.Node].node == nil {
		return
	}
	p := w.places[f.Node]
	w.at(f.At, func() {
		if p.faults[f.Kind]++; f.Kind == Dead && p.m != nil {
			p.die()
		}
	})
	w.at(f.End, func() {
		if p.faults[f.Kind]--; f.Kind == Dead && p.m == nil && p.faults[Dead] == 0 {
			p.boot()
		}
	})
}

// alive reports whether this life goes on.
func (m *machine) alive() bool { return m.place.m == m }

// after lets something happen on the machine, if it still lives then.
func (m *machine) after(d time.Duration, do func()) {
	m.w.after(d, func() {
		if m.alive() {
			do()
			m.w.checkMachine(m)
		}
	})
}

// tell sends a message to the head's place.
func (m *machine) tell(arrive func()) { m.w.send(m.node.ID, 0, arrive) }

// ask sends a message from the head's place to a machine.
func (w *World) ask(m *machine, arrive func()) {
	w.send(0, m.node.ID, func() {
		if m.alive() {
			arrive()
			w.checkMachine(m)
		}
	})
}

// report is what a node says now and then: what is free, what it holds for groups, and which attempts it has.
func (m *machine) report() {
	r := m.holder.Report()
	runs := make([]runKey, 0, len(m.runs))
	live := m.order[:0]
	for _, x := range m.order {
		if x.dropped {
			continue
		}
		live = append(live, x)
		if x.in == m.leases && x.phase != ended {
			runs = append(runs, x.key)
		}
	}
	clear(m.order[len(live):])
	m.order = live
	m.tell(func() { m.w.head.reported(m, r, runs) })
	m.after(m.w.opt.Report, m.report)
}

// Reserve, Return and Report lend the node's resources to its holder.
func (m *machine) Reserve(a group.Attempt, bundle int, need resource.Vector) (resource.Devices, bool) {
	r := need.Spec()
	id, ok := m.leases.request(r, r, func() {})
	if !ok || !m.leases.granted(id) {
		m.leases.release(id)
		return nil, false
	}
	m.lent[bundleKey{a, bundle}] = id
	return nil, true
}

// Return gives back what Reserve took.
func (m *machine) Return(a group.Attempt, bundle int, _ resource.Vector, _ resource.Devices) {
	k := bundleKey{a, bundle}
	if m.w.opt.bug != leakBundle {
		m.leases.release(m.lent[k])
	}
	delete(m.lent, k)
}

// Report says what is free.
func (m *machine) Report() group.Report {
	return group.Report{Total: resource.Of(m.node.Total), Free: resource.Of(m.leases.free()), Labels: m.node.Labels}
}

// message gives a message to the holder and does what follows.
func (m *machine) message(msg group.Message) {
	for _, e := range m.holder.Step(msg, nil) {
		switch e.Do {
		case group.SendReply:
			m.tell(func() { m.w.head.step(group.Event{Op: group.Answered, Reply: e.Reply}) })
		case group.Open:
			for _, p := range e.Reservation.Pieces {
				m.bundles[bundleKey{e.Reservation.Attempt, p.Bundle}] = newLeases(p.Need.Spec())
			}
		case group.Close:
			for _, p := range e.Reservation.Pieces {
				k := bundleKey{e.Reservation.Attempt, p.Bundle}
				in := m.bundles[k]
				delete(m.bundles, k)
				kind := spec.NodeDied // of the bundle, so to say
				if e.Removed {
					kind = group.RemovedKind(false)
				}
				for _, r := range m.order {
					if r.in == in && r.phase != ended && !r.dropped {
						m.finish(r, kind)
					}
				}
			}
		}
	}
}

// submit takes an attempt in. What is known already is answered again.
func (m *machine) submit(s submission) {
	if r := m.runs[s.key]; r != nil {
		m.answer(r)
		return
	}
	if m.over[s.key] {
		m.spill(s.key)
		return
	}
	r := &run{key: s.key, task: s.task, actor: s.actor, kids: s.kids, in: m.leases, group: s.group, node: m.node.ID, attempt: s.attempt}
	if !s.group.IsZero() {
		if r.in = m.bundle(s.group, s.bundle); r.in == nil {
			key := r.key
			m.tell(func() { m.w.owner.result(m, key, spec.NodeDied, 0) })
			return
		}
	}
	m.runs[s.key] = r
	m.order = append(m.order, r)
	need, hold := s.needs()
	id, ok := r.in.request(need, hold, func() { m.begin(r) })
	r.lease = id
	switch {
	case !ok:
		r.phase = ended
		m.finish(r, spec.TaskUnschedulable)
	case r.phase == waiting && s.hops < maxHops && s.group.IsZero():
		m.drop(r.key)
		m.spill(r.key)
	}
}

// spill says that an attempt is not here any more. If it is wanted, it is to go elsewhere.
func (m *machine) spill(key runKey) {
	free := m.Report()
	m.tell(func() {
		if key.actor {
			m.w.owner.actorEnded(m, key, spec.NodeDied)
			return
		}
		m.w.owner.spilled(m, key, free)
	})
}

// bundle returns the open bundle of a group.
func (m *machine) bundle(id spec.GroupID, index int) *leases {
	for _, h := range m.holder.Held() {
		for _, p := range h.Pieces {
			if h.Group == id && h.Open && (p.Bundle == index) {
				return m.bundles[bundleKey{h.Attempt, index}]
			}
		}
	}
	return nil
}

// slow stretches what takes d.
func (m *machine) slow(d time.Duration) time.Duration {
	if m.faults[Slow] > 0 {
		d *= 8
	}
	return max(d, 1)
}

// begin runs what was granted: half of it, then it waits for its children, then the other half.
func (m *machine) begin(r *run) {
	r.phase, r.began = running, m.w.now
	m.w.note('s', r.key.id, r.key.try)
	if r.key.actor {
		m.after(m.slow(100*time.Millisecond), func() { m.started(r) })
		return
	}
	m.w.observe(r, Running)
	half := m.slow(r.task.Duration / 2)
	m.after(half, func() {
		switch {
		case r.phase != running:
		case m.w.chance(r.task.Crash, 'c', r.key.id, r.attempt):
			m.finish(r, spec.WorkerCrashed)
		case r.kids:
			r.phase = blocked
			r.took += m.w.now - r.began
			m.w.observe(r, Blocked)
			r.in.block(r.lease, true)
			m.repeatBlocked(r)
		default:
			m.secondHalf(r)
		}
	})
}

func (m *machine) secondHalf(r *run) {
	m.after(m.slow(r.task.Duration/2), func() {
		if r.phase != running {
			return
		}
		kind := spec.Kind(0)
		if m.w.chance(r.task.Fail, 'f', r.key.id, r.attempt) {
			kind = spec.TaskError
		}
		m.finish(r, kind)
	})
}

// repeatBlocked says that an attempt waits for its children, until it is told that they are done.
func (m *machine) repeatBlocked(r *run) {
	if r.phase != blocked || r.dropped {
		return
	}
	m.tell(func() { m.w.owner.blocked(m, r.key) })
	r.pause = next(r.pause)
	m.after(r.pause, func() { m.repeatBlocked(r) })
}

// resume lets an attempt go on whose children are done.
func (m *machine) resume(key runKey) {
	r := m.runs[key]
	if r == nil || r.phase != blocked {
		return
	}
	r.phase, r.began = running, m.w.now
	m.w.observe(r, Running)
	r.in.block(r.lease, false)
	m.secondHalf(r)
}

// finish ends an attempt and says so until it is heard.
func (m *machine) finish(r *run, kind spec.Kind) {
	if r.phase == running {
		r.took += m.w.now - r.began
	}
	begun := r.phase == running || r.phase == blocked
	if r.phase != ended {
		r.phase = ended
		if m.w.opt.bug != leakLease || r.attempt == 0 {
			r.in.release(r.lease)
		}
	}
	r.kind = kind
	m.w.note('e', r.key.id, int(kind))
	if begun && !r.key.actor {
		m.w.observe(r, Ended)
	}
	r.pause = 0
	m.repeatResult(r)
}

func (m *machine) repeatResult(r *run) {
	if r.dropped {
		return
	}
	m.answer(r)
	r.pause = next(r.pause)
	m.after(r.pause, func() { m.repeatResult(r) })
}

// answer says how far an attempt is, if there is something to say.
func (m *machine) answer(r *run) {
	switch {
	case r.phase == ended && r.key.actor:
		m.tell(func() { m.w.owner.actorEnded(m, r.key, r.kind) })
	case r.phase == ended:
		m.tell(func() { m.w.owner.result(m, r.key, r.kind, r.took) })
	case r.key.actor && r.calls != nil:
		m.tell(func() { m.w.owner.actorStarted(m, r.key) })
	}
}

// drop forgets an attempt, and ends it if it runs.
func (m *machine) drop(key runKey) {
	r := m.runs[key]
	if r == nil {
		m.over[key] = true
		return
	}
	begun := r.phase == running || r.phase == blocked
	if r.phase != ended {
		r.phase = ended
		r.in.release(r.lease)
	}
	if begun && !key.actor {
		m.w.observe(r, Ended)
	}
	r.dropped = true
	m.over[key] = true
	delete(m.runs, key)
}

// maxPause is the longest pause before a message is repeated.
const maxPause = time.Minute

// next doubles the pause before a repetition.
func next(d time.Duration) time.Duration { return min(max(2*time.Second, 2*d), maxPause) }

func (w *World) observe(r *run, phase Phase) {
	if w.opt.Observe != nil && r.task != nil {
		w.opt.Observe(w.now, r.task, r.node, phase)
	}
}
