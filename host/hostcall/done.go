package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// done ends the call that the guest acts for, which was begun by ray_start. Its results are what ret was given, its error
// what fail was given. Its views end, and its drafts. From then on the guest acts for no call.
//
// Parameters:
//   - status: 0: it returned, 1: it failed
//
// Result: 0.
//
// Errors:
//   - NotFound: the guest acts for no call
//   - Unsupported: the sandbox serves one call at a time
func (s *Session) done(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.concurrent == nil {
		return 0, s.alone("done")
	}
	if err := s.served(); err != nil {
		return 0, err
	}
	s.concurrent.closeWindows(g, s.number)
	s.concurrent.ended = append(s.concurrent.ended, Ended{s.number, p.i32(0), s.failure, s.Results()})
	s.serving = false
	s.become(0)
	return 0, nil
}
