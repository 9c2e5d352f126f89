package hostcall

import (
	"context"
	"encoding/binary"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// frame hands out the call in one piece: the name of what is to run, as from name, and after it every argument's CBOR, as
// from read. A guest that expects small arguments saves the calls of name, arg, size and read.
//
//	ptr
//	 ▼
//	[ 03 00 00 00 'a' 'd' 'd' | 01 00 00 00 07 | 02 00 00 00 18 2a | ... ]
//	  └─ size ──┘ └─ name ──┘   └─ size ──┘ 7    └─ size ──┘  42    └─ up to cap: untouched
//
// Each size is an unsigned number of 32 bits, little-endian, anywhere.
//
// Parameters:
//   - ptr, cap: where it is written, if all of it fits into cap bytes
//
// Result: the length of the whole frame in bytes.
//
// Errors:
//   - NotFound: no call is being served
func (s *Session) frame(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if err := s.served(); err != nil {
		return 0, err
	}
	dst, err := view(g, p.u32(0), p.u32(1))
	if err != nil {
		return 0, err
	}
	need := int64(sizeBytes + len(s.function))
	for i := range s.args {
		if err := s.withArgument(ctx, g, i, func(data []byte) { need += sizeBytes + int64(len(data)) }); err != nil {
			return 0, err
		}
	}
	if need > int64(len(dst)) {
		return need, nil
	}
	dst = put(dst, s.function)
	for i := range s.args {
		if err := s.withArgument(ctx, g, i, func(data []byte) { dst = put(dst, data) }); err != nil {
			return 0, err
		}
	}
	return need, nil
}

// withArgument does something with the bytes of an argument, wherever they lie.
func (s *Session) withArgument(ctx context.Context, g *engine.Guest, i int, do func(data []byte)) error {
	a := &s.args[i]
	if !a.IsRef || !away(a.Value) {
		do(a.Value.Data)
		return nil
	}
	g.Unpin()
	v, err := s.caller.Views.View(ctx, a.Ref, spec.Forever, false)
	if err != nil {
		return err
	}
	defer v.Release()
	do(v.Bytes)
	return nil
}

// sizeBytes is the size of a size in a frame.
const sizeBytes = 4

// put writes one item of a frame and returns what is behind it.
func put[T string | []byte](dst []byte, item T) []byte {
	binary.LittleEndian.PutUint32(dst, uint32(len(item)))
	return dst[sizeBytes+copy(dst[sizeBytes:], item):]
}
