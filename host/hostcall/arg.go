package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// arg gives a handle of one of the call's arguments, to be read by size, read and links. It is the same handle each
// time, it ends with the call, and it need not be released. A ref that was passed in place of a value arrives as the
// object's value.
//
// Parameters:
//   - index: which argument; the first is 0. ray_call is told how many there are
//
// Result: the handle.
//
// Errors:
//   - NotFound: no call is being served
//   - InvalidArgument: there is no such argument
func (s *Session) arg(_ context.Context, _ *engine.Guest, p params) (int64, error) {
	if err := s.served(); err != nil {
		return 0, err
	}
	index := p.u32(0)
	if int64(index) >= int64(len(s.args)) || index > indexMask {
		return 0, spec.Errorf("", spec.InvalidArgument, "", "there is no argument %d: the call has %d", p.i32(0), len(s.args))
	}
	return argumentBit | int64(s.number&callMask)<<indexBits | int64(index), nil
}
