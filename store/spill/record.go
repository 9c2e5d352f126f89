package spill

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/zeebo/xxh3"

	"github.com/raywasm/raywasm/spec"
)

const (
	magic      = "raywasm\x04"
	headerSize = len(magic) + len(spec.ObjectID{}) + 8 + sumSize
	sumSize    = 8
	overhead   = headerSize + sumSize
	// step is how much of an object is read or written at once, in bytes: so little that it is in the processor's cache when
	// it is looked at for the second time, and so much that the system reads ahead.
	step = spec.MiB
)

// header returns the header of an object's record.
func header(id spec.ObjectID, size int64) []byte {
	h := append(make([]byte, 0, headerSize), magic...)
	h = append(h, id[:]...)
	h = binary.LittleEndian.AppendUint64(h, uint64(size))
	return binary.LittleEndian.AppendUint64(h, xxh3.Hash(h))
}

// records reads as the records of objects, one after another, until ctx ends.
type records struct {
	ctx     context.Context
	objects []Object
	begun   bool        // the first of them is
	left    []byte      // of its data
	sum     xxh3.Hasher // of the data before
	rest    []byte      // what Read has not copied yet
}

// next returns the next piece, nil at the end.
func (r *records) next() []byte {
	switch {
	case len(r.objects) == 0:
		return nil
	case !r.begun:
		o := r.objects[0]
		r.begun, r.left = true, o.Bytes
		r.sum.Reset()
		return header(o.ID, int64(len(o.Bytes)))
	case len(r.left) > 0:
		b := r.left[:min(len(r.left), step)]
		r.left = r.left[len(b):]
		_, _ = r.sum.Write(b) // never fails
		return b
	}
	r.objects, r.begun = r.objects[1:], false
	return binary.LittleEndian.AppendUint64(nil, r.sum.Sum64())
}

// Read implements io.Reader.
func (r *records) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.ctx.Err() != nil {
			return 0, context.Cause(r.ctx)
		}
		if r.rest = r.next(); r.rest == nil {
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: data is not copied on its way.
func (r *records) WriteTo(w io.Writer) (written int64, err error) {
	for b := r.next(); b != nil; b = r.next() {
		if r.ctx.Err() != nil {
			return written, context.Cause(r.ctx)
		}
		n, err := w.Write(b)
		if written += int64(n); err != nil {
			return written, err
		}
	}
	return written, nil
}

// readRecord reads the record of an object into to, which is as long as it. wrong says what is not as it should be, ""
// if all is.
func readRecord(r io.Reader, id spec.ObjectID, to []byte) (wrong string, err error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", err
	}
	const atSize = len(magic) + len(id)
	switch {
	case string(h[:len(magic)]) != magic:
		return "there is no record", nil
	case xxh3.Hash(h[:headerSize-sumSize]) != binary.LittleEndian.Uint64(h[headerSize-sumSize:]):
		return "the checksum of its header is wrong", nil
	case spec.ObjectID(h[len(magic):atSize]) != id:
		return "it is another object's", nil
	case binary.LittleEndian.Uint64(h[atSize:]) != uint64(len(to)):
		return "its length is wrong", nil
	}
	var sum xxh3.Hasher
	for len(to) > 0 {
		b := to[:min(len(to), step)]
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		to = to[len(b):]
		_, _ = sum.Write(b) // never fails
	}
	if _, err := io.ReadFull(r, h[:sumSize]); err != nil {
		return "", err
	}
	if binary.LittleEndian.Uint64(h[:]) != sum.Sum64() {
		return "its checksum is wrong", nil
	}
	return "", nil
}
