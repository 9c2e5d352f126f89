package host

import (
	"container/list"
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
)

// incarnation is one life of an actor's sandbox, from the constructor to a crash, a kill or the end.
type incarnation struct {
	actor    *actor
	entry    *list.Element // in the node's residents, guarded by their mu, as is bytes
	bytes    int64         // that it takes while it is parked
	reserved int64         // in the job's account for its sandbox; of whoever starts, parks or closes it
	lost     *spec.Error   // why the sandbox is gone that was to be parked; of whoever parks it, and then of whoever calls it
	ctx      context.Context
	stop     context.CancelCauseFunc
	number   int32 // 0 for the first
	resumes  bool  // from the actor's checkpoint
	sandbox  *wasmrt.Sandbox
	session  *hostcall.Session
	out      *taskOutput
	brood    *brood      // of the actors that it makes
	turns    *turns      // nil if calls run one by one
	fresh    *checkpoint // taken and not installed
	asleep   bool        // on disk, without a sandbox

	// Of an actor whose calls take effect exactly once: gone is closed when nobody is in the sandbox any more, and before when
	// that is so of the one before this.
	gone, before chan struct{}

	// Guarded by the actor's mu.
	busy bool        // a goroutine is in the sandbox; it cleans up when it leaves and over is set
	over bool        // it was stopped or crashed
	left bool        // it has been closed
	nap  *time.Timer // until it falls asleep; nil before it was idle, or if its options do not say when
	// parking is closed when somebody who is parking the sandbox has done so; nil if nobody is.
	parking chan struct{}
}

// errActorStopped is the cause of what ends in the sandbox of an actor that was stopped.
var errActorStopped = &spec.Error{Op: "run", Kind: spec.ActorDied, Err: errorText("the actor was stopped")}

// box returns where the incarnation finds what it is to do; nil if its calls run one by one.
func (life *incarnation) box() *inbox {
	if life.turns == nil {
		return nil
	}
	return &life.turns.inbox
}

// errRestarts is why an incarnation is gone whose actor is not.
var errRestarts = &spec.Error{Op: "run", Kind: spec.WorkerCrashed, Err: errorText("it restarts from its constructor, and knows nothing of what it made")}

// start constructs the actor, after a pause, in a fresh sandbox or in one that goes on from its checkpoint.
func (a *actor) start(life *incarnation, wait time.Duration) {
	pause(life.ctx, wait)
	if life.before != nil {
		<-life.before // soon: it was stopped
	}
	a.node.residents.takeTurn(life.ctx)
	err := a.construct(life)
	ev := owner.ActorEvent{Op: owner.Started, Now: clock()}
	if err != nil {
		ev = owner.ActorEvent{Op: owner.StartFailed, Err: err}
	}
	next := a.perform(a.report(life, ev, err != nil))
	switch {
	case next != nil:
		a.serve(next)
	case err != nil:
	case life.turns != nil:
		a.wake(life)
	default:
		a.rest(life)
	}
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, wait time.Duration) {
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// firstHook is where the indexes of hooks start, beyond those of constructors.
const firstHook = 1 << 62

// ownTask is what the actor does without being called: its constructor or its hook.
func (a *actor) ownTask(index uint64) *task {
	id := spec.NewTaskID(spec.DriverTaskID(a.job.id), index, a.id)
	terms := &terms{name: a.class.Name, function: a.class.Name, need: a.hold, placed: a.opts.Placement}
	return &task{terms: terms, job: a.job, scope: a.scope, module: a.module, id: id, detached: a.outlives}
}

func (a *actor) construct(life *incarnation) *spec.Error {
	t := a.ownTask(uint64(life.number))
	if life.ctx.Err() != nil { // it was stopped in its pause
		return t.failure(context.Cause(life.ctx))
	}
	if err := life.reserve(a.module.parked.Load()); err != nil && a.node.residents.disk == nil {
		return t.failure(err)
	}
	t.args = a.args
	c := newCaller(t, life.number, a.lease)
	c.brood = life.brood
	args, err := c.arguments(life.ctx, t)
	if err != nil {
		return err
	}
	if !life.resumes {
		if err := a.enroll(args); err != nil {
			return t.failure(err)
		}
	}
	life.session = hostcall.NewSession(c.functions())
	if life.turns != nil {
		defer life.session.Concurrent(c.functions(), life)
	}
	life.out = a.job.openOutput(t.id, a.class.Name)
	cfg := a.job.sandbox(life.session, said(a.opts.Memory, 0), nil, life.out)
	if life.resumes {
		if err := a.resume(life, cfg); err != nil {
			return t.failure(err)
		}
		return nil
	}
	sandbox, rerr := a.module.wasm.NewSandbox(life.ctx, cfg)
	if rerr != nil {
		return t.failure(rerr)
	}
	life.sandbox = sandbox
	_, err = t.invoke(life.ctx, sandbox, life.session, spec.CallNew, args)
	return err
}

// serve runs the actor's calls, one after the other, takes its checkpoints and runs its hook, as long as the core says.
func (a *actor) serve(next *deed) {
	cannot := a.rouse(next.life)
	answer := answered // of a durable actor's call: when the checkpoint that is due after it is durable
	for {
		life := next.life
		var ev owner.ActorEvent
		crashed := false
		switch {
		case cannot != nil:
			ev, crashed = owner.ActorEvent{Op: owner.Crashed, Err: cannot}, true
		case next.do == owner.Save:
			ev = a.save(life)
		case next.do == owner.End:
			ev = a.runHook(life)
		case a.log != nil:
			ev, crashed, answer = a.invokeLogged(life, next.task, next.do == owner.Again)
		default:
			ev, crashed, answer = a.invoke(life, next.task)
		}
		next = a.perform(a.report(life, ev, crashed))
		if next == nil || next.do != owner.Save {
			answer(ev.Err)
			answer = answered
		}
		if next == nil {
			if !crashed {
				a.rest(life)
			}
			return
		}
	}
}

// invoke runs one method and finishes its task, unless the sandbox crashed: then the core decides about the call. A
// durable actor's task is finished by answer.
func (a *actor) invoke(life *incarnation, t *task) (ev owner.ActorEvent, crashed bool, answer func(error)) {
	c := newCaller(t, t.attempt, a.lease)
	c.holds, c.brood = a.hold, life.brood
	life.session.SetCaller(c.functions())
	if t.attempt > 0 {
		t.job.stats.retried.Add(1)
	}
	if life.out != nil {
		life.out.stdout.line, life.out.stderr.line = OutputLine{Task: t.id, Name: t.name}, OutputLine{Task: t.id, Name: t.name, Stderr: true}
	}
	args, err := c.arguments(life.ctx, t)
	var values []spec.Value
	if err == nil {
		before := life.sandbox.Usage().CPU
		values, err = t.invoke(life.ctx, life.sandbox, life.session, spec.CallMethod, args)
		t.job.stats.cpu.Add(int64(life.sandbox.Usage().CPU - before))
	}
	life.out.close()
	if err != nil && isCrash(err.Kind) {
		t.attempt++
		return owner.ActorEvent{Op: owner.Crashed, Call: t.call, Err: err}, true, answered
	}
	if c.exits {
		life.session.End()
		return owner.ActorEvent{Op: owner.Exited, Call: t.call}, false, answered
	}
	if err != nil && a.again(t, err) {
		life.session.End()
		return owner.ActorEvent{Op: owner.Failed, Call: t.call, Err: err, Now: clock()}, false, answered
	}
	answer = a.settle(t, values, err)
	life.session.End() // an idle actor holds on to no call's arguments and results
	return owner.ActorEvent{Op: owner.Returned, Call: t.call, Now: clock()}, false, answer
}

// again reports whether a call that returned an error is to run again, and if so counts the attempt.
func (a *actor) again(t *task, err *spec.Error) bool {
	if t.ended() || !t.retry.RetryMethod(t.attempt, err) {
		return false
	}
	a.node.log.Warn("an actor's call failed, retrying", zap.String("actor", a.label()), zap.String("name", t.name),
		zap.Int32("attempt", t.attempt+1), zap.Int32("max_task_retries", t.retry.MaxRetries), zap.NamedError("reason", err))
	t.attempt++
	return true
}

// runHook runs what the class has to do before the actor ends. What it fails with is an operator's to know: nobody waits
// for it.
func (a *actor) runHook(life *incarnation) owner.ActorEvent {
	ctx, stop := context.WithTimeoutCause(life.ctx, spec.ShutdownGrace,
		spec.Errorf("end", spec.DeadlineExceeded, a.label(), "its hook did not return within %v", spec.ShutdownGrace))
	defer stop()
	t := a.ownTask(firstHook + uint64(life.number))
	c := newCaller(t, life.number, a.lease)
	c.brood = life.brood
	life.session.SetCaller(c.functions())
	if _, err := t.invoke(ctx, life.sandbox, life.session, spec.CallHook, nil); err != nil {
		a.node.log.Warn("an actor's hook failed", zap.String("actor", a.label()), zap.NamedError("reason", err))
	}
	return owner.ActorEvent{Op: owner.Ended}
}

// isCrash reports whether a failure of that kind leaves a sandbox that cannot go on.
func isCrash(k spec.Kind) bool {
	for _, crash := range []spec.Kind{spec.WorkerCrashed, spec.OutOfMemory, spec.TaskCancelled, spec.ActorError, spec.LocalNodeDied, spec.System} {
		if k.Is(crash) {
			return true
		}
	}
	return false
}

// leave closes an incarnation that is over, once nobody is in its sandbox.
func (a *actor) leave(life *incarnation) {
	a.mu.Lock()
	clean := life.over && !life.busy && !life.left && life.parking == nil
	life.left = life.left || clean
	life.wakeful()
	a.mu.Unlock()
	if !clean {
		return
	}
	if life.gone != nil {
		close(life.gone)
	}
	a.node.residents.remove(life)
	_ = life.reserve(0) // less is never refused
	life.stop(nil)
	if life.turns != nil {
		a.endTurns(life)
	}
	switch {
	case life.sandbox != nil:
		_ = life.sandbox.Close() // it is discarded either way
	case life.asleep:
		a.forgetSleep()
	}
	if life.session != nil {
		life.session.Close()
	}
	life.out.close()
}
