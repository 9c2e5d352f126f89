package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// release gives a handle back, with the reference it stands for. The object is freed, or the actor ends, when nobody
// refers to it any more. When the sandbox ends, all its handles are released. Of an argument's handle, which ends with
// the call, it does nothing.
//
// Parameters:
//   - handle: of an object, an actor or an argument. It means nothing afterwards
//
// Result: 0.
//
// Errors:
//   - ReferenceCounting: there is no such handle
func (s *Session) release(_ context.Context, _ *engine.Guest, p params) (int64, error) {
	handle := p.u32(0)
	if _, ok := s.argument(handle); ok {
		return 0, nil
	}
	l, ok := s.handles.take(handle)
	if !ok {
		return 0, unknown(handle)
	}
	s.countOutOne(l)
	return 0, nil
}
