package owner

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// ActorPolicy is what an actor's creator said of its life.
type ActorPolicy struct {
	MaxRestarts     int32 // -1 for ever
	MaxPendingCalls int32 // 0 or less: no bound
	Checkpoint      spec.CheckpointPolicy
	Outlives        bool // its checkpoints outlive the node, so that they are worth taking without a restart too
}

// ActorState is where an actor is in its life.
//
//	Pending ──Placed──► Starting ──Started──► Alive ──crash──► Restarting ──Started──► Alive
//	   └──────────────────┴──────────────────────┴────────────────┴──────────────────► Dead
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
	// Returned: the running call returned, with a value or an error.
	Returned
	// Crashed: the sandbox ended under the running call. Err says how.
	Crashed
	// Kill: somebody ends it. Err says who.
	Kill
	// Forget: nobody has a handle any more.
	Forget
	// Saved: a checkpoint was taken. Err says why there is none.
	Saved
	// Found: before Placed, there is a checkpoint of the actor already, of a node that is gone.
	Found
)

// CallID numbers an actor's calls, in the order of the Call events.
type CallID uint64

// ActorEvent is one thing that happened. What does not fit the actor's state changes nothing.
type ActorEvent struct {
	Op         ActorOp
	Call       CallID // Call, Ready, Cancel, Returned
	Caller     uint64 // Call: calls of one caller run in their order
	MaxRetries int32  // Call: how often it may run again after a crash; -1 for ever
	NoRestart  bool   // Kill
	Err        error  // StartFailed, Crashed, Kill, Saved
	Now        int64  // Started, Returned, Saved: nanoseconds since any fixed point
}

// ActorDo says what to do.
type ActorDo uint8

const (
	// Start: construct it in a fresh sandbox, or if Resume make one of the newest checkpoint, and report Started or
	// StartFailed.
	Start ActorDo = iota + 1
	// Run: run the call and report Returned or Crashed.
	Run
	// Fail: the call's result is Err.
	Fail
	// Stop: discard the sandbox, if there is one, and whatever runs in it.
	Stop
	// Die: it is over; free its name and its place.
	Die
	// Save: take a checkpoint of the sandbox, in which nothing runs, in place of the one before, and report Saved.
	Save
)

// ActorAction is one thing to do.
type ActorAction struct {
	Do     ActorDo
	Call   CallID
	Err    error
	Resume bool
}

// Actor is the core of one actor's life.
type Actor struct {
	label    string
	policy   ActorPolicy
	state    ActorState
	restarts int32
	queue    []call // waiting, oldest first
	running  *call
	forgot   bool
	cause    error // of death

	saving  bool  // a checkpoint is being taken
	saved   bool  // there is one
	unsaved int32 // calls that have returned since
	since   int64 // when it was taken, or the incarnation started
}

type call struct {
	id      CallID
	caller  uint64
	ready   bool
	retries int32 // left; -1 for ever
}

// NewActor returns an actor that waits for its place.
func NewActor(id spec.ActorID, class string, p ActorPolicy) *Actor {
	return &Actor{label: "actor " + class + "(" + id.String() + ")", policy: p}
}

// State returns where the actor is in its life.
func (a *Actor) State() ActorState { return a.state }

// Restarts returns how often it was started again.
func (a *Actor) Restarts() int32 { return a.restarts }

// Pending returns how many calls wait.
func (a *Actor) Pending() int { return len(a.queue) }

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
			return a.next(out)
		}
	case StartFailed:
		if a.state == Alive {
			return out
		}
		if a.state != Pending && crash(ev.Err) && a.restart() {
			return a.again(out)
		}
		return a.die(ev.Err, out)
	case Call:
		return a.call(ev, out)
	case Ready:
		if i := a.find(ev.Call); i >= 0 {
			a.queue[i].ready = true
			return a.next(out)
		}
	case Cancel:
		if i := a.find(ev.Call); i >= 0 {
			a.take(i)
			out = append(out, ActorAction{Do: Fail, Call: ev.Call, Err: spec.Errorf("call", spec.TaskCancelled, a.label, "the call was cancelled before it began")})
			return a.next(out)
		}
	case Returned:
		if a.running != nil && a.running.id == ev.Call {
			a.running = nil
			a.unsaved++
			if a.due(ev.Now) {
				a.saving = true
				return append(out, ActorAction{Do: Save})
			}
			return a.next(out)
		}
	case Saved:
		if !a.saving {
			return out
		}
		a.saving, a.unsaved, a.since = false, 0, ev.Now // one that failed is tried again when the next is due
		a.saved = a.saved || ev.Err == nil
		return a.next(out)
	case Crashed:
		return a.crashed(ev.Err, out)
	case Kill:
		return a.kill(ev, out)
	case Forget:
		a.forgot = true
		return a.next(out)
	}
	return out
}

// call gives a new call its place in the queue.
func (a *Actor) call(ev ActorEvent, out []ActorAction) []ActorAction {
	if limit := a.policy.MaxPendingCalls; limit > 0 && len(a.queue) >= int(limit) {
		return append(out, ActorAction{Do: Fail, Call: ev.Call, Err: spec.Errorf("call", spec.PendingCallsLimitExceeded, a.label,
			"%d calls wait already, which is its max_pending_calls", limit)})
	}
	a.queue = append(a.queue, call{id: ev.Call, caller: ev.Caller, retries: ev.MaxRetries})
	return out
}

// find returns the place of a waiting call, -1 if it does not wait. The newest is the likeliest.
func (a *Actor) find(id CallID) int {
	for i := len(a.queue) - 1; i >= 0; i-- {
		if a.queue[i].id == id {
			return i
		}
	}
	return -1
}

// take removes a call from the queue. The head, which is the usual one, costs nothing.
func (a *Actor) take(i int) call {
	c := a.queue[i]
	if i == 0 {
		a.queue = a.queue[1:]
	} else {
		a.queue = slices.Delete(a.queue, i, i+1)
	}
	return c
}

// next runs the oldest call that may run: its arguments are there and no earlier call of its caller waits. Without one,
// an actor that nobody can call any more ends.
func (a *Actor) next(out []ActorAction) []ActorAction {
	if a.running != nil || a.saving {
		return out
	}
	if a.forgot && len(a.queue) == 0 && a.state != Starting && a.state != Restarting {
		return a.die(spec.Errorf("end", spec.ActorDied, a.label, "no handle to it was left"), out)
	}
	if a.state != Alive {
		return out
	}
	var held []uint64 // callers whose earlier call is not ready
	for i := range a.queue {
		c := a.queue[i]
		if slices.Contains(held, c.caller) {
			continue
		}
		if !c.ready {
			held = append(held, c.caller)
			continue
		}
		c = a.take(i)
		a.running = &c
		return append(out, ActorAction{Do: Run, Call: c.id})
	}
	return out
}

// crashed ends an incarnation: the call that ran is retried or fails, and the actor restarts, from its checkpoint if it
// has one, or dies.
func (a *Actor) crashed(err error, out []ActorAction) []ActorAction {
	if a.state != Alive {
		return out
	}
	restart := a.restart()
	if c := a.running; c != nil {
		a.running = nil
		switch {
		case restart && c.retries != 0:
			if c.retries > 0 {
				c.retries--
			}
			a.queue = slices.Insert(a.queue, 0, *c)
		case restart:
			out = append(out, ActorAction{Do: Fail, Call: c.id, Err: &spec.Error{Op: "call", Kind: spec.ActorUnavailable, ID: a.label + " crashed in this call and restarts", Err: err}})
		default:
			out = append(out, ActorAction{Do: Fail, Call: c.id, Err: &spec.Error{Op: "call", Kind: spec.ActorDied, ID: a.label, Err: err}})
		}
	}
	if !restart {
		return a.die(err, out)
	}
	return a.again(out)
}

// kill ends an incarnation from outside; the call that runs is not retried.
func (a *Actor) kill(ev ActorEvent, out []ActorAction) []ActorAction {
	if ev.NoRestart || a.state == Pending || !a.restart() {
		return a.die(ev.Err, out)
	}
	if c := a.running; c != nil {
		a.running = nil
		out = append(out, ActorAction{Do: Fail, Call: c.id, Err: &spec.Error{Op: "call", Kind: spec.ActorUnavailable, ID: a.label, Err: ev.Err}})
	}
	return a.again(out)
}

// due reports whether the state is to be kept now, after a call.
func (a *Actor) due(now int64) bool {
	p := &a.policy.Checkpoint
	switch {
	case !a.restartable() && !a.policy.Outlives || a.forgot && len(a.queue) == 0: // nothing would ever resume from it
		return false
	case p.Calls > 0 && a.unsaved >= p.Calls, p.Interval > 0 && now-a.since >= int64(p.Interval):
		return true
	}
	return p.Idle && len(a.queue) == 0
}

// again ends an incarnation and begins the next.
func (a *Actor) again(out []ActorAction) []ActorAction {
	a.saving, a.unsaved = false, 0
	return append(out, ActorAction{Do: Stop}, ActorAction{Do: Start, Resume: a.saved})
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
	return a.policy.MaxRestarts < 0 || a.restarts < a.policy.MaxRestarts
}

// die ends everything: what runs, what waits, and the actor.
func (a *Actor) die(cause error, out []ActorAction) []ActorAction {
	a.state, a.cause = Dead, cause
	if a.running != nil {
		out = append(out, ActorAction{Do: Fail, Call: a.running.id, Err: a.died()})
		a.running = nil
	}
	for _, c := range a.queue {
		out = append(out, ActorAction{Do: Fail, Call: c.id, Err: a.died()})
	}
	a.queue = nil
	return append(out, ActorAction{Do: Stop}, ActorAction{Do: Die, Err: cause})
}

// died says why a call of a dead actor fails.
func (a *Actor) died() error {
	return &spec.Error{Op: "call", Kind: spec.ActorDied, ID: a.label, Err: a.cause}
}

// crash reports whether a constructor ended by a crash rather than by its own error.
func crash(err error) bool { return systemFailure[spec.KindOf(err)] }
