package host

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// attempt is the context of a task's runs: it ends when the task is cancelled, and when its scope ends. It costs nothing
// until somebody waits for its end, which few runs do, where a context of package context costs a microsecond.
type attempt struct {
	task  *task
	cause atomic.Pointer[spec.Error]

	// Guarded by the scope's mu.
	done       chan struct{} // nil until somebody asks
	ended      bool          // done is closed
	prev, next *attempt      // in the scope's list, while done is there
}

// stop ends the run with err, unless it has ended.
func (a *attempt) stop(err *spec.Error) {
	if !a.cause.CompareAndSwap(nil, err) {
		return
	}
	a.task.scope.mu.Lock()
	defer a.task.scope.mu.Unlock()
	a.endLocked()
}

// endLocked tells who waits. The caller holds the scope's mu.
func (a *attempt) endLocked() {
	if a.done != nil && !a.ended {
		a.ended = true
		close(a.done)
	}
}

// Deadline is the task's, so that a guest that computes sees it pass itself: the timer that stops it may be with a processor
// that does not get to it.
func (a *attempt) Deadline() (at time.Time, ok bool) {
	return a.task.deadline, !a.task.deadline.IsZero()
}

// Value: there is none.
func (a *attempt) Value(any) any { return nil }

// Err returns the cause, which context.Cause passes on.
func (a *attempt) Err() error {
	if err := a.cause.Load(); err != nil {
		return err
	}
	if a.task.scope.ctx.Err() != nil {
		return context.Cause(a.task.scope.ctx)
	}
	return nil
}

// Done returns the channel that is closed at the end.
func (a *attempt) Done() <-chan struct{} {
	s := a.task.scope
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.done == nil {
		a.done = make(chan struct{})
		a.next = s.attempts
		if a.next != nil {
			a.next.prev = a
		}
		s.attempts = a
		if a.Err() != nil {
			a.endLocked()
		}
	}
	return a.done
}

// leave takes the attempt out of the scope's list; nobody waits for it any more.
func (a *attempt) leave() {
	s := a.task.scope
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.done == nil {
		return
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		s.attempts = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	a.prev, a.next, a.done = nil, nil, nil
}
