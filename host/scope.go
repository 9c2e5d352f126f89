package host

import (
	"context"
	"sync"
)

// scope owns what runs in goroutines: the node has one, and every job has one below it. What starts enters the scope
// first; close stops entry, cancels the context and waits for all that is inside.
type scope struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	workers *workers
	unhook  func() bool // of endAttempts

	mu       sync.Mutex
	closed   bool
	attempts *attempt // for whose end somebody waits
	inside   sync.WaitGroup
}

func newScope(parent context.Context, w *workers) *scope {
	s := &scope{workers: w}
	s.ctx, s.cancel = context.WithCancelCause(parent)
	s.unhook = context.AfterFunc(s.ctx, s.endAttempts)
	return s
}

// run starts f in a goroutine of the scope; false if the scope is closed, and then f never runs.
func (s *scope) run(f func()) bool { return s.start(workFunc(f)) }

// start is run for work.
func (s *scope) start(w work) bool {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	s.inside.Add(1)
	s.mu.Unlock()
	s.workers.start(assignment{s, w})
	return true
}

// endAttempts tells those who wait for the end of an attempt that the scope has ended.
func (s *scope) endAttempts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := s.attempts; a != nil; a = a.next {
		a.endLocked()
	}
}

// close cancels everything inside with cause and waits until it is gone. Closing twice is fine.
func (s *scope) close(cause error) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(cause)
	if s.unhook() {
		s.endAttempts()
	}
	s.inside.Wait()
}
