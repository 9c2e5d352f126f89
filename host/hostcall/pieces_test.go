package hostcall

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// pieceList writes a list of pairs and returns its place and how many there are.
func (w *world) pieceList(pairs ...uint32) (list, n int64) {
	var b []byte
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint32(b, p)
	}
	list, _ = w.bytes(b)
	return list, int64(len(pairs) / 2)
}

// dataOf returns the value of an object of the session's.
func (w *world) dataOf(handle int64) string {
	w.get(handle)
	return w.read(handle)
}

func TestAValueInPieces(t *testing.T) {
	w := newWorld(t)
	first, firstSize := w.text("first,")
	one, oneSize := w.text("one,")
	two, twoSize := w.text("two")
	list, n := w.pieceList(uint32(one), uint32(oneSize), 0, 0, uint32(two), uint32(twoSize), uint32(one), uint32(oneSize))
	w.must("pieces", list, n)
	if got := w.dataOf(w.must("put", first, firstSize, 0, 0)); got != "first,one,twoone," {
		t.Errorf("put %q", got)
	}
	if got := w.dataOf(w.must("put", first, firstSize, 0, 0)); got != "first," {
		t.Errorf("the next value is %q: pieces are taken once", got)
	}
	w.session.Begin("f", nil)
	w.must("pieces", list, n)
	w.must("ret", 0, 0, 0, 0)
	if got := w.session.Results()[0].Data; !bytes.Equal(got, []byte("one,twoone,")) {
		t.Errorf("returned %q", got)
	}
	w.must("pieces", list, n)
	w.session.Begin("f", nil)
	w.must("ret", first, firstSize, 0, 0)
	if got := w.session.Results()[0].Data; string(got) != "first," {
		t.Errorf("returned %q: pieces of an earlier call", got)
	}
	w.must("pieces", list, n)
	w.must("pass_value", 0, 0, 0, 0)
	w.must("pieces", list, n)
	w.must("yield", 0, 0, 0, 0)
}

func TestHostilePieces(t *testing.T) {
	w := newWorld(t)
	w.refused(spec.LimitExceeded, "pieces", 0, spec.MaxPieces+1)
	w.refused(spec.InvalidArgument, "pieces", memoryBytes-7, 1)
	some, size := w.text("some")
	w.session.Begin("f", nil)
	for _, bad := range [][]uint32{{memoryBytes, 1}, {memoryBytes - 1, 2}, {1<<32 - 1, 1<<32 - 1}, {0, 1 << 31, 0, 1 << 31}, {uint32(some), 4, 1 << 31, 1}} {
		kind := spec.InvalidArgument
		if bad[1] >= 1<<31-1 {
			kind = spec.LimitExceeded
		}
		for _, f := range []string{"put", "ret", "pass_value", "yield"} {
			list, n := w.pieceList(bad...)
			w.must("pieces", list, n)
			w.refused(kind, f, some, size, 0, 0)
			w.must(f, some, size, 0, 0) // they are gone
		}
	}
	// The list itself may be changed before it is read: what counts is what it says then.
	list, n := w.pieceList(uint32(some), uint32(size))
	w.must("pieces", list, n)
	binary.LittleEndian.PutUint32(w.memory[list:], memoryBytes)
	w.refused(spec.InvalidArgument, "put", some, size, 0, 0)
	// One range many times is a value of all of it, within the limit.
	pairs := bytes.Repeat([]byte{0, 0, 0, 0, 0, 0, 1, 0}, spec.MaxPieces)
	at, _ := w.bytes(pairs)
	w.must("pieces", at, spec.MaxPieces)
	w.refused(spec.LimitExceeded, "pass_value", 0, 0, 0, 0)
}
