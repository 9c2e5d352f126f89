package host

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/spec"
)

// task is one call on its way from submission to result: of a function, or of an actor's method.
//
//	submit → wait for arguments → wait for a lease → run in a fresh sandbox → finish
//	                                   ↑______________ retry ______|
//
// A method waits for its turn in its actor's queue instead of a lease.
type task struct {
	*terms
	job      *Job
	scope    *scope // whose goroutines run it
	module   *Module
	id       spec.TaskID
	parent   spec.TaskID
	by       string // the function that asked for it, as its module spells it
	args     []spec.Arg
	links    []spec.Link // held from submission to the end: the refs among args and what values contain
	returns  []spec.ObjectID
	few      [1]spec.ObjectID // returns, if there is one
	deadline time.Time        // zero for none
	actor    *actor           // nil for a function
	call     owner.CallID
	waiter   *waiter                  // for its arguments; nil if there is nothing to wait for
	bytes    int64                    // reserved for it, beside its objects
	stream   *stream                  // of a generator; nil for others
	origin   *origin                  // of an attempt that is made for another node; nil for others
	abroad   *actor                   // of a method of another node's actor; nil for others
	said     *spec.TaskOptions        // then: what its caller said
	moved    *spec.NodeID             // of such an attempt that was not begun: where it goes instead
	cpu      int64                    // nanoseconds that its last sandbox computed
	detached bool                     // it is of what a detached actor does by itself, and outlives the job
	reruns   bool                     // it makes again what was lost
	asked    map[spec.ActorID][]asked // calls of actors that take effect exactly once; guarded by mu

	before, after *task // among its job's, guarded by the job's mu

	mu       sync.Mutex
	timer    *time.Timer // at the deadline
	pause    *time.Timer // before the next attempt
	since    time.Time   // the attempt runs
	attempt  int32
	lease    sched.Lease // of the attempt that waits or runs; 0 for none
	away     *away       // the attempt that another node makes; nil for none
	hops     int32       // how often an attempt was moved from one node to another
	runs     bool        // a function does, under its context
	context  attempt
	finished bool
}

// begin makes the task's objects, holds what it refers to, registers it and sends it on its way. It returns the ids of
// the objects, each counted once for the caller; after an error it is as if the task had never been.
func (t *task) begin() ([]spec.ObjectID, error) {
	n, memory := t.job.node, t.job.memory
	objects := objectBytes * int64(len(t.returns))
	if err := n.objects.reserve(memory, t.bytes+objects); err != nil {
		return nil, &spec.Error{Op: "submit " + t.function, Kind: spec.KindOf(err), Err: err}
	}
	n.objects.begin(t)
	if err := t.start(); err != nil {
		n.objects.release(linksTo(t.returns))
		return nil, err
	}
	return t.returns, nil
}

// start is begin for a task whose objects are there, which holds what it refers to, and for which t.bytes are reserved. After
// an error it does not, and they are not.
func (t *task) start() error {
	n := t.job.node
	t.context.scope = t.scope
	if refs := t.refs(); len(refs) > 0 && t.abroad == nil {
		t.waiter = &waiter{ids: refs, left: len(refs), failFast: true, fire: t.argued}
	}
	if err := t.job.add(t); err != nil {
		n.objects.release(t.links)
		t.job.memory.Release(t.bytes)
		return err
	}
	if t.actor != nil {
		t.actor.enqueue(t)
	}
	if !t.deadline.IsZero() {
		t.setTimer()
	}
	if t.abroad != nil {
		n.cluster.call(t)
		return nil
	}
	if t.waiter != nil && t.actor == nil && n.cluster == nil { // in a cluster it is placed when they are there, perhaps where they are
		t.queue(sched.ReasonArguments)
		if t.ended() { // it can never run
			return nil
		}
	}
	if t.waiter == nil || !n.objects.join(t.waiter) {
		t.argued()
	}
	return nil
}

// argued: the arguments are there, or there are none.
func (t *task) argued() {
	switch {
	case t.actor != nil:
		t.ready()
	case t.waiter == nil:
		t.queue(0)
	default:
		t.unheld()
	}
}

// setTimer makes the task end at its deadline, which may have passed.
func (t *task) setTimer() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.finished {
		return
	}
	t.timer = time.AfterFunc(time.Until(t.deadline), func() {
		t.cancel(spec.Errorf("run "+t.name, spec.DeadlineExceeded, t.label(), "its deadline passed"), true)
	})
}

// nameResults names the task's objects.
func (t *task) nameResults() {
	if t.returns = t.few[:]; t.terms.returns != len(t.few) {
		t.returns = make([]spec.ObjectID, t.terms.returns)
	}
	for i := range t.returns {
		t.returns[i] = t.id.Object(uint32(i) + 1)
	}
}

// linksTo returns links to objects.
func linksTo(ids []spec.ObjectID) []spec.Link {
	links := make([]spec.Link, len(ids))
	for i, id := range ids {
		links[i] = spec.ObjectLink(id)
	}
	return links
}

// refs returns the objects whose values the call needs.
func (t *task) refs() []spec.ObjectID {
	var refs []spec.ObjectID
	for _, a := range t.args {
		if a.IsRef {
			refs = append(refs, a.Ref)
		}
	}
	return refs
}

// site is where the task's results are made.
func (t *task) site() Site { return Site{t.by, t.function} }

// label names the task in errors.
func (t *task) label() string { return "task " + t.id.String() }

// queue asks for the resources of the next attempt, when it does not wait for what until says any more.
func (t *task) queue(until sched.Reason) {
	n := t.job.node
	if until == 0 && n.cluster.place(t) {
		return
	}
	lease := n.leases.number(t)
	t.mu.Lock()
	if t.finished {
		t.mu.Unlock()
		n.leases.release(lease)
		return
	}
	t.lease = lease
	t.mu.Unlock()
	n.leases.request(lease, &t.ask, t.deadline, until, t)
}

// ended reports whether the task is finished.
func (t *task) ended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.finished
}

// unheld: the arguments are there.
func (t *task) unheld() {
	if t.job.node.cluster != nil {
		t.queue(0)
		return
	}
	t.mu.Lock()
	lease := t.lease
	t.mu.Unlock()
	t.job.node.leases.ready(lease)
}

// queueLater queues the task after a pause.
func (t *task) queueLater(pause time.Duration) {
	if pause == 0 {
		t.queue(0)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.finished {
		t.pause = time.AfterFunc(pause, func() { t.queue(0) })
	}
}

// readyLater tells the actor that the call may run again, after a pause.
func (t *task) readyLater() {
	failed := t.attempt - 1
	wait := t.retry.Wait(failed, t.job.node.random(t.id, failed))
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.finished {
		t.pause = time.AfterFunc(wait, t.ready)
	}
}

// granted lets the task through the job's gate, which may hold it back: it keeps its lease meanwhile.
func (t *task) granted() { t.job.gate.enter(t) }

// admitted runs the task in a goroutine of its scope, unless it is held back or can never run.
func (t *task) admitted(a owner.Admission) {
	switch a {
	case owner.HeldBack:
		return
	case owner.TooDeep:
		t.finish(nil, t.failure(spec.Errorf("run", spec.LimitExceeded, "",
			"the job runs %d functions (MaxNestedTasks) and each of them waits for others: recurse less deep, or wait in fewer tasks", spec.MaxNestedTasks)))
		return
	case owner.NoRoom:
		t.finish(nil, t.failure(spec.Errorf("run", spec.ObjectStoreFull, "",
			"all running functions of the job wait for others, and there is no memory for one more sandbox in its account: recurse less deep, wait in fewer tasks, or raise the object store's memory")))
		return
	}
	if !t.scope.start(t) {
		t.finish(nil, errJobEnded)
		t.leave()
	}
}

// leave gives back what an attempt had: its place in the job and its lease.
func (t *task) leave() {
	t.mu.Lock()
	lease := t.lease
	t.lease = 0
	t.mu.Unlock()
	t.job.gate.leave()
	t.job.node.leases.release(lease)
}

// refused ends a task that no node can ever run, or not in time.
func (t *task) refused(err *spec.Error) {
	t.finish(nil, &spec.Error{Op: "place " + t.name, Kind: err.Kind, ID: t.label(), Err: err})
}

// ready tells the actor that the arguments are there.
func (t *task) ready() { t.actor.step(owner.ActorEvent{Op: owner.Ready, Call: t.call}) }

// do makes one attempt and decides with the core whether there is another.
func (t *task) do(w *worker) {
	n := t.job.node
	t.mu.Lock()
	lease, number, late := t.lease, t.attempt, t.finished
	t.runs, t.since = true, time.Now()
	t.mu.Unlock()
	if late { // cancelled between the request and here
		w.rest()
		t.leave()
		return
	}
	if t.origin != nil {
		n.cluster.begun(*t.origin)
	}
	err := t.execute(&t.context, w, lease, number)
	w.caller.met()
	w.caller.of = nil // an idle worker keeps no task
	t.context.leave()
	t.mu.Lock()
	again := err != nil && !t.finished && t.retry.Retry(number, err)
	if again {
		t.attempt++
		t.runs = false
	}
	t.mu.Unlock()
	if err != nil && !again {
		t.finish(nil, err)
	}
	w.rest() // so that whoever gets the lease goes on in this goroutine
	t.leave()
	if t.origin != nil {
		n.cluster.reportTo(t.origin.node)
	}
	if again {
		t.retries(number, err)
	}
}

// execute runs the function in a fresh sandbox. A success finishes the task here, while the sandbox still holds what
// the results refer to.
func (t *task) execute(ctx context.Context, w *worker, lease sched.Lease, attempt int32) *spec.Error {
	c := w.caller.become(t, attempt, lease)
	c.gate = t.job.gate
	args, err := c.arguments(ctx, t)
	if err != nil {
		return err
	}
	session := &w.session
	session.Open(c.functions())
	defer session.Close()
	out := t.job.openOutput(t.id, t.name)
	defer out.close()
	sandbox, rerr := t.module.wasm.NewSandbox(ctx, t.job.sandbox(session, t.memory, nil, out))
	if rerr != nil {
		return t.failure(rerr)
	}
	defer sandbox.Close()
	values, err := t.invoke(ctx, sandbox, session, spec.CallFunction, args)
	t.cpu = int64(sandbox.Usage().CPU)
	t.job.stats.cpu.Add(t.cpu)
	if err != nil {
		c.bereave(err)
		return err
	}
	t.finish(values, nil)
	return nil
}

// invoke makes the call in a sandbox whose session is set up, and checks what comes back.
func (t *task) invoke(ctx context.Context, sandbox *wasmrt.Sandbox, session *hostcall.Session, kind spec.CallKind, args []spec.Arg) ([]spec.Value, *spec.Error) {
	session.Begin(t.function, args)
	status, err := sandbox.Call(ctx, spec.ExportCall, uint64(uint32(kind)), uint64(len(args)))
	if err != nil {
		return nil, t.failure(err)
	}
	want := len(t.returns)
	if kind == spec.CallNew || t.stream != nil {
		want = 0
	}
	return t.outcome(int32(status), session.Failure(), session.Results(), want)
}

// outcome checks what came of a call that did not crash.
func (t *task) outcome(status int32, fault *spec.Error, results []spec.Value, want int) ([]spec.Value, *spec.Error) {
	switch {
	case fault != nil:
		return nil, t.failure(fault)
	case status != 0:
		return nil, t.failure(spec.Errorf("", spec.InvalidResult, "", "the guest ended the call with status %d and no error", status))
	case len(results) != want:
		return nil, t.failure(spec.Errorf("", spec.InvalidResult, "", "the guest returned %d results, the call declares %d", len(results), want))
	}
	return results, nil
}

// failure says which task failed, and keeps the kind.
func (t *task) failure(err error) *spec.Error {
	return &spec.Error{Op: "run " + t.name, Kind: spec.KindOf(err), ID: t.label(), Err: err}
}

// finish completes the task's objects, once, and lets go of what it held.
func (t *task) finish(values []spec.Value, err *spec.Error) { t.finishAt(values, nil, err) }

// finishAt is finish for values whose bytes may be on other nodes; where is nil if none are.
func (t *task) finishAt(values []spec.Value, where []far, err *spec.Error) {
	t.mu.Lock()
	if t.finished {
		t.mu.Unlock()
		t.dropFar(where)
		return
	}
	t.finished = true
	lease, timer, pause, away := t.lease, t.timer, t.pause, t.away
	t.away = nil
	if t.runs { // it gives its lease back itself
		lease = 0
	}
	t.mu.Unlock()
	for _, running := range [...]*time.Timer{timer, pause} {
		if running != nil {
			running.Stop()
		}
	}
	t.job.memory.Release(t.bytes) // first, so that whoever gets the results finds it given back
	if t.asked != nil {           // nobody notes any more
		t.forgetAsked()
	}
	if t.reruns {
		t.job.node.objects.ranAgain(t.id)
	}
	if t.stream != nil {
		values = t.stream.end(err)
	}
	objects := t.job.node.objects
	if away != nil { // what it makes is not wanted any more
		t.job.node.cluster.dismiss(away, err, true)
	}
	if t.origin == nil {
		objects.finish(t, values, where, err)
	} else {
		t.job.node.cluster.finished(t, values, err)
	}
	if lease != 0 { // it waits for its turn
		t.job.node.leases.release(lease)
	}
	if err != nil && t.waiter != nil { // it may have waited still
		objects.ignore(t.waiter)
	}
	t.job.remove(t, err) // last: the job's end waits for it
}

// cancel ends the task with err: at once if it waits; by stopping its sandbox if it runs. A running method is not
// stopped, for its actor's state would go with it: its caller gets err and the method goes on.
func (t *task) cancel(err *spec.Error, force bool) {
	if t.actor != nil {
		t.actor.cancel(t, err, force)
		return
	}
	t.mu.Lock()
	runs, away := t.runs, t.away
	t.mu.Unlock()
	if runs {
		t.context.stop(err)
		return
	}
	if t.abroad != nil && !force { // its actor decides
		if away != nil {
			t.job.node.cluster.dismiss(away, err, false)
		}
		return
	}
	t.finish(nil, err)
	t.context.stop(err) // it may have begun meanwhile
}

// arguments returns the task's arguments with their values, waiting for those that were lost since they were there.
func (c *caller) arguments(ctx context.Context, t *task) ([]spec.Arg, *spec.Error) {
	objects := t.job.node.objects
	for {
		values, ready, err := objects.resolve(t.args, t.name)
		if ready || err != nil {
			return values, err
		}
		refs := t.refs()
		if err := objects.await(ctx, refs, len(refs), true, spec.Forever, c.block, c.resume); err != nil {
			return nil, t.failure(err)
		}
	}
}

// resolve returns the values of a call's arguments, if all are there. An argument that holds an error is the call's error,
// as in Ray. Those of large objects have no bytes: they are viewed.
func (o *objects) resolve(args []spec.Arg, name string) (values []spec.Arg, ready bool, err *spec.Error) {
	values, ready = args, true
	if slices.ContainsFunc(args, func(a spec.Arg) bool { return a.IsRef }) {
		values = slices.Clone(args)
	}
	for i, a := range args {
		if !a.IsRef {
			continue
		}
		v, there, err := o.look(a.Ref)
		if err != nil { // even where another is not there: it is what the call waited for
			return nil, false, &spec.Error{Op: "await argument " + ordinal(i) + " of " + name, Kind: spec.KindOf(err), ID: "object " + a.Ref.String(), Err: err}
		}
		ready = ready && there
		values[i].Value = v
	}
	return values, ready, nil
}
