package hostcall

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// params are a function's parameters as the engine passes them: a 32-bit one is the low half of its place, and what is
// in the high half means nothing.
type params []uint64

func (p params) u32(i int) uint32 { return uint32(p[i]) }
func (p params) i32(i int) int32  { return int32(uint32(p[i])) }
func (p params) i64(i int) int64  { return int64(p[i]) }

// view returns n bytes of the guest's memory in place. Where there are none, the pointer is not looked at.
func view(g *engine.Guest, ptr, n uint32) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	b, ok := g.View(ptr, n)
	if !ok {
		return nil, spec.Errorf("", spec.InvalidArgument, "", "%d bytes at %d are not inside the guest's memory of %d bytes", n, ptr, len(g.Memory()))
	}
	return b, nil
}

// handleBytes is the size of a handle in a list of them: 32 bits, little-endian.
const handleBytes = 4

// handleList returns a list of n handles in place. n is at most most, which is at most 1<<28.
func handleList(g *engine.Guest, ptr, n uint32, most int, what string) ([]byte, error) {
	if n > uint32(most) {
		return nil, spec.Errorf("", spec.LimitExceeded, "", "%d %s, at most %d", n, what, most)
	}
	return view(g, ptr, n*handleBytes)
}

func handleAt(list []byte, i int) uint32 { return binary.LittleEndian.Uint32(list[i*handleBytes:]) }

func setHandle(list []byte, i int, handle uint32) {
	binary.LittleEndian.PutUint32(list[i*handleBytes:], handle)
}

// pull hands out what by the convention (ptr, cap) -> needed length: it is copied if it fits.
func pull[T string | []byte](g *engine.Guest, ptr, room uint32, what T) (int64, error) {
	dst, err := view(g, ptr, room)
	if err != nil {
		return 0, err
	}
	if len(what) <= len(dst) {
		copy(dst, what)
	}
	return int64(len(what)), nil
}

// space is what is left of a limit for one more value.
type space struct {
	bytes int64
	links int
	limit string // its name
}

// readValue copies a value: its bytes, and what the n handles at handles stand for. The session then holds valueBytes of it.
func (s *Session) readValue(g *engine.Guest, from source, handles, n uint32, left space) (v spec.Value, err error) {
	list, size, head, err := from.measure(g, left)
	if err != nil {
		return v, err
	}
	in, err := handleList(g, handles, n, left.links, "links")
	if err != nil {
		return v, err
	}
	for i := range int(n) {
		if _, err := s.held(handleAt(in, i)); err != nil {
			return v, err
		}
	}
	if err := s.hold(valueBytes(int(size), int(n))); err != nil {
		return v, err
	}
	v.Data = spec.MakeAligned(head, int(size)) // so that whoever gets the value can read an array in place
	from.copy(g, list, v.Data)
	if n > 0 {
		v.Links = make([]spec.Link, n)
		for i := range v.Links {
			v.Links[i] = s.handles.at(handleAt(in, i)).link
		}
	}
	return v, nil
}

// valueBytes is how many bytes a value of that size with so many links takes, passed or returned.
func valueBytes(size, links int) int64 { return ValueBytes + int64(size) + LinkBytes*int64(links) }

// readName copies a name: valid UTF-8, at least least bytes of it. A name that is the same as the last is the same
// string.
func (s *Session) readName(g *engine.Guest, ptr, size uint32, least int, what string) (string, error) {
	if int(size) < least || size > spec.MaxNameBytes {
		return "", spec.Errorf("", spec.InvalidArgument, "", "the %s has %d bytes: %d to %d are allowed", what, size, least, spec.MaxNameBytes)
	}
	b, err := view(g, ptr, size)
	if err != nil {
		return "", err
	}
	if s.text != string(b) {
		if !utf8.Valid(b) {
			return "", spec.Errorf("", spec.InvalidArgument, "", "the %s is not UTF-8", what)
		}
		s.text = string(b)
	}
	return s.text, nil
}

// readOptions decodes and checks options. No bytes are no options.
func readOptions[T interface{ Check() error }](g *engine.Guest, ptr, size uint32) (opts T, err error) {
	if size == 0 {
		return opts, nil
	}
	form, err := readForm(g, ptr, size)
	if err != nil {
		return opts, err
	}
	decoded := new(T)
	if err := spec.Unmarshal(form, decoded); err != nil {
		return opts, err
	}
	return *decoded, (*decoded).Check()
}

// readForm returns an encoded form in place.
func readForm(g *engine.Guest, ptr, size uint32) ([]byte, error) {
	if size > spec.MaxFormBytes {
		return nil, spec.Errorf("", spec.LimitExceeded, "", "a form of %d bytes, at most %d (MaxFormBytes)", size, spec.MaxFormBytes)
	}
	return view(g, ptr, size)
}
