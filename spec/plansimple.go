package spec

import (
	"math"
	"unicode/utf8"
	"unsafe"
)

// The plans of booleans, numbers of so many bytes, and text.

type (
	boolPlan  struct{}
	intPlan   uintptr
	uintPlan  uintptr
	floatPlan uintptr
	textPlan  struct{}
)

func (boolPlan) write(w *Writer, p unsafe.Pointer) error {
	w.buf, _ = AppendPlain(w.buf, *(*bool)(p))
	return nil
}

func (boolPlan) read(r *reader, p unsafe.Pointer) bool {
	if len(r.rest) == 0 || r.rest[0] != cborTrue && r.rest[0] != cborFalse {
		return false
	}
	*(*bool)(p) = r.rest[0] == cborTrue
	r.rest = r.rest[1:]
	return true
}

func (size intPlan) write(w *Writer, p unsafe.Pointer) error {
	var n int64
	switch size {
	case 1:
		n = int64(*(*int8)(p))
	case 2:
		n = int64(*(*int16)(p))
	case 4:
		n = int64(*(*int32)(p))
	default:
		n = *(*int64)(p)
	}
	w.buf = appendInt(w.buf, n)
	return nil
}

func (size intPlan) read(r *reader, p unsafe.Pointer) bool {
	n, rest, ok := readInt(r.rest)
	if unused := 64 - 8*size; !ok || n<<unused>>unused != n {
		return false
	}
	r.rest = rest
	switch size {
	case 1:
		*(*int8)(p) = int8(n)
	case 2:
		*(*int16)(p) = int16(n)
	case 4:
		*(*int32)(p) = int32(n)
	default:
		*(*int64)(p) = n
	}
	return true
}

func (size uintPlan) write(w *Writer, p unsafe.Pointer) error {
	var n uint64
	switch size {
	case 1:
		n = uint64(*(*uint8)(p))
	case 2:
		n = uint64(*(*uint16)(p))
	case 4:
		n = uint64(*(*uint32)(p))
	default:
		n = *(*uint64)(p)
	}
	w.buf = appendHead(w.buf, majorUnsigned, n)
	return nil
}

func (size uintPlan) read(r *reader, p unsafe.Pointer) bool {
	n, ok := r.head(majorUnsigned)
	if unused := 64 - 8*size; !ok || n<<unused>>unused != n {
		return false
	}
	switch size {
	case 1:
		*(*uint8)(p) = uint8(n)
	case 2:
		*(*uint16)(p) = uint16(n)
	case 4:
		*(*uint32)(p) = uint32(n)
	default:
		*(*uint64)(p) = n
	}
	return true
}

func (size floatPlan) write(w *Writer, p unsafe.Pointer) error {
	if size == 4 {
		w.buf = appendFloat(w.buf, float64(*(*float32)(p)))
	} else {
		w.buf = appendFloat(w.buf, *(*float64)(p))
	}
	return nil
}

func (size floatPlan) read(r *reader, p unsafe.Pointer) bool {
	f, rest, ok := readFloat(r.rest)
	if !ok {
		return false
	}
	r.rest = rest
	if size == 8 {
		*(*float64)(p) = f
		return true
	}
	*(*float32)(p) = float32(f)
	return math.Abs(f) <= math.MaxFloat32
}

func (textPlan) write(w *Writer, p unsafe.Pointer) error {
	text := *(*string)(p)
	w.buf = append(appendHead(w.buf, majorText, uint64(len(text))), text...)
	return nil
}

func (textPlan) read(r *reader, p unsafe.Pointer) bool {
	text, ok := r.text()
	*(*string)(p) = string(text)
	return ok
}

// text takes a text.
func (r *reader) text() ([]byte, bool) {
	n, ok := r.head(majorText)
	if !ok {
		return nil, false
	}
	text, ok := r.take(n)
	return text, ok && utf8.Valid(text)
}
