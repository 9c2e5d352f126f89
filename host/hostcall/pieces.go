package hostcall

import (
	"context"
	"encoding/binary"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// pieces says that the next value goes on elsewhere: what the next put, pass_value, ret or yield takes is the bytes at its
// ptr, and behind them those of each piece, in order. So a guest need not copy large parts of a value, its arrays, to where
// the rest is encoded. Together they are one CBOR item, as ever.
//
//	list                               put(ptr, 8, ...)
//	 ▼                                  ▼
//	[ 40 e2 01 00 | 80 38 01 00 ]      [ a1 61 78 5a 00 01 38 80 ]
//	  address       size, n 1            {"x": a byte string of 80,000, which is the piece
//
// Parameters:
//   - list, n: the pieces, at most MaxPieces. The list and what it names stay as they are until the value is taken
//
// Result: 0.
//
// Errors:
//   - InvalidArgument: the list is not inside the guest's memory. A piece that is not shows when the value is taken
//   - LimitExceeded: there are more than MaxPieces
//
// The next of the four functions takes the pieces, whether it succeeds or not. None are left from one call to the next.
func (s *Session) pieces(_ context.Context, g *engine.Guest, p params) (int64, error) {
	behind := source{pieces: p.u32(0), n: p.u32(1)}
	if _, err := behind.list(g); err != nil {
		return 0, err
	}
	s.behind = behind
	return 0, nil
}

// source is where a value lies in the guest's memory: at ptr, and in n pieces behind.
type source struct {
	ptr, size uint32
	pieces, n uint32
}

// pieceBytes is the size of a piece in a list of them: its address and its size.
const pieceBytes = 8

// takeSource returns where the next value lies, of which the first bytes are at ptr.
func (s *Session) takeSource(ptr, size uint32) source {
	from := s.behind
	s.behind = source{}
	from.ptr, from.size = ptr, size
	return from
}

// list returns the list of pieces in place.
func (f source) list(g *engine.Guest) ([]byte, error) {
	if f.n > spec.MaxPieces {
		return nil, spec.Errorf("", spec.LimitExceeded, "", "%d pieces, at most %d (MaxPieces)", f.n, spec.MaxPieces)
	}
	return view(g, f.pieces, f.n*pieceBytes)
}

// part returns the k-th part of the value in place; the bytes at ptr are part 0.
func (f source) part(g *engine.Guest, list []byte, k int) ([]byte, error) {
	if k == 0 {
		return view(g, f.ptr, f.size)
	}
	piece := list[(k-1)*pieceBytes:]
	return view(g, binary.LittleEndian.Uint32(piece), binary.LittleEndian.Uint32(piece[4:]))
}

// measure checks the value's parts and returns the list of pieces, how long the value is and how it begins.
func (f source) measure(g *engine.Guest, left space) (list []byte, size int64, head []byte, err error) {
	if list, err = f.list(g); err != nil {
		return nil, 0, nil, err
	}
	size = int64(f.size)
	for k := range int(f.n) {
		size += int64(binary.LittleEndian.Uint32(list[k*pieceBytes+4:]))
	}
	if size > left.bytes {
		return nil, 0, nil, spec.Errorf("", spec.LimitExceeded, "", "a value of %d bytes where %d are left (%s)", size, left.bytes, left.limit)
	}
	for k := range int(f.n) + 1 {
		part, err := f.part(g, list, k)
		if err != nil {
			return nil, 0, nil, err
		}
		if len(head) == 0 {
			head = part
		}
	}
	return list, size, head, nil
}

// copy copies a value that was measured.
func (f source) copy(g *engine.Guest, list, to []byte) {
	for k := range int(f.n) + 1 {
		part, _ := f.part(g, list, k)
		to = to[copy(to, part):]
	}
}

// parts returns the parts of a value that was measured, in place.
func (f source) parts(g *engine.Guest, list []byte) [][]byte {
	parts := make([][]byte, f.n+1)
	for k := range parts {
		parts[k], _ = f.part(g, list, k)
	}
	return parts
}
