package hostcall

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// next takes the next result of a generator, and waits for it. While it waits, the task's CPU is lent to others. If the
// generator failed, the result after those that it gave is its error, which get tells.
//
// Parameters:
//   - handle: of the result that the generator's call declares
//   - timeout: in nanoseconds; negative: none, 0: only look
//
// Result: a handle of the result, which is there; to be released.
//
// Errors:
//   - EndOfStream: all were taken, and the generator has ended
//   - GetTimeout: the time has passed
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: the handle is not of a generator's call
//   - LimitExceeded: the sandbox would have more than MaxHandles handles
//   - ObjectStoreFull: there is no room for the table of handles
//   - PermissionDenied: the caller may not get
//
// When the call's own end comes while it waits, it never returns.
func (s *Session) next(ctx context.Context, _ *engine.Guest, p params) (int64, error) {
	if s.caller.Streams == nil {
		return 0, denied("next")
	}
	at, err := s.object(p.u32(0))
	if err != nil {
		return 0, err
	}
	of := at.link.Object
	if err := s.roomFor(1); err != nil {
		return 0, err
	}
	id, err := s.caller.Streams.Next(ctx, of, time.Duration(p.i64(1)))
	if err != nil {
		return 0, err
	}
	return int64(s.handles.give(spec.ObjectLink(id))), nil
}
