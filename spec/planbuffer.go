package spec

import (
	"encoding/binary"
	"math"
	"reflect"
	"unsafe"
)

// The plans of what can be a buffer: byte strings and typed arrays.

type bytesPlan struct{}

func (bytesPlan) write(w *Writer, p unsafe.Pointer) error {
	data := *(*[]byte)(p)
	if data == nil {
		w.buf = append(w.buf, cborNull)
		return nil
	}
	w.buf = appendHead(w.buf, majorBytes, uint64(len(data)))
	w.buffer(data)
	return nil
}

func (bytesPlan) read(r *reader, p unsafe.Pointer) bool {
	if r.null() {
		return true
	}
	n, ok := r.head(majorBytes)
	if !ok {
		return false
	}
	data, ok := r.take(n)
	if ok && !r.keeps(len(data)) {
		data = append(make([]byte, 0, len(data)), data...)
	}
	*(*[]byte)(p) = data
	return ok
}

// typed is an Array: the tag of its type.
type typed interface{ arrayTag() uint64 }

// arrayPlan is that of an Array, on a machine whose numbers lie as in a typed array.
type arrayPlan struct {
	leaf
	tag         uint64
	size, align int // of an element
}

func newArrayPlan(t reflect.Type) *arrayPlan {
	e := t.Elem()
	return &arrayPlan{leaf{t}, reflect.Zero(t).Interface().(typed).arrayTag(), int(e.Size()), e.Align()}
}

func (a *arrayPlan) write(w *Writer, p unsafe.Pointer) error {
	s := (*slice)(p)
	if s.data == nil {
		w.buf = append(w.buf, cborNull)
		return nil
	}
	data := unsafe.Slice((*byte)(s.data), s.len*a.size)
	w.buf = appendArrayHead(w.buf, a.tag, uint64(len(data)), w.position())
	w.buffer(data)
	return nil
}

func (a *arrayPlan) read(r *reader, p unsafe.Pointer) bool {
	if r.null() {
		return true
	}
	tag, at := typedArray(r.rest)
	if tag != a.tag {
		return a.leaf.read(r, p)
	}
	r.rest = r.rest[at:]
	n, ok := r.head(majorBytes)
	if !ok || n%uint64(a.size) != 0 {
		return false
	}
	data, ok := r.take(n)
	if !ok {
		return false
	}
	first, s := unsafe.Pointer(unsafe.SliceData(data)), (*slice)(p)
	if n > 0 && r.keeps(len(data)) && uintptr(first)%uintptr(a.align) == 0 {
		s.data, s.len, s.cap = first, len(data)/a.size, len(data)/a.size
		return true
	}
	reflect.NewAt(a.t, p).Elem().Set(reflect.MakeSlice(a.t, len(data)/a.size, len(data)/a.size))
	copy(unsafe.Slice((*byte)(s.data), len(data)), data)
	return true
}

// appendArrayHead appends what stands before the n bytes of a typed array's elements where a buffer's head is at that
// position of its item: so that the elements are aligned to 8 bytes there, by the least number of bytes more. Tag and length
// have longer forms, of which some add up; for the rest there is tag 55799, which means nothing (RFC 8949 section 3.4.6). A
// typed array that is no buffer has the shortest head.
func appendArrayHead(b []byte, tag, n uint64, position int) []byte {
	if n < bufferBytes {
		return appendHead(append(b, tag8, byte(tag)), majorBytes, n)
	}
	heads := &shortHeads
	if n > math.MaxUint32 {
		heads = &longHeads
	}
	form := heads[position%alignArray]
	for range form.nothings {
		b = append(b, nothing...)
	}
	b = appendWide(b, majorTag, tag, form.tag)
	return appendWide(b, majorBytes, n, form.length)
}

// nothing is tag 55799.
const nothing = "\xd9\xd9\xf7"

// arrayHead is a form of a typed array's head: how often it says nothing, and the bytes that tag and length take.
type arrayHead struct{ nothings, tag, length int }

func (h arrayHead) size() int { return len(nothing)*h.nothings + 1 + h.tag + 1 + h.length }

// The shortest head for each position modulo 8, with a length of 32 or 64 bits and with one of 64.
var shortHeads, longHeads = arrayHeads(4), arrayHeads(8)

func arrayHeads(least int) (best [alignArray]arrayHead) {
	for nothings := range maxNothings + 1 {
		for _, tag := range []int{1, 2, 4, 8} {
			for length := least; length <= 8; length *= 2 {
				h := arrayHead{nothings, tag, length}
				if b := &best[(alignArray-h.size()%alignArray)%alignArray]; b.tag == 0 || h.size() < b.size() {
					*b = h
				}
			}
		}
	}
	return best
}

// maxNothings is how often the head of a typed array says nothing, at most.
const maxNothings = 2

// appendWide appends a head whose argument takes 1, 2, 4 or 8 bytes.
func appendWide(b []byte, major byte, n uint64, bytes int) []byte {
	switch bytes {
	case 1:
		return append(b, major|24, byte(n))
	case 2:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case 4:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}
