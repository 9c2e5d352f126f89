package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// pass_ref passes an object as the next argument of the next call: the call waits until the object is there and gets its
// value. To pass the ref itself, pass_value a value that contains it.
//
// Parameters:
//   - handle: of an object, there already or not. The guest keeps it, and may release it at once
//
// Result: 0.
//
// Errors:
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: it is an actor's handle or an argument's
//   - LimitExceeded: more than MaxArgs arguments, or MaxLinks links in what was passed
//   - ObjectStoreFull: there is no room for it
//   - PermissionDenied: the caller may not call
//
// When it fails, what was passed so far is given up (see pass_value).
func (s *Session) passRef(_ context.Context, _ *engine.Guest, p params) (int64, error) {
	err := s.roomToPass()
	var at *slot
	if err == nil {
		at, err = s.object(p.u32(0))
	}
	if err == nil && len(s.passed.links) >= spec.MaxLinks {
		err = spec.Errorf("", spec.LimitExceeded, "", "the arguments contain %d links, at most %d (MaxLinks)", len(s.passed.links)+1, spec.MaxLinks)
	}
	if err == nil {
		err = s.hold(valueBytes(0, 1))
	}
	if err != nil {
		s.forgetPassed()
		return 0, err
	}
	s.passed.holds += valueBytes(0, 1)
	s.passed.add(spec.RefArg(at.link.Object), at.link)
	s.oneLink[0] = at.link
	s.countIn(s.oneLink[:])
	return 0, nil
}
