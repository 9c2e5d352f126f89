package owner

import (
	"time"

	"github.com/raywasm/raywasm/spec"
)

// ActorPolicy is what an actor's creator said of its life.
type ActorPolicy struct {
	MaxRestarts     int32 // -1 for ever
	MaxPendingCalls int32 // 0 or less: no bound
	Checkpoint      spec.CheckpointPolicy
	Outlives        bool // its checkpoints outlive the node, so that they are worth taking without a restart too
	// Hook says that it has something to run before it ends gracefully.
	Hook bool
	// Groups says how many calls of each concurrency group run at once, the default group first. nil: one call runs at a
	// time, and calls of one caller run in their order.
	Groups []int32
	// ExactlyOnce says that a call's effect on the state happens once: the state is kept before the first call, calls are
	// logged, and after a restart those that have returned since the checkpoint run again, in their order, before the one
	// that was interrupted. It needs calls that run one at a time.
	ExactlyOnce bool
}

// MaxLogged bounds the calls in the log of an actor: then a checkpoint is due, so that a restart need not run more again.
const MaxLogged = 1000

// ActorState is where an actor is in its life.
//
//	Pending ──Placed──► Starting ──Started──► Alive ──crash──► Restarting ──Started──► Alive ──last call──► Ending
//	   └──────────────────┴──────────────────────┴────────────────┴───────────────────────┴───────────────────┴──► Dead
type ActorState uint8

const (
	// Pending: it has no place yet.
	Pending ActorState = iota
	// Starting: its constructor runs.
	Starting
	// Alive: it serves calls.
	Alive
	// Restarting: its constructor runs again.
	Restarting
	// Ending: its hook runs.
	Ending
	// Dead: it will never serve a call again.
	Dead
)

// ActorOp says what happened.
type ActorOp uint8

const (
	// Placed: it has resources and its constructor's arguments.
	Placed ActorOp = iota + 1
	// Started: the constructor returned.
	Started
	// StartFailed: the constructor failed, or there will never be a place. Err says how.
	StartFailed
	// Call: a caller made a call. Its arguments may not be there yet.
	Call
	// Ready: the call's arguments are there.
	Ready
	// Cancel: the call is not wanted any more.
	Cancel
	// Returned: a running call returned, with a value or an error.
	Returned
	// Failed: a running call returned an error after which its options say to run it again. Err says which.
	Failed
	// Exited: a running call ended by ending the actor.
	Exited
	// Crashed: the sandbox ended under what runs. Err says how.
	Crashed
	// Kill: somebody ends it. Err says who.
	Kill
	// Terminate: somebody ends it gracefully: it serves the calls that wait, and no more. Err says who.
	Terminate
	// Forget: nobody has a handle any more.
	Forget
	// Saved: a checkpoint was taken. Err says why there is none.
	Saved
	// Found: before Placed, there is a checkpoint of the actor already, of a node that is gone.
	Found
	// Ended: the hook has run, or failed.
	Ended
)

// CallID numbers an actor's calls, in the order of the Call events.
type CallID uint64

// ActorEvent is one thing that happened. What does not fit the actor's state changes nothing.
type ActorEvent struct {
	Op         ActorOp
	Call       CallID // Call, Ready, Cancel, Returned, Failed, Exited
	Caller     uint64 // Call: calls of one caller run in their order
	Group      int    // Call: which of the policy's groups
	MaxRetries int32  // Call: how often it may run again after a crash or an error of its own; -1 for ever
	Paced      bool   // Call: it pauses before it runs again
	NoRestart  bool   // Kill
	Err        error  // StartFailed, Failed, Crashed, Kill, Terminate, Saved
	Now        int64  // Started, Returned, Failed, Saved: nanoseconds since any fixed point
}

// ActorDo says what to do.
type ActorDo uint8

const (
	// Start: after a pause of After construct it in a fresh sandbox, or if Resume make one of the newest checkpoint, and
	// report Started or StartFailed.
	Start ActorDo = iota + 1
	// Again: run a logged call again, with what it was told the first time, and report Returned or Crashed. Its result was
	// given.
	Again
	// Run: run the call and report Returned, Exited or Crashed.
	Run
	// Interrupt: tell the running call that nobody wants it any more.
	Interrupt
	// Pause: report Ready when the call's pause is over.
	Pause
	// Fail: the call's result is Err.
	Fail
	// Stop: discard the sandbox, if there is one, and whatever runs in it.
	Stop
	// Die: it is over; free its name and its place.
	Die
	// Save: take a checkpoint of the sandbox, in which nothing runs, in place of the one before, and report Saved.
	Save
	// End: run the hook in the sandbox, in which nothing else runs, and report Ended.
	End
)

// ActorAction is one thing to do.
type ActorAction struct {
	Do     ActorDo
	Call   CallID
	Err    error
	Resume bool
	After  time.Duration
}

// Of restarts in a row, between which no call returned, the second waits for firstRestartPause, and each further one twice
// as long as the one before, up to lastRestartPause. These are the bounds within which Ray's callers ask again for an actor
// that is unavailable.
const (
	firstRestartPause = 100 * time.Millisecond
	lastRestartPause  = 5 * time.Second
)

// Actor is the core of one actor's life.
type Actor struct {
	id        spec.ActorID
	class     string
	policy    ActorPolicy
	state     ActorState
	restarts  int32
	fruitless int // restarts after crashes since a call returned
	calls     calls
	forgot    bool
	exited    bool  // it ended itself
	last      error // it takes no call any more, and ends for this reason when those that it has have run
	cause     error // of death

	saving  bool  // a checkpoint is being taken
	saved   bool  // there is one
	unsaved int32 // calls that have returned since
	since   int64 // when it was taken, or the incarnation started

	log []CallID // that have returned since, oldest first; only with ExactlyOnce
	// redo is how many of them the incarnation has still to run again.
	redo int
}

// NewActor returns an actor that waits for its place.
func NewActor(id spec.ActorID, class string, p ActorPolicy) *Actor {
	return &Actor{id: id, class: class, policy: p, calls: newCalls(p.Groups)}
}

// label names the actor in errors.
func (a *Actor) label() string { return "actor " + a.class + "(" + a.id.String() + ")" }

// State returns where the actor is in its life.
func (a *Actor) State() ActorState { return a.state }

// Restarts returns how often it was started again.
func (a *Actor) Restarts() int32 { return a.restarts }

// Pending returns how many calls wait, Running how many run.
func (a *Actor) Pending() int { return a.calls.waiting }
func (a *Actor) Running() int { return len(a.calls.running) }

// Runs reports whether the call is among those that run.
func (a *Actor) Runs(id CallID) bool { return a.calls.runs(id) }

// Step takes one event and appends what follows from it to out.
func (a *Actor) Step(ev ActorEvent, out []ActorAction) []ActorAction {
	if a.state == Dead {
		if ev.Op == Call {
			out = append(out, ActorAction{Do: Fail, Call: ev.Call, Err: a.died()})
		}
		return out
	}
	switch ev.Op {
	case Placed:
		if a.state == Pending {
			a.state = Starting
			return append(out, ActorAction{Do: Start, Resume: a.saved})
		}
	case Found:
		a.saved = true
	case Started:
		if a.state == Starting || a.state == Restarting {
			a.state = Alive
			a.since = ev.Now
			return a.started(out)
		}
	case StartFailed:
		if a.state == Alive || a.state == Ending {
			return out
		}
		if a.state != Pending && crash(ev.Err) && a.restart() {
			a.fruitless++
			return a.anew(out)
		}
		return a.die(ev.Err, out)
	case Call:
		return a.call(ev, out)
	case Ready:
		if a.calls.ready(ev.Call) {
			return a.next(out)
		}
	case Cancel:
		return a.cancel(ev, out)
	case Returned:
		if a.redo > 0 {
			return a.again(ev.Call, out)
		}
		if _, ran := a.calls.end(ev.Call); ran {
			a.unsaved++
			a.fruitless = 0
			if a.policy.ExactlyOnce && a.restartable() {
				a.log = append(a.log, ev.Call)
			}
			return a.returned(ev.Now, out)
		}
	case Failed:
		if c, ran := a.calls.end(ev.Call); ran {
			a.unsaved++
			a.fruitless = 0
			if c.retries == 0 {
				out = append(out, ActorAction{Do: Fail, Call: c.id, Err: ev.Err})
			} else {
				out = a.retry(c, out)
			}
			return a.returned(ev.Now, out)
		}
	case Exited:
		if _, ran := a.calls.end(ev.Call); ran {
			a.exited, a.last = true, spec.Errorf("call", spec.ActorDied, a.label(), "it ended itself in this call")
			return a.next(a.fail(append(out, ActorAction{Do: Fail, Call: ev.Call, Err: a.last})))
		}
	case Saved:
		if !a.saving {
			return out
		}
		a.saving, a.unsaved, a.since = false, 0, ev.Now // one that failed is tried again when the next is due
		if ev.Err == nil {
			a.saved, a.log = true, nil
		} else if a.policy.ExactlyOnce && !a.saved {
			return a.die(ev.Err, out) // what it promises it could not keep
		}
		return a.next(out)
	case Crashed:
		return a.crashed(ev.Err, out)
	case Kill:
		return a.kill(ev, out)
	case Terminate:
		if a.last == nil {
			a.last = ev.Err
			return a.next(out)
		}
	case Forget:
		a.forgot = true
		return a.next(out)
	case Ended:
		if a.state == Ending {
			return a.die(a.cause, out)
		}
	}
	return out
}

// call gives a new call its place in the queue.
func (a *Actor) call(ev ActorEvent, out []ActorAction) []ActorAction {
	if a.last != nil || a.state == Ending {
		return append(out, ActorAction{Do: Fail, Call: ev.Call, Err: a.ends()})
	}
	if limit := a.policy.MaxPendingCalls; limit > 0 && a.calls.waiting >= int(limit) {
		return append(out, ActorAction{Do: Fail, Call: ev.Call, Err: spec.Errorf("call", spec.PendingCallsLimitExceeded, a.label(),
			"%d calls wait already, which is its max_pending_calls", limit)})
	}
	a.calls.add(call{id: ev.Call, caller: ev.Caller, group: ev.Group, retries: ev.MaxRetries, paced: ev.Paced})
	return out
}

// cancel takes a call out of the queue, or tells one that runs.
func (a *Actor) cancel(ev ActorEvent, out []ActorAction) []ActorAction {
	if a.calls.withdraw(ev.Call) {
		out = append(out, ActorAction{Do: Fail, Call: ev.Call, Err: spec.Errorf("call", spec.TaskCancelled, a.label(), "the call was cancelled before it began")})
		return a.next(out)
	}
	if a.calls.once(ev.Call) {
		return append(out, ActorAction{Do: Interrupt, Call: ev.Call})
	}
	return out
}

// retry puts a call that ran back to its place, with one run less.
func (a *Actor) retry(c call, out []ActorAction) []ActorAction {
	if c.retries > 0 {
		c.retries--
	}
	a.calls.again(c)
	if c.paced {
		out = append(out, ActorAction{Do: Pause, Call: c.id})
	}
	return out
}

// started goes on after the constructor, or after a restart.
func (a *Actor) started(out []ActorAction) []ActorAction {
	if a.policy.ExactlyOnce && !a.saved {
		a.saving = true
		return append(out, ActorAction{Do: Save})
	}
	if a.redo = len(a.log); a.redo > 0 {
		return append(out, ActorAction{Do: Again, Call: a.log[0]})
	}
	return a.next(out)
}

// again goes on after a call that ran again.
func (a *Actor) again(ran CallID, out []ActorAction) []ActorAction {
	at := len(a.log) - a.redo
	if a.log[at] != ran {
		return out
	}
	a.redo--
	if a.redo > 0 {
		return append(out, ActorAction{Do: Again, Call: a.log[at+1]})
	}
	return a.next(out)
}

// returned goes on after a call: with a checkpoint if one is due, or with what may run now.
func (a *Actor) returned(now int64, out []ActorAction) []ActorAction {
	if len(a.calls.running) == 0 && a.due(now) {
		a.saving = true
		return append(out, ActorAction{Do: Save})
	}
	return a.next(out)
}

// next runs the calls that may run. Without any, an actor that gets no more ends.
func (a *Actor) next(out []ActorAction) []ActorAction {
	if a.saving || a.redo > 0 || a.state == Ending {
		return out
	}
	if (a.forgot || a.last != nil) && a.calls.none() && a.state != Starting && a.state != Restarting {
		return a.end(out)
	}
	if a.state == Alive {
		out = a.calls.run(out)
	}
	return out
}

// end ends the actor gracefully, its hook first.
func (a *Actor) end(out []ActorAction) []ActorAction {
	cause := a.last
	if cause == nil {
		cause = spec.Errorf("end", spec.ActorDied, a.label(), "no handle to it was left")
	}
	if a.policy.Hook && a.state == Alive {
		a.state, a.cause = Ending, cause
		return append(out, ActorAction{Do: End})
	}
	return a.die(cause, out)
}

// crashed ends an incarnation: the calls that ran are retried or fail, and the actor restarts, from its checkpoint if it
// has one, or dies.
func (a *Actor) crashed(err error, out []ActorAction) []ActorAction {
	if a.state == Ending {
		return a.die(a.cause, out)
	}
	if a.state != Alive {
		return out
	}
	restart := a.restart()
	for _, c := range a.calls.stop() {
		switch {
		case restart && a.policy.ExactlyOnce:
			a.calls.again(c)
		case restart && c.retries != 0:
			out = a.retry(c, out)
		case restart:
			out = append(out, ActorAction{Do: Fail, Call: c.id, Err: &spec.Error{Op: "call", Kind: spec.ActorUnavailable, ID: a.label() + " crashed in this call and restarts", Err: err}})
		default:
			out = append(out, ActorAction{Do: Fail, Call: c.id, Err: &spec.Error{Op: "call", Kind: spec.ActorDied, ID: a.label(), Err: err}})
		}
	}
	if !restart {
		return a.die(err, out)
	}
	a.fruitless++
	return a.anew(out)
}

// kill ends an incarnation from outside; the calls that run are not retried.
func (a *Actor) kill(ev ActorEvent, out []ActorAction) []ActorAction {
	if ev.NoRestart || a.state == Pending || a.state == Ending || !a.restart() {
		return a.die(ev.Err, out)
	}
	for _, c := range a.calls.stop() {
		if a.policy.ExactlyOnce {
			a.calls.again(c)
			continue
		}
		out = append(out, ActorAction{Do: Fail, Call: c.id, Err: &spec.Error{Op: "call", Kind: spec.ActorUnavailable, ID: a.label(), Err: ev.Err}})
	}
	return a.anew(out)
}

// due reports whether the state is to be kept now, after a call.
func (a *Actor) due(now int64) bool {
	p := &a.policy.Checkpoint
	switch {
	case !a.restartable() && !a.policy.Outlives || (a.forgot || a.last != nil) && a.calls.none(): // nothing would ever resume from it
		return false
	case len(a.log) >= MaxLogged:
		return true
	case p.Calls > 0 && a.unsaved >= p.Calls, p.Interval > 0 && now-a.since >= int64(p.Interval):
		return true
	}
	return p.Idle && a.calls.waiting == 0
}

// anew ends an incarnation and begins the next.
func (a *Actor) anew(out []ActorAction) []ActorAction {
	a.saving, a.redo, a.unsaved = false, 0, int32(len(a.log))
	return append(out, ActorAction{Do: Stop}, ActorAction{Do: Start, Resume: a.saved, After: restartPause(a.fruitless)})
}

// restartPause is how long the restart waits that is the nth in a row without a call that returned.
func restartPause(n int) time.Duration {
	if n < 2 {
		return 0
	}
	pause := firstRestartPause
	for ; n > 2 && pause < lastRestartPause; n-- {
		pause *= 2
	}
	return min(pause, lastRestartPause)
}

// restart begins another life, if there is one.
func (a *Actor) restart() bool {
	if !a.restartable() {
		return false
	}
	a.restarts++
	a.state = Restarting
	return true
}

// restartable reports whether there is another life.
func (a *Actor) restartable() bool {
	return !a.exited && (a.policy.MaxRestarts < 0 || a.restarts < a.policy.MaxRestarts)
}

// die ends everything: what runs, what waits, and the actor.
func (a *Actor) die(cause error, out []ActorAction) []ActorAction {
	a.state, a.cause = Dead, cause
	for _, c := range a.calls.stop() {
		out = append(out, ActorAction{Do: Fail, Call: c.id, Err: a.died()})
	}
	return append(a.fail(out), ActorAction{Do: Stop}, ActorAction{Do: Die, Err: cause})
}

// fail fails the calls that wait.
func (a *Actor) fail(out []ActorAction) []ActorAction {
	err := a.ends()
	for _, c := range a.calls.clear() {
		out = append(out, ActorAction{Do: Fail, Call: c.id, Err: err})
	}
	return out
}

// died says why a call of a dead actor fails; ends, why one of an actor fails that is dead or as good as dead.
func (a *Actor) died() error {
	return &spec.Error{Op: "call", Kind: spec.ActorDied, ID: a.label(), Err: a.cause}
}

func (a *Actor) ends() error {
	if a.state == Dead || a.state == Ending {
		return a.died()
	}
	return &spec.Error{Op: "call", Kind: spec.ActorDied, ID: a.label(), Err: a.last}
}

// crash reports whether a constructor ended by a crash rather than by its own error.
func crash(err error) bool { return systemFailure[spec.KindOf(err)] }
