package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// Flags of cancel.
const (
	cancelForce     = 1 << 0
	cancelRecursive = 1 << 1
)

// cancel cancels the task that makes an object. One that waits never runs; get of its results gives TaskCancelled. A
// function that runs is stopped. A method that runs is not, for its actor's state would go with it. Cancelling what has
// ended, or what put made, does nothing.
//
// Parameters:
//   - handle: of one of the task's results. The guest keeps it
//   - flags: 1 (force): callers of a running method get TaskCancelled at once, while it goes on; 2 (recursive): also
//     what the task has submitted, directly or not
//
// Result: 0.
//
// Errors:
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: it is not an object's handle, or there is no such flag
//   - PermissionDenied: the caller may not cancel
func (s *Session) cancel(ctx context.Context, _ *engine.Guest, p params) (int64, error) {
	if s.caller.Tasks == nil {
		return 0, denied("cancel")
	}
	flags := p.u32(1)
	if flags&^(cancelForce|cancelRecursive) != 0 {
		return 0, spec.Errorf("", spec.InvalidArgument, "", "there is no such flag in %#x", flags)
	}
	at, err := s.object(p.u32(0))
	if err != nil {
		return 0, err
	}
	return 0, s.caller.Tasks.Cancel(ctx, at.link.Object, flags&cancelForce != 0, flags&cancelRecursive != 0)
}
