package host

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// actor is the shell around owner.Actor: it runs the incarnations that the core asks for and reports what became of
// them. The core decides which call runs, what a crash means and when the actor ends.
type actor struct {
	node     *Node
	at       spec.NodeID // of one on another node: which, and then it has no more than module, id, class, opts and groups
	job      *Job
	scope    *scope // the job's; the node's for a detached actor
	module   *Module
	id       spec.ActorID
	class    *spec.Class
	name     actorName // name "" for none
	detached bool
	outlives bool       // its job: it is detached, or was made by one that outlives
	args     []spec.Arg // of the constructor, kept for restarts
	links    []spec.Link
	opts     spec.ActorOptions
	waiter   *waiter        // for the constructor's arguments; nil if there is nothing to wait for
	groups   map[string]int // numbers of its concurrency groups; nil if its calls run one by one
	place    spec.Resources
	hold     spec.Resources
	strategy sched.Strategy // which nodes will do
	plain    sync.Map       // by the names of its methods: the *terms of calls that say nothing themselves

	mu         sync.Mutex
	core       *owner.Actor
	calls      map[owner.CallID]*task // queued or running; may be nil if there are none
	nextCall   owner.CallID
	warned     int                      // how many waited when it was last warned of
	now        *incarnation             // nil before the first start and after a stop
	ended      bool                     // the core said Die
	checkpoint *checkpoint              // nil for none
	log        map[owner.CallID]*record // of the calls since, nil unless they take effect exactly once
	gone       chan struct{}            // of the newest incarnation, if there is a log
	brood      *brood                   // of the incarnation, and of those that go on from its checkpoint
	lease      sched.Lease
	forgotten  bool // guarded by the node's mu: no handle is left

	maker *brood // that it is one of; nil for none

	durable bool // it is in the node's data directory; guarded by mu
	counted bool // its handles were counted before it was there
}

// deed is an action of the core, with what it is about looked up under the lock.
type deed struct {
	do   owner.ActorDo
	life *incarnation
	task *task
	err  error
	gone *brood        // Start, Die: those that share the fate of what ended
	wait time.Duration // Start
}

// newActor makes the actor's record and asks for its place. The creation's errors reach the callers of its methods.
func (c *caller) newActor(id spec.ActorID, class *spec.Class, args []spec.Arg, opts spec.ActorOptions, counted bool) (*actor, error) {
	a, err := c.describeActor(id, class, args, opts)
	if err != nil {
		return nil, err
	}
	a.counted = counted
	if !a.detached {
		a.maker = c.offspring()
	}
	if err := a.admit(); err != nil {
		return nil, err
	}
	if a.maker != nil {
		a.maker.add(a)
	}
	return a, nil
}

// describeActor makes the actor's record. Nobody knows of it yet.
func (c *caller) describeActor(id spec.ActorID, class *spec.Class, args []spec.Arg, opts spec.ActorOptions) (*actor, error) {
	n := c.job.node
	a := &actor{
		node: n, job: c.job, scope: c.job.scope, module: c.module,
		id:    id,
		class: class, args: args, links: linksOf(args), opts: opts,
		detached: opts.Lifetime == spec.LifetimeDetached,
		outlives: opts.Lifetime == spec.LifetimeDetached || c.outlives,
	}
	if a.outlives {
		a.scope = n.scope
	}
	if opts.Name != "" {
		a.name = actorName{said(nonEmpty(opts.Namespace), c.job.namespace), opts.Name}
	}
	var err error
	if a.strategy, err = strategyOf(opts.Placement); err != nil {
		return nil, err
	}
	a.place, a.hold = opts.Resources()
	var limits []int32
	a.groups, limits = concurrencyGroups(opts)
	a.core = owner.NewActor(a.id, class.Name, owner.ActorPolicy{
		MaxRestarts: said(opts.MaxRestarts, 0), MaxPendingCalls: said(opts.MaxPendingCalls, -1),
		Checkpoint: a.checkpointPolicy(), Outlives: a.mayOutlive(), Hook: class.Hook, Groups: limits, ExactlyOnce: said(opts.ExactlyOnce, false)})
	if said(opts.ExactlyOnce, false) {
		a.log = make(map[owner.CallID]*record)
	}
	return a, nil
}

// taken is the error of who wants the name of another actor.
func taken(name actorName) *spec.Error {
	return spec.Errorf("create actor", spec.AlreadyExists, quote(name.name), "an actor of that name lives in namespace %q: choose another name or ask for it with get_if_exists", name.namespace)
}

// admit holds what the actor refers to, before anybody can end it, and lets it in.
func (a *actor) admit() error {
	a.node.objects.retain(a.links)
	err := a.enlist()
	if err != nil {
		a.node.objects.release(a.links)
	}
	return err
}

// enlist gives the actor its name and asks for its place.
func (a *actor) enlist() error {
	n := a.node
	if err := n.cluster.claim(n.scope.ctx, a.name); err != nil {
		return err
	}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return errNodeClosed
	}
	if a.name.name != "" {
		if other := n.names[a.name]; other != nil {
			n.mu.Unlock()
			return taken(a.name)
		}
		n.names[a.name] = a
	}
	a.lease = n.leases.number(a)
	n.actors[a.id] = a
	n.mu.Unlock()
	revived := a.lasts()
	if err := a.enrolled(); err != nil {
		n.leases.release(a.lease)
		n.mu.Lock()
		delete(n.actors, a.id)
		if a.name.name != "" {
			delete(n.names, a.name)
		}
		n.mu.Unlock()
		return err
	}

	if !revived && !a.counted { // otherwise it is counted already, once
		n.objects.adopt(a.id)
		if a.detached { // nobody's handle keeps it alive, so one of the node's does
			n.objects.retain([]spec.Link{spec.ActorLink(a.id)})
		}
	}
	a.job.stats.actors.Add(1)
	ask := sched.Ask{Need: resource.Of(a.place), Hold: resource.Of(a.hold), Priority: said(a.opts.Priority, 0), Job: a.job.id, Namespace: a.job.namespace, Strategy: a.strategy}
	var refs []spec.ObjectID
	for _, arg := range a.args {
		if arg.IsRef {
			refs = append(refs, arg.Ref)
		}
	}
	if len(refs) > 0 {
		ready := func() { n.leases.ready(a.lease) }
		a.waiter = &waiter{ids: refs, left: len(refs), failFast: true, fire: ready}
		n.leases.request(a.lease, &ask, time.Time{}, sched.ReasonArguments, a)
		a.mu.Lock()
		ended := a.ended // it can never be placed
		a.mu.Unlock()
		if !ended && !n.objects.join(a.waiter) {
			ready()
		}
		return nil
	}
	n.leases.request(a.lease, &ask, time.Time{}, 0, a)
	return nil
}

// kill ends the actor at once.
func (a *actor) kill(by spec.TaskID, noRestart bool) {
	a.step(owner.ActorEvent{Op: owner.Kill, NoRestart: noRestart,
		Err: spec.Errorf("kill actor", spec.ActorDied, a.label(), "it was killed by task %s", by)})
}

// terminate ends it once it has served the calls that wait.
func (a *actor) terminate(by spec.TaskID) {
	a.step(owner.ActorEvent{Op: owner.Terminate,
		Err: spec.Errorf("terminate actor", spec.ActorDied, a.label(), "it was ended by task %s", by)})
}

// granted: the actor has its place, unless it has ended while it waited.
func (a *actor) granted() {
	a.mu.Lock()
	ended := a.ended
	a.mu.Unlock()
	if ended {
		a.node.leases.release(a.lease)
		return
	}
	a.step(owner.ActorEvent{Op: owner.Placed})
}

// refused: no node can ever run it.
func (a *actor) refused(err *spec.Error) {
	a.step(owner.ActorEvent{Op: owner.StartFailed, Err: &spec.Error{Op: "place actor", Kind: refusal(err), ID: a.label(), Err: err}})
}

// label names the actor in errors.
func (a *actor) label() string { return a.class.Name + "(" + a.id.String() + ")" }

// enqueue gives the task its place in the actor's queue.
func (a *actor) enqueue(t *task) {
	a.mu.Lock()
	a.nextCall++
	if a.calls == nil { // it slept
		a.calls = make(map[owner.CallID]*task)
	}
	t.call = a.nextCall
	a.calls[t.call] = t
	deeds := a.decide(owner.ActorEvent{Op: owner.Call, Call: t.call, Caller: callerNumber(t.parent), Group: t.group, MaxRetries: t.retry.MaxRetries, Paced: t.retry.Delay > 0})
	pending := a.core.Pending()
	warn := pending >= max(2*a.warned, spec.PendingCallsWarning)
	if warn {
		a.warned = pending
	}
	a.mu.Unlock()
	if warn {
		a.node.log.Warn("many calls wait for an actor: bound them by max_pending_calls", zap.String("actor", a.label()), zap.Int("calls", pending))
	}
	a.carryOut(deeds)
}

// callerNumber tells an actor's callers apart: the unique part of the calling task's id.
func callerNumber(id spec.TaskID) uint64 {
	var n uint64
	for _, b := range id[:8] {
		n = n<<8 | uint64(b)
	}
	return n
}

// cancel ends a call with err. One that runs goes on: a concurrent one is told, one that runs alone is not, and without
// force its caller is left to wait for it.
func (a *actor) cancel(t *task, err *spec.Error, force bool) {
	a.mu.Lock()
	_, known := a.calls[t.call]
	runs := a.core.Runs(t.call)
	a.mu.Unlock()
	if runs && !force && a.groups == nil {
		return
	}
	t.finish(nil, err)
	if known {
		a.step(owner.ActorEvent{Op: owner.Cancel, Call: t.call})
	}
}

// step tells the core and does what it says.
func (a *actor) step(ev owner.ActorEvent) {
	a.mu.Lock()
	deeds := a.decide(ev)
	a.mu.Unlock()
	a.carryOut(deeds)
}

// carryOut performs the deeds; what is to be done in the sandbox, another goroutine does.
func (a *actor) carryOut(deeds []deed) {
	if next := a.perform(deeds); next != nil {
		if !a.scope.run(func() { a.serve(next) }) && next.task != nil {
			next.task.finish(nil, errJobEnded)
		}
	}
}

// report leaves the incarnation's sandbox and tells the core what happened there, unless the incarnation was stopped
// meanwhile: then it is stale. A crashed sandbox is over.
func (a *actor) report(life *incarnation, ev owner.ActorEvent, crashed bool) []deed {
	a.mu.Lock()
	life.busy = false
	old, log := a.install(life)
	var deeds []deed
	if !life.over {
		if crashed {
			life.over = true
			a.now = nil
		}
		if ev.Op == owner.Returned {
			delete(a.calls, ev.Call)
		}
		deeds = a.decide(ev)
	}
	over := life.over
	a.mu.Unlock()
	a.discard(old)
	a.forget(log)
	if over {
		a.leave(life)
	}
	return deeds
}

// decide steps the core and looks up what its actions are about. The caller holds mu.
func (a *actor) decide(ev owner.ActorEvent) []deed {
	var few [4]owner.ActorAction
	actions := a.core.Step(ev, few[:0])
	if len(actions) == 0 {
		return nil
	}
	deeds := make([]deed, 0, len(actions))
	for _, act := range actions {
		d := deed{do: act.Do, err: act.Err, life: a.now}
		switch act.Do {
		case owner.Start:
			ctx, stop := context.WithCancelCause(a.scope.ctx)
			d.life = &incarnation{actor: a, ctx: ctx, stop: stop, number: a.core.Restarts(), resumes: act.Resume, busy: true}
			if a.groups != nil {
				d.life.turns = &turns{waits: make(map[*waiting]struct{}), running: make(map[uint32]*turn)}
			}
			if a.log != nil {
				d.life.before, d.life.gone = a.gone, make(chan struct{})
				a.gone = d.life.gone
			}
			a.now, d.wait = d.life, act.After
			if !act.Resume {
				d.gone, a.brood = a.brood, new(brood)
			}
			d.life.brood = a.brood
		case owner.Run:
			d.task = a.calls[act.Call]
			if box := a.now.box(); box != nil {
				box.calls = append(box.calls, d.task)
				break
			}
			a.now.busy = true
		case owner.Again:
			d.task = a.log[act.Call].task
			a.now.busy = true
		case owner.Interrupt:
			box := a.now.box()
			if box == nil { // it has just begun, and runs alone
				continue
			}
			box.gone = append(box.gone, a.calls[act.Call])
		case owner.Save, owner.End:
			if box := a.now.box(); box != nil {
				box.next = &d
				break
			}
			a.now.busy = true
		case owner.Pause:
			d.task = a.calls[act.Call]
		case owner.Fail:
			d.task = a.calls[act.Call]
			delete(a.calls, act.Call)
		case owner.Stop:
			if d.life == nil { // it crashed, or was never started
				continue
			}
			d.life.over = true
			a.now = nil
		case owner.Die:
			a.ended = true
			d.gone = a.brood
		}
		deeds = append(deeds, d)
	}
	return deeds
}

// perform does the deeds. A Run, a Save or an End is returned for the caller to do in its own goroutine: there is at most
// one.
func (a *actor) perform(deeds []deed) (next *deed) {
	for i := range deeds {
		d := &deeds[i]
		switch d.do {
		case owner.Start:
			if d.life.number > 0 {
				a.node.log.Warn("actor restarts", zap.String("actor", a.label()), zap.Int32("restart", d.life.number), zap.Int32("max_restarts", said(a.opts.MaxRestarts, 0)), zap.Bool("from_checkpoint", d.life.resumes), zap.Duration("after", d.wait))
			}
			d.gone.end(a.ownerGone(errRestarts))
			if !a.scope.run(func() { a.start(d.life, d.wait) }) {
				d.life.stop(nil)
			}
		case owner.Run, owner.Again, owner.Save, owner.End:
			if d.life.turns != nil {
				a.wake(d.life)
			} else {
				next = d
			}
		case owner.Interrupt:
			a.wake(d.life)
		case owner.Pause:
			d.task.readyLater()
		case owner.Fail:
			if d.task != nil {
				d.task.finish(nil, d.task.failure(d.err))
			}
		case owner.Stop:
			d.life.stop(errActorStopped)
			a.leave(d.life)
		case owner.Die:
			a.end(d.err)
			d.gone.end(a.ownerGone(d.err))
		}
	}
	return next
}

// end frees the actor's name, place and arguments. Its record stays as long as handles refer to it, so that their
// calls learn why it died.
func (a *actor) end(err error) {
	n := a.node
	if err != nil {
		n.log.Info("actor died", zap.String("actor", a.label()), zap.NamedError("reason", err))
	}
	n.mu.Lock()
	named := n.names[a.name] == a
	if named {
		delete(n.names, a.name)
	}
	if a.forgotten {
		delete(n.actors, a.id)
	}
	n.mu.Unlock()
	if named {
		n.cluster.disclaim(a.name)
	}
	n.leases.release(a.lease)
	if a.detached {
		n.groups.actorEnded(a.id)
	}
	if a.maker != nil {
		a.maker.remove(a)
	}
	a.mu.Lock()
	last := a.checkpoint
	a.checkpoint = nil
	log := a.takeLog()
	a.mu.Unlock()
	a.discard(last)
	a.forget(log)
	a.retire()
	if a.waiter != nil { // it may have waited still
		n.objects.ignore(a.waiter)
	}
	n.objects.release(a.links)
	if a.detached {
		n.objects.release([]spec.Link{spec.ActorLink(a.id)})
	}
}

// forgetActor: no handle to the actor is left.
func (n *Node) forgetActor(id spec.ActorID) {
	n.mu.Lock()
	a, ok := n.actors[id]
	named := false
	if ok {
		a.forgotten = true
		if named = n.names[a.name] == a; named { // nobody can find it any more
			delete(n.names, a.name)
		}
	}
	n.mu.Unlock()
	if !ok {
		n.cluster.forgetAbroad(id)
		return
	}
	if named {
		n.cluster.disclaim(a.name)
	}
	a.mu.Lock()
	dead := a.core.State() == owner.Dead
	a.mu.Unlock()
	if dead {
		n.mu.Lock()
		delete(n.actors, id)
		n.mu.Unlock()
		return
	}
	a.step(owner.ActorEvent{Op: owner.Forget})
}

// killActors kills the job's actors, but for detached ones; with a nil job every actor.
func (n *Node) killActors(j *Job, cause error) {
	n.mu.Lock()
	var all []*actor
	for _, a := range n.actors {
		if j == nil || a.job == j && !a.outlives {
			all = append(all, a)
		}
	}
	n.mu.Unlock()
	slices.SortFunc(all, func(a, b *actor) int { return slices.Compare(a.id[:], b.id[:]) })
	for _, a := range all {
		a.step(owner.ActorEvent{Op: owner.Kill, NoRestart: true, Err: cause})
	}
}
