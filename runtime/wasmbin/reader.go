package wasmbin

import (
	"fmt"
	"unicode/utf8"
)

// reader reads a stretch of a module. The first failure sticks: every later
// read returns zero, so that a decoder may read a whole item and look at err
// once. Loops over a claimed count end by themselves, since count never
// returns more than the bytes left could hold.
type reader struct {
	b       []byte // the stretch
	pos     int    // of the next byte in b
	base    int    // offset of b in the module
	section string
	err     *ParseError
}

// failAt records a failure found at pos.
func (r *reader) failAt(pos int, format string, args ...any) {
	if r.err == nil {
		r.err = &ParseError{Section: r.section, Offset: r.base + pos, Message: fmt.Sprintf(format, args...)}
		r.pos = len(r.b)
	}
}

// left returns how many bytes are unread.
func (r *reader) left() int { return len(r.b) - r.pos }

// byte reads one byte.
func (r *reader) byte(what string) byte {
	if r.pos >= len(r.b) {
		r.failAt(r.pos, "%s is missing: the section ends here", what)
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

// bytes reads n bytes, which alias the module.
func (r *reader) bytes(n int, what string) []byte {
	if n < 0 || n > r.left() {
		r.failAt(r.pos, "%s has %d bytes, but only %d are left", what, n, r.left())
		return nil
	}
	s := r.b[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return s
}

// sub reads n bytes as a stretch of its own.
func (r *reader) sub(n int, what string) reader {
	at := r.pos
	return reader{b: r.bytes(n, what), base: r.base + at, section: r.section, err: r.err}
}

// done reports bytes left over at the end of the stretch.
func (r *reader) done() {
	if r.err == nil && r.left() > 0 {
		r.failAt(r.pos, "%d bytes too many at the end", r.left())
	}
}

// u32 reads an unsigned LEB128 number of up to 32 bits (specification 5.2.2).
func (r *reader) u32(what string) uint32 {
	if r.pos+1 < len(r.b) { // nearly all take one byte or two
		first, second := uint32(r.b[r.pos]), uint32(r.b[r.pos+1])
		switch {
		case first < 0x80:
			r.pos++
			return first
		case second < 0x80:
			r.pos += 2
			return first&0x7f | second<<7
		}
	}
	return uint32(r.unsigned(32, what))
}

// unsigned reads an unsigned LEB128 number of up to bits bits, in no more than
// ceil(bits/7) bytes and with no unused bit set.
func (r *reader) unsigned(bits int, what string) uint64 {
	var v uint64
	at := r.pos
	for shift := 0; ; shift += 7 {
		c := r.byte(what)
		if r.err != nil {
			return 0
		}
		if rest := bits - shift; rest < 7 && c>>rest != 0 {
			r.failAt(at, "%s does not fit in %d bits", what, bits)
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
}

// signed reads a signed LEB128 number of up to bits bits, in no more than
// ceil(bits/7) bytes and with every unused bit equal to the sign.
func (r *reader) signed(bits int, what string) int64 {
	if r.pos+1 < len(r.b) && r.b[r.pos] >= 0x80 && r.b[r.pos+1] < 0x80 { // two bytes fit in any number of bits used here
		first, second := r.b[r.pos], int8(r.b[r.pos+1]<<1)
		r.pos += 2
		return int64(first&0x7f) | int64(second)<<6
	}
	var v int64
	at := r.pos
	for shift := 0; ; shift += 7 {
		c := r.byte(what)
		if r.err != nil {
			return 0
		}
		if rest := bits - shift; rest <= 7 {
			// The sign bit is bit rest-1 of c; the bits above it repeat it.
			top := int8(c<<1) >> rest // sign and unused bits: all 0 or all 1
			if c >= 0x80 || top != 0 && top != -1 {
				r.failAt(at, "%s does not fit in %d bits", what, bits)
				return 0
			}
		}
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if unused := 64 - (shift + 7); unused > 0 {
				v = v << unused >> unused
			}
			return v
		}
	}
}

// count reads the length of a vector (specification 5.1.3) and refuses one
// over max or over what the bytes left could hold at one byte an item.
func (r *reader) count(max int, what string) int {
	at := r.pos
	n := r.u32("length of a vector")
	if int64(n) > int64(max) {
		r.failAt(at, "%d %s are over the limit of %d", n, what, max)
		return 0
	}
	if int64(n) > int64(r.left()) {
		r.failAt(at, "%d %s cannot fit in the %d bytes left", n, what, r.left())
		return 0
	}
	return int(n)
}

// name reads a name: a vector of bytes that are UTF-8 (specification 5.2.4).
func (r *reader) name(what string) string {
	at := r.pos
	n := r.u32("length of a name")
	s := r.bytes(int(min(int64(n), 1<<31-1)), what)
	if !utf8.Valid(s) {
		r.failAt(at, "%s is not UTF-8", what)
		return ""
	}
	return string(s)
}

// index reads an index into a space of n items.
func (r *reader) index(n int, what string) uint32 {
	at := r.pos
	i := r.u32(what)
	if r.err == nil && int64(i) >= int64(n) {
		r.failAt(at, "%s %d is out of range: there are %d", what, i, n)
		return 0
	}
	return i
}
