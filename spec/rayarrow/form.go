package rayarrow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/raywasm/raywasm/spec"
)

// The CBOR form: the tag and the byte string around a stream.

// headRoom is the longest head: 3 bytes of tag, 9 of the byte string.
const headRoom = 3 + 9

// encode writes the stream behind room for the head, whose length depends on the stream's.
func encode(schema *arrow.Schema, batches []arrow.RecordBatch) ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, headRoom, headRoom+roomFor(batches)))
	w := ipc.NewWriter(out, ipc.WithSchema(schema))
	for i, b := range batches {
		if !b.Schema().Equal(schema) {
			return nil, fmt.Errorf("batch %d has another schema than its table:\n%v\nwant\n%v", i, b.Schema(), schema)
		}
		if err := w.Write(b); err != nil {
			return nil, fmt.Errorf("batch %d: %w", i, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b := out.Bytes()
	head := head(len(b) - headRoom)
	b = b[headRoom-len(head):]
	copy(b, head)
	return b, nil
}

// roomFor is about how many bytes the stream of batches takes, so that it is written without moving.
func roomFor(batches []arrow.RecordBatch) int {
	n := 4096
	for _, b := range batches {
		n += 1024
		for _, c := range b.Columns() {
			n += 256 + int(c.Data().SizeInBytes())
		}
	}
	return n
}

// head returns the tag and the head of a byte string of n bytes, in the shortest form.
func head(n int) []byte {
	b := []byte{0xd9, spec.TagArrow >> 8, spec.TagArrow & 0xff}
	switch {
	case n < 24:
		return append(b, 0x40|byte(n))
	case n <= math.MaxUint8:
		return append(b, 0x58, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0x59), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0x5a), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 0x5b), uint64(n))
}

// streamOf returns the stream in an item.
func streamOf(item []byte) ([]byte, error) {
	at := spec.ArrayOffset(item)
	if at < 4 || at > len(item) || !bytes.Equal(item[:at], head(len(item)-at)) {
		return nil, fmt.Errorf("want an Arrow stream: a byte string of %d bytes or less under tag %d", len(item), spec.TagArrow)
	}
	return item[at:len(item):len(item)], nil
}

// View reads a table where it lies: its columns are within item, which is one CBOR item and must not change as long as
// they live. If the stream is not aligned to 8 bytes, which the host's values are, it is copied first. Errors:
// [spec.InvalidArgument] for anything else than a whole and consistent Arrow stream.
func View(item []byte) (Table, error) {
	var t Table
	if err := t.SetView(item); err != nil {
		return Table{}, &spec.Error{Op: "view", Kind: spec.InvalidArgument, ID: "rayarrow.Table", Err: err}
	}
	return t, nil
}

// placed returns item, or a copy if its stream is not aligned.
func placed(item []byte) []byte {
	at := spec.ArrayOffset(item)
	if at < len(item) && uintptr(unsafe.Pointer(&item[at]))%8 == 0 {
		return item
	}
	return copied(item)
}

// copied returns an aligned copy of item.
func copied(item []byte) []byte {
	b := spec.MakeAligned(item, len(item))
	copy(b, item)
	return b
}
