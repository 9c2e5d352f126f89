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

// valueAt is a value in place: where it lies, the list of its pieces, how long it is and how it begins, and a list of handles
// of what it contains, which the session has.
type valueAt struct {
	source
	list []byte
	size int64
	head []byte
	in   []byte
}

// findValue checks what a guest says of a value.
func (s *Session) findValue(g *engine.Guest, from source, handles, n uint32, left space) (v valueAt, err error) {
	v.source = from
	if v.list, v.size, v.head, err = from.measure(g, left); err != nil {
		return v, err
	}
	if v.in, err = handleList(g, handles, n, left.links, "links"); err != nil {
		return v, err
	}
	for i := range int(n) {
		if _, err := s.held(handleAt(v.in, i)); err != nil {
			return v, err
		}
	}
	return v, nil
}

// readValue copies a value. The session then holds valueBytes of it.
func (s *Session) readValue(g *engine.Guest, from source, handles, n uint32, left space) (v spec.Value, err error) {
	at, err := s.findValue(g, from, handles, n, left)
	if err != nil {
		return v, err
	}
	return s.copyValue(g, at)
}

func (s *Session) copyValue(g *engine.Guest, at valueAt) (v spec.Value, err error) {
	if err := s.hold(valueBytes(int(at.size), len(at.in)/handleBytes)); err != nil {
		return v, err
	}
	v.Data = spec.MakeAligned(at.head, int(at.size)) // so that whoever gets the value can read an array in place
	at.copy(g, at.list, v.Data)
	v.Links = s.linksOf(at.in)
	return v, nil
}

// linksOf returns what a list of handles of the session stands for.
func (s *Session) linksOf(in []byte) []spec.Link {
	if len(in) == 0 {
		return nil
	}
	links := make([]spec.Link, len(in)/handleBytes)
	for i := range links {
		links[i] = s.handles.at(handleAt(in, i)).link
	}
	return links
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
