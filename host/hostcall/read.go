package hostcall

import (
	"context"
	"math"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// read copies a part of a value's CBOR. A guest that wants all of it asks size first; one that wants a piece of a large
// value reads only that.
//
//	the value      [ . . . . . . . . . . . . . . . . ]
//	                       ▲ offset  │
//	                       └────┬────┘ size bytes, or as many as there are
//	                            ▼
//	the memory          ptr [ . . . . . ]
//
// Parameters:
//   - handle: of an argument, or of an object that get has returned
//   - offset: where to begin, in bytes
//   - ptr, size: where it is written
//
// Result: the number of bytes written: size, or what is left of the value if that is less. At most 2^31-1.
//
// Errors:
//   - ReferenceCounting, ObjectNotAvailable: as for size
//   - InvalidArgument: the offset is negative or beyond the value's end; or as for size
func (s *Session) read(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	v, err := s.content(ctx, g, p.u32(0))
	if err != nil {
		return 0, err
	}
	defer v.Release()
	offset := p.i64(1)
	if offset < 0 || offset > int64(len(v.Bytes)) {
		return 0, spec.Errorf("", spec.InvalidArgument, "", "offset %d is outside a value of %d bytes", offset, len(v.Bytes))
	}
	dst, err := view(g, p.u32(2), p.u32(3))
	if err != nil {
		return 0, err
	}
	return int64(copy(dst[:min(len(dst), math.MaxInt32)], v.Bytes[offset:])), nil
}
