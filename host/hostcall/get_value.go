package hostcall

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// get_value is get of one object, and then size and read of its value in the same call: it waits until the object is
// there and copies its CBOR if that fits. What does not fit is read by read; links are found by links, as after get.
//
// Parameters:
//   - handle: of an object
//   - timeout: in nanoseconds; negative: none, 0: only look
//   - ptr, cap: where the value is written, if it fits into cap bytes
//
// Result: the length of the value in bytes.
//
// Errors:
//   - as for get
func (s *Session) getValue(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Objects == nil {
		return 0, denied("get_value")
	}
	if _, err := view(g, p.u32(2), p.u32(3)); err != nil {
		return 0, err
	}
	at, err := s.object(p.u32(0))
	if err != nil {
		return 0, err
	}
	if !at.ready {
		s.oneID[0] = at.link.Object
		g.Unpin()
		if err := s.caller.Objects.Get(ctx, s.oneID[:], time.Duration(p.i64(1)), s.oneValue[:]); err != nil {
			return 0, err
		}
		at.value, at.ready = s.oneValue[0], true
		s.oneValue[0] = spec.Value{}
	}
	if !away(at.value) {
		return pull(g, p.u32(2), p.u32(3), at.value.Data)
	}
	v, err := s.open(ctx, g, p.u32(0), spec.Forever, false)
	if err != nil {
		return 0, err
	}
	defer v.Release()
	return pull(g, p.u32(2), p.u32(3), v.Bytes)
}
