package sim

import (
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// home is the owner of all tasks and actors: it submits them to nodes, retries them, counts references to their results, and
// runs the life of actors.
type home struct {
	w       *World
	views   map[spec.NodeID]*view
	tasks   map[int]*task
	roots   int               // tasks of the driver that are not done
	open    int               // tasks that were submitted and are not done
	lanes   []*lane           // that wait for room, by shape
	laneOf  map[laneKey]*lane //
	inGroup map[spec.GroupID][]*task
	refs    *owner.Refs[struct{}]
	actors  map[int]*actor
	living  int // actors that are not over
	calling int // drivers that still call one

	done, failed, attempts int
	busy, wasted           float64
	last                   time.Duration
	waits                  []time.Duration
}

// view is a node as the owner sees it.
type view struct {
	m        *machine
	pool     resource.Pool // what is free, as far as the owner believes
	labels   label.Set
	gone     bool
	inflight []*task
	actors   []*actor
}

// task is a task as its owner sees it.
type task struct {
	t         *Task
	kids      []*task
	parent    *task
	need      resource.Vector
	ask       *sched.Ask
	retries   int
	sends     int // the last one's number
	hops      int
	on        *view // where it was sent to; nil: it waits for a place
	at        int   // in on's list
	taken     bool  // its need is taken from the owner's belief
	devices   resource.Devices
	asked     bool // it was submitted
	blocked   bool // it waits for its children
	over      bool
	kind      spec.Kind // its result: 0 for a value
	since     time.Duration
	submitted time.Duration
	pause     time.Duration
}

// lane is the tasks of one shape that wait for room.
type lane struct {
	need   resource.Vector
	sel    label.Selector
	queue  []*task
	actors []*actor
}

type laneKey struct {
	need resource.Shape
	sel  string
}

// submission is what a node is asked to run.
type submission struct {
	key    runKey
	task   *Task
	actor  *Actor
	kids   bool
	group  spec.GroupID
	bundle int
	hops   int
	ask    *sched.Ask

	attempt int // how often it was retried
}

// maxHops is how often a task is sent on before it waits where it is.
const maxHops = 2

func newHome(w *World) *home {
	return &home{w: w, views: make(map[spec.NodeID]*view), tasks: make(map[int]*task), laneOf: make(map[laneKey]*lane),
		inGroup: make(map[spec.GroupID][]*task), refs: owner.NewRefs[struct{}](), actors: make(map[int]*actor)}
}

func (o *home) start() {
	if o.w.opt.Policy == nil {
		o.w.opt.Policy = NewFirstFit()
	}
	shapes := make(map[string]*sched.Ask)
	all := make([]task, len(o.w.prog.Tasks))
	for i := range o.w.prog.Tasks {
		t := &o.w.prog.Tasks[i]
		key := t.Need.String()
		ask := shapes[key]
		if ask == nil {
			need := resource.Of(t.Need)
			ask = &sched.Ask{Need: need, Hold: need}
			shapes[key] = ask
		}
		all[i] = task{t: t, need: ask.Need, ask: ask}
		o.tasks[t.ID] = &all[i]
	}
	for i := range all {
		k := &all[i]
		if parent := o.tasks[k.t.Parent]; parent != nil && k.t.Parent < k.t.ID {
			k.parent = parent
			parent.kids = append(parent.kids, k)
			continue
		}
		o.roots++
		o.w.at(k.t.At, func() { o.submit(k) })
	}
	for i := range o.w.prog.Actors {
		o.startActor(&o.w.prog.Actors[i])
	}
}

// over reports whether everything that was asked for has ended.
func (o *home) over() bool {
	return o.roots == 0 && o.open == 0 && o.living == 0 && o.calling == 0 && o.w.now >= o.w.faulty
}

// object names a task's result.
func object(id int) spec.Link {
	var t spec.TaskID
	t[0], t[1], t[2], t[3] = byte(id>>24), byte(id>>16), byte(id>>8), byte(id)
	return spec.ObjectLink(t.Object(1))
}

// key names what was sent last.
func (k *task) key() runKey { return runKey{id: k.t.ID, try: k.sends} }

// submit begins a task, once: a parent that is run again names the same children.
func (o *home) submit(k *task) {
	if k.asked {
		return
	}
	k.asked, k.submitted, k.since = true, o.w.now, o.w.now
	o.open++
	o.refs.Create(object(k.t.ID).Object, 1) // the caller's handle
	if o.w.opt.Observe != nil {
		o.w.opt.Observe(o.w.now, k.t, 0, Submitted)
	}
	o.dispatch(k)
}

// dispatch finds a place for the next attempt of a task.
func (o *home) dispatch(k *task) {
	if k.t.Group != 0 {
		o.dispatchInGroup(k)
		return
	}
	key := laneKey{k.need.Shape(), k.t.Select.String()}
	l := o.laneOf[key]
	if l == nil {
		l = &lane{need: k.need, sel: k.t.Select}
		o.laneOf[key] = l
		o.lanes = append(o.lanes, l)
	}
	l.queue = append(l.queue, k)
	if len(l.queue) == 1 {
		o.serve(l)
	}
}

// serve gives room to those of a lane that wait, oldest first.
func (o *home) serve(l *lane) {
	for len(l.queue) > 0 {
		id, ok := o.w.opt.Policy.Pick(l.need, l.sel)
		if !ok {
			break
		}
		v := o.views[id]
		k := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		k.devices, k.taken = v.pool.Take(l.need), true
		o.show(v)
		o.send(k, v, submission{})
	}
}

// serveAll serves every lane, because there may be room.
func (o *home) serveAll() {
	o.serveActors()
	for _, l := range o.lanes {
		if len(l.queue) > 0 {
			o.serve(l)
		}
	}
}

func (o *home) dispatchInGroup(k *task) {
	id := groupID(k.t.Group)
	row, ok := o.w.head.groups.Row(id)
	switch {
	case !ok && !o.hasGroup(k.t.Group) || ok && row.State == group.Removed:
		o.complete(k, spec.TaskPlacementGroupRemoved)
		return
	case ok && (row.State == group.Created || row.State == group.Rescheduling):
		bundle := k.t.Bundle
		if bundle == group.AnyBundle {
			bundle = k.t.ID % len(row.Bundles)
		}
		if b := row.Bundles[bundle%len(row.Bundles)]; b.Placed {
			if v := o.views[b.Node]; v != nil {
				o.send(k, v, submission{group: id, bundle: bundle % len(row.Bundles)})
				return
			}
		}
	}
	o.inGroup[id] = append(o.inGroup[id], k)
}

func (o *home) hasGroup(id int) bool {
	for i := range o.w.prog.Groups {
		if o.w.prog.Groups[i].ID == id {
			return true
		}
	}
	return false
}

// groupChanged tries those again that wait for a group.
func (o *home) groupChanged(id spec.GroupID) {
	waiting := o.inGroup[id]
	delete(o.inGroup, id)
	for _, k := range waiting {
		o.dispatch(k)
	}
}

// send sends an attempt to a node, and again until there is an answer.
func (o *home) send(k *task, v *view, s submission) {
	k.sends++
	k.on, k.at, k.blocked = v, len(v.inflight), false
	v.inflight = append(v.inflight, k)
	s.key, s.task, s.kids, s.hops, s.attempt, s.ask = k.key(), k.t, len(k.kids) > 0, k.hops, k.retries, k.ask
	k.pause = 0
	o.attempts++
	o.repeat(k, v, s)
}

func (o *home) repeat(k *task, v *view, s submission) {
	if k.over || k.on != v || k.sends != s.key.try {
		return
	}
	o.w.ask(v.m, func() { v.m.submit(s) })
	if o.w.opt.bug == neverRepeat {
		return
	}
	k.pause = next(k.pause)
	o.w.after(k.pause, func() { o.repeat(k, v, s) })
}

// leave takes a task off the node that it was sent to.
func (o *home) leave(k *task) {
	v := k.on
	last := len(v.inflight) - 1
	v.inflight[k.at] = v.inflight[last]
	v.inflight[k.at].at = k.at
	v.inflight[last] = nil
	v.inflight = v.inflight[:last]
	if k.taken && !v.gone {
		v.pool.Give(k.need, k.devices)
		o.show(v)
	}
	k.on, k.taken = nil, false
}

// current finds the task whose attempt a node speaks of; nil if it is not wanted any more, which the node is told.
func (o *home) current(m *machine, key runKey) *task {
	k := o.tasks[key.id]
	if k == nil || k.over || k.on == nil || k.on.m != m || k.sends != key.try {
		o.w.ask(m, func() { m.drop(key) })
		return nil
	}
	return k
}

// spilled takes back an attempt for which a node has no room, and learns what it has.
func (o *home) spilled(m *machine, key runKey, r group.Report) {
	k := o.current(m, key)
	if k == nil {
		return
	}
	v := k.on
	o.leave(k)
	o.attempts--
	k.hops++
	o.believe(v, r, nil)
	o.dispatch(k)
}

// result takes the end of an attempt.
func (o *home) result(m *machine, key runKey, kind spec.Kind, took time.Duration) {
	k := o.current(m, key)
	if k == nil {
		if o.w.opt.bug == doubleFinish {
			if k := o.tasks[key.id]; k != nil && kind == 0 && k.sends != key.try {
				o.complete(k, kind)
			}
		}
		return
	}
	o.w.ask(m, func() { m.drop(key) })
	o.leave(k)
	cpu := took.Seconds() * k.t.Need.CPU.Float()
	o.busy += cpu
	if kind != 0 {
		o.wasted += cpu
	}
	o.ended(k, kind)
	o.serveAll()
}

// lost counts the CPU time of an attempt that died with its node.
func (o *home) lost(r *run) {
	cpu := r.took.Seconds() * r.task.Need.CPU.Float()
	o.busy += cpu
	o.wasted += cpu
}

// ended decides what follows from an attempt's end.
func (o *home) ended(k *task, kind spec.Kind) {
	policy := owner.RetryPolicy{MaxRetries: k.t.Retries}
	if kind == 0 || !policy.Retry(int32(k.retries), kind) {
		o.complete(k, kind)
		return
	}
	k.retries++
	k.hops = 0
	o.dispatch(k)
}

// complete gives a task its result: once.
func (o *home) complete(k *task, kind spec.Kind) {
	o.w.note('c', k.t.ID, int(kind))
	if k.over {
		o.w.fail("task %d was finished twice for its owner", k.t.ID)
		return
	}
	k.over, k.kind = true, kind
	o.open--
	o.last = o.w.now
	o.waits = append(o.waits, o.w.now-k.submitted)
	if kind == 0 {
		o.done++
	} else {
		o.failed++
	}
	if o.w.opt.Observe != nil {
		o.w.opt.Observe(o.w.now, k.t, 0, Done)
	}
	for _, kid := range k.kids {
		if kid.asked {
			o.refs.Release(object(kid.t.ID), nil)
		}
	}
	if k.parent == nil {
		o.roots--
		o.refs.Release(object(k.t.ID), nil)
		return
	}
	if p := k.parent; p.over {
		return
	} else if p.blocked && p.on != nil {
		o.resumeIfDone(p)
	}
}

// blocked submits the children of an attempt that waits for them, or tells it that they are done.
func (o *home) blocked(m *machine, key runKey) {
	k := o.current(m, key)
	if k == nil {
		return
	}
	k.blocked = true
	for _, kid := range k.kids {
		o.submit(kid)
	}
	if k.on != nil && !k.over {
		o.resumeIfDone(k)
	}
}

func (o *home) resumeIfDone(k *task) {
	for _, kid := range k.kids {
		if !kid.over {
			return
		}
	}
	m, key := k.on.m, k.key()
	o.w.ask(m, func() { m.resume(key) })
}

// nodeUp begins to use a node.
func (o *home) nodeUp(m *machine, r group.Report) {
	v := &view{m: m, labels: r.Labels, pool: resource.Restore(r.Total, r.Free, r.GPUs)}
	o.views[m.id] = v
	o.show(v)
	o.serveAll()
}

// nodeDown ends what was sent to a node that is held for dead.
func (o *home) nodeDown(m *machine) {
	v := o.views[m.id]
	if v == nil {
		return
	}
	delete(o.views, m.id)
	o.w.opt.Policy.Remove(m.id)
	v.gone = true
	for len(v.inflight) > 0 {
		k := v.inflight[0]
		o.leave(k)
		o.ended(k, spec.NodeDied)
	}
	for _, a := range append([]*actor(nil), v.actors...) {
		o.actorLost(a, spec.NodeDied)
	}
	o.serveAll()
}

// reported takes over what a node says of itself.
func (o *home) reported(m *machine, r group.Report, runs []runKey) {
	if v := o.views[m.id]; v != nil {
		o.believe(v, r, runs)
		for _, key := range runs { // those that nobody wants are told so
			if key.actor {
				o.mine(m, key)
			} else {
				o.current(m, key)
			}
		}
		if o.behind() {
			o.serveAll()
		}
	}
}

func (o *home) behind() bool {
	for _, l := range o.lanes {
		if len(l.queue) > 0 || len(l.actors) > 0 {
			return true
		}
	}
	return false
}

// believe sets what is free on a node: what it says, less what was sent to it and it does not know yet.
func (o *home) believe(v *view, r group.Report, runs []runKey) {
	pool := resource.Restore(r.Total, r.Free, r.GPUs)
	for _, k := range v.inflight {
		if k.t.Group != 0 {
			continue
		}
		known := false
		for _, key := range runs {
			known = known || key == k.key()
		}
		k.taken = true
		if !known {
			if k.taken = pool.Fits(k.need); k.taken {
				k.devices = pool.Take(k.need)
			}
		}
	}
	v.pool = pool
	o.show(v)
}

// show tells the policy what is believed of a node.
func (o *home) show(v *view) { o.w.opt.Policy.Set(v.m.id, v.labels, v.pool.Clone()) }
