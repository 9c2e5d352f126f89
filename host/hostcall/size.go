package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// size tells how long a value is.
//
// Parameters:
//   - handle: of an argument, or of an object that get has returned
//
// Result: the length of the value's CBOR in bytes, as 64 bits.
//
// Errors:
//   - ReferenceCounting: there is no such handle
//   - ObjectNotAvailable: get has not returned the object yet
//   - InvalidArgument: it is an actor's handle
func (s *Session) size(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	v, err := s.content(ctx, g, p.u32(0))
	if err != nil {
		return 0, err
	}
	defer v.Release()
	return int64(len(v.Bytes)), nil
}
