package spec

import (
	"reflect"
	"unsafe"
)

// reader reads a value by plans.
type reader struct {
	codec   *Codec
	whole   []byte
	rest    []byte
	own     bool // the value may keep parts of whole
	checked bool // whole is well-formed
	deep    int  // levels of containers above
}

// keeps reports whether a value should keep n bytes of the whole in place: it may, and they are a buffer or most of it.
func (r *reader) keeps(n int) bool { return r.own && (n >= bufferBytes || n > len(r.whole)/2) }

// head takes a head of that major type.
func (r *reader) head(want byte) (n uint64, ok bool) {
	major, n, rest, ok := readHead(r.rest)
	if !ok || major != want {
		return 0, false
	}
	r.rest = rest
	return n, true
}

// enter takes the head of a container, of n items of at least that many bytes, and goes a level deeper, until deep is counted
// down. The last levels are left to the codec, which counts tags, too.
func (r *reader) enter(major byte, least int) (n int, ok bool) {
	size, ok := r.head(major)
	r.deep++
	if !ok || size > uint64(len(r.rest)/least) || r.deep > MaxNesting-2-maxNothings {
		return 0, false
	}
	return int(size), true
}

// take takes n bytes.
func (r *reader) take(n uint64) (data []byte, ok bool) {
	if n > uint64(len(r.rest)) {
		return nil, false
	}
	data, r.rest = r.rest[:n:n], r.rest[n:]
	return data, true
}

// null takes a null, if there is one.
func (r *reader) null() bool {
	if len(r.rest) == 0 || r.rest[0] != cborNull {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// read reads the whole into what p points to, by its plan; false if that is left to the codec. p points to a zero value, and
// does again then.
func (r *reader) read(p any) bool {
	t, at := pointed(p)
	if planOf(t).read(r, at) && len(r.rest) == 0 {
		return true
	}
	reflect.NewAt(t, at).Elem().SetZero()
	return false
}

// pointed returns the type of what p, a pointer, points to, and where that is.
func pointed(p any) (reflect.Type, unsafe.Pointer) {
	return reflect.TypeOf(p).Elem(), reflect.ValueOf(p).UnsafePointer()
}
