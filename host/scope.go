package host

import (
	"context"
	"sync"
)

// scope owns goroutines: the node has one, and every job has one below it. Whoever starts a goroutine enters the scope
// first; close stops entry, cancels the context and waits for all that are inside.
type scope struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func newScope(parent context.Context) *scope {
	s := &scope{}
	s.ctx, s.cancel = context.WithCancelCause(parent)
	return s
}

// run starts f in a goroutine of the scope; false if the scope is closed, and then f never runs.
func (s *scope) run(f func()) bool {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	s.inside.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.inside.Done()
		f()
	}()
	return true
}

// close cancels everything inside with cause and waits until it is gone. Closing twice is fine.
func (s *scope) close(cause error) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(cause)
	s.inside.Wait()
}
