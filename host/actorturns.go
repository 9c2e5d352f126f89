package host

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// An actor with concurrent calls: several of its methods are on their way in one sandbox. Whoever has something for it (a
// call to begin, a wait that is over, a cancellation) leaves it in the incarnation's inbox; one goroutine at a time enters
// the sandbox and takes what is there, until nothing is left. No goroutine of the host waits while calls wait for refs.

// inbox is what an incarnation is to be told. It is guarded by the actor's mu.
type inbox struct {
	calls  []*task // to begin
	events []hostcall.Event
	gone   []*task // cancelled
	poll   bool    // see spec.ProgressPoll
	next   *deed   // a Save or an End
}

func (b *inbox) empty() bool {
	return len(b.calls) == 0 && len(b.events) == 0 && len(b.gone) == 0 && !b.poll && b.next == nil
}

// turns is what an incarnation with concurrent calls has beside others.
type turns struct {
	inbox inbox
	waits map[*waiting]struct{} // guarded by the actor's mu
	timer *time.Timer           // of the next poll, guarded by the actor's mu

	// Used by who is in the sandbox.
	running map[uint32]*turn // by their number in the session
	pause   time.Duration    // before the next poll
}

// turn is one call in the sandbox.
type turn struct {
	task   *task
	caller *caller
}

// waiting is a wait of a guest's that nobody waits for.
type waiting struct {
	life   *incarnation
	token  uint32
	waiter *waiter // nil if only time is waited for
	timer  *time.Timer
	links  []spec.Link // held meanwhile
	bytes  int64
}

// Polls of an actor that waits for what the host does not know of: the pause doubles from the first to the last while
// nothing else happens.
const (
	firstPoll = 100 * time.Microsecond
	lastPoll  = 10 * time.Millisecond
)

// waitingBytes is what a wait takes beside its refs.
const waitingBytes = 512

// concurrencyGroups returns the groups of an actor by name, and their limits; nil if its calls run one by one.
func concurrencyGroups(o spec.ActorOptions) (byName map[string]int, limits []int32) {
	if !o.Concurrent() {
		return nil, nil
	}
	otherwise := int32(1)
	if len(o.Groups) > 0 {
		otherwise = spec.DefaultConcurrency
	}
	byName, limits = make(map[string]int), []int32{said(o.MaxConcurrency, otherwise)}
	for _, name := range slices.Sorted(maps.Keys(o.Groups)) {
		byName[name] = len(limits)
		limits = append(limits, o.Groups[name])
	}
	return byName, limits
}

// groupOf returns the number of the group that a call names.
func (a *actor) groupOf(o spec.TaskOptions) (int, error) {
	if o.Group == nil {
		return 0, nil
	}
	if n, ok := a.groups[*o.Group]; ok {
		return n, nil
	}
	return 0, spec.Errorf("call", spec.InvalidArgument, a.label(), "it has no concurrency group %s; it has: %v", strconv.Quote(*o.Group), slices.Sorted(maps.Keys(a.groups)))
}

// wake enters the sandbox of an incarnation for which there is something, unless somebody is inside.
func (a *actor) wake(life *incarnation) {
	a.mu.Lock()
	if life.busy || life.over || life.turns.inbox.empty() {
		a.mu.Unlock()
		return
	}
	life.busy = true
	a.mu.Unlock()
	if !a.scope.run(func() { a.takeTurns(life) }) {
		a.mu.Lock()
		life.busy = false
		calls := life.turns.inbox.calls
		life.turns.inbox = inbox{}
		a.mu.Unlock()
		for _, t := range calls {
			t.finish(nil, errJobEnded)
		}
		a.leave(life)
	}
}

// takeTurns tells the guest what is in the inbox until nothing is.
func (a *actor) takeTurns(life *incarnation) {
	if cannot := a.rouse(life); cannot != nil {
		a.perform(a.report(life, owner.ActorEvent{Op: owner.Crashed, Err: cannot}, true, nil))
		return
	}
	for {
		a.mu.Lock()
		in := life.turns.inbox
		life.turns.inbox = inbox{}
		if life.over || in.empty() {
			life.busy = false
			over, idle := life.over, a.core.Running() == 0
			a.mu.Unlock()
			if over {
				a.leave(life)
			} else if idle {
				a.rest(life)
			}
			return
		}
		a.mu.Unlock()
		if crash := a.tell(life, in); crash != nil {
			a.perform(a.report(life, owner.ActorEvent{Op: owner.Crashed, Err: crash}, true, nil))
			return
		}
	}
}

// tell gives the guest what was in the inbox. It fails when the sandbox crashed.
func (a *actor) tell(life *incarnation, in inbox) *spec.Error {
	for _, t := range in.calls {
		if err := a.begin(life, t); err != nil {
			return err
		}
	}
	for _, t := range in.gone {
		for _, number := range slices.Sorted(maps.Keys(life.turns.running)) {
			if life.turns.running[number].task == t {
				in.events = append(in.events, hostcall.Event{Kind: spec.EventCancelled, Number: number})
			}
		}
	}
	if len(in.events) > 0 || in.poll && len(life.turns.running) > 0 {
		life.session.Deliver(in.events)
		if len(in.events) > 0 {
			life.turns.pause = 0
		}
		if err := a.enter(life, spec.ExportResume, uint64(len(in.events))); err != nil {
			return err
		}
	}
	if in.next == nil {
		return nil
	}
	ev := owner.ActorEvent{}
	if in.next.do == owner.Save {
		ev = a.save(life)
	} else {
		ev = a.runHook(life)
	}
	a.happened(life, ev)
	return nil
}

// begin begins a call.
func (a *actor) begin(life *incarnation, t *task) *spec.Error {
	c := newCaller(t, t.attempt, a.lease)
	c.holds, c.brood = a.hold, life.brood
	args, err := c.arguments(life.ctx, t)
	if err != nil {
		t.finish(nil, err)
		a.happened(life, owner.ActorEvent{Op: owner.Returned, Call: t.call, Now: clock()})
		return nil
	}
	if t.attempt > 0 {
		t.job.stats.retried.Add(1)
	}
	life.turns.pause = 0
	number := life.session.Start(c.functions(), t.function, args)
	life.turns.running[number] = &turn{task: t, caller: c}
	return a.enter(life, spec.ExportStart, uint64(number), uint64(len(args)))
}

// enter calls the guest and takes up what calls have ended of it.
func (a *actor) enter(life *incarnation, export string, params ...uint64) *spec.Error {
	before := life.sandbox.Usage().CPU
	progress, err := life.sandbox.Enter(life.ctx, export, params...)
	a.job.stats.cpu.Add(int64(life.sandbox.Usage().CPU - before))
	if err != nil {
		for _, t := range life.turns.running {
			t.task.attempt++
		}
		return a.ownTask(uint64(life.number)).failure(err)
	}
	for _, e := range life.session.Ended() {
		t := life.turns.running[e.Number]
		delete(life.turns.running, e.Number)
		ev := owner.ActorEvent{Op: owner.Returned, Call: t.task.call, Now: clock()}
		values, failed := t.task.outcome(e.Status, e.Failure, e.Results, len(t.task.returns))
		switch {
		case t.caller.exits:
			ev.Op = owner.Exited
		case failed != nil && a.again(t.task, failed):
			ev.Op, ev.Err = owner.Failed, failed
		default:
			t.task.finish(values, failed)
		}
		life.session.Finish(e.Number)
		a.happened(life, ev)
	}
	if spec.Progress(int32(progress)) == spec.ProgressPoll {
		a.pollLater(life)
	}
	return nil
}

// happened tells the core what happened in the sandbox, which goes on.
func (a *actor) happened(life *incarnation, ev owner.ActorEvent) {
	a.mu.Lock()
	old, log := a.install(life)
	var few [4]deed
	deeds := few[:0]
	if !life.over {
		if ev.Op == owner.Returned {
			delete(a.calls, ev.Call)
		}
		deeds = a.decide(ev, deeds)
	}
	a.mu.Unlock()
	a.discard(old)
	a.forget(log)
	a.perform(deeds)
}

// pollLater resumes the guest after a pause, without an event.
func (a *actor) pollLater(life *incarnation) {
	p := &life.turns.pause
	*p = min(max(2**p, firstPoll), lastPoll)
	a.mu.Lock()
	defer a.mu.Unlock()
	if life.over || life.turns.timer != nil {
		return
	}
	life.turns.timer = time.AfterFunc(*p, func() {
		a.mu.Lock()
		life.turns.timer = nil
		life.turns.inbox.poll = true
		a.mu.Unlock()
		a.wake(life)
	})
}

// Await begins a wait for the guest. See hostcall.Waits.
func (life *incarnation) Await(ids []spec.ObjectID, count int, timeout time.Duration, token uint32) (there bool, err error) {
	a := life.actor
	objects := a.node.objects
	w := &waiting{life: life, token: token, bytes: waitingBytes + hostcall.WaitedBytes*int64(len(ids))}
	if err := a.job.memory.Reserve(w.bytes); err != nil {
		return false, &spec.Error{Op: "await", Kind: spec.KindOf(err), Err: err}
	}
	if len(ids) > 0 {
		ids = slices.Clone(ids)
		w.links = linksTo(ids)
		w.waiter = &waiter{ids: ids, left: count, failFast: count == 0, fire: w.over}
		if count == 0 {
			w.waiter.left = len(ids)
		}
	}
	objects.retain(w.links)
	a.mu.Lock()
	life.turns.waits[w] = struct{}{}
	if timeout >= 0 {
		w.timer = time.AfterFunc(timeout, w.over)
	}
	a.mu.Unlock()
	if w.waiter != nil && !objects.join(w.waiter) {
		return w.end(), nil
	}
	return false, nil
}

// over: the wait has its end.
func (w *waiting) over() {
	a := w.life.actor
	if !w.end() {
		return
	}
	a.mu.Lock()
	if !w.life.over {
		w.life.turns.inbox.events = append(w.life.turns.inbox.events, hostcall.Event{Kind: spec.EventReady, Number: w.token})
	}
	a.mu.Unlock()
	a.wake(w.life)
}

// end takes the wait back; false if it has ended before.
func (w *waiting) end() bool {
	a := w.life.actor
	a.mu.Lock()
	_, waits := w.life.turns.waits[w]
	delete(w.life.turns.waits, w)
	timer := w.timer
	a.mu.Unlock()
	if !waits {
		return false
	}
	if timer != nil {
		timer.Stop()
	}
	if w.waiter != nil {
		a.node.objects.ignore(w.waiter)
		a.node.objects.release(w.links)
	}
	a.job.memory.Release(w.bytes)
	return true
}

// endTurns takes back what an incarnation that is over waits for.
func (a *actor) endTurns(life *incarnation) {
	a.mu.Lock()
	if life.turns.timer != nil {
		life.turns.timer.Stop()
	}
	waits := slices.Collect(maps.Keys(life.turns.waits))
	a.mu.Unlock()
	for _, w := range waits {
		w.end()
	}
}
