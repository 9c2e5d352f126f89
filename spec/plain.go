package spec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Numbers, strings, byte strings, booleans and slices of them are what most calls carry. Their CBOR (RFC 8949 section 3)
// is written and read here, to the same bytes as the codec's and a tenth of its time, which a guest feels: it runs some
// five times slower than a native program. Whatever is not plainly one of them is left to a [plan].

// Major types.
const (
	majorUnsigned = 0 << 5
	majorNegative = 1 << 5
	majorBytes    = 2 << 5
	majorText     = 3 << 5
	majorArray    = 4 << 5
	majorMap      = 5 << 5
	majorTag      = 6 << 5
)

// tag8 is the head of a tag whose number takes 8 bits.
const tag8 = majorTag | 24

const (
	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6
	cborHalf  = 0xf9
	cborFloat = 0xfa
	cborLong  = 0xfb
)

// AppendPlain appends the CBOR of v; false if v is none of the plain types, or a long byte string.
func AppendPlain(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case int:
		return appendInt(b, int64(v)), true
	case int64:
		return appendInt(b, v), true
	case int32:
		return appendInt(b, int64(v)), true
	case uint64:
		return appendHead(b, majorUnsigned, v), true
	case uint32:
		return appendHead(b, majorUnsigned, uint64(v)), true
	case string:
		return append(appendHead(b, majorText, uint64(len(v))), v...), true
	case []byte:
		if v == nil {
			return append(b, cborNull), true
		}
		if len(v) >= bufferBytes {
			return b, false
		}
		return append(appendHead(b, majorBytes, uint64(len(v))), v...), true
	case bool:
		if v {
			return append(b, cborTrue), true
		}
		return append(b, cborFalse), true
	case float64:
		return appendFloat(b, v), true
	case float32:
		return appendFloat(b, float64(v)), true
	case []int:
		return appendSlice(b, v), true
	case []int64:
		return appendSlice(b, v), true
	case []float64:
		return appendSlice(b, v), true
	case []string:
		return appendSlice(b, v), true
	}
	return b, false
}

// appendSlice appends an array.
func appendSlice[E int | int64 | float64 | string](b []byte, v []E) []byte {
	if v == nil {
		return append(b, cborNull)
	}
	b = appendHead(b, majorArray, uint64(len(v)))
	for _, e := range v {
		b, _ = AppendPlain(b, e)
	}
	return b
}

// appendFloat appends a float in the shortest of three forms that keeps it, with one NaN (RFC 8949 section 4.2.1).
func appendFloat(b []byte, f float64) []byte {
	single := float32(f)
	switch {
	case f != f:
		return append(b, cborHalf, 0x7e, 0)
	case float64(single) != f:
		return binary.BigEndian.AppendUint64(append(b, cborLong), math.Float64bits(f))
	}
	bits := math.Float32bits(single)
	sign, exponent, fraction := uint16(bits>>31)<<15, int(bits>>23&0xff)-127, bits&(1<<23-1)
	half := func(h uint16) []byte { return binary.BigEndian.AppendUint16(append(b, cborHalf), sign|h) }
	switch {
	case bits<<1 == 0:
		return half(0)
	case exponent == 128:
		return half(0x7c00)
	case exponent >= -14 && exponent <= 15 && fraction&(1<<13-1) == 0:
		return half(uint16(exponent+15)<<10 | uint16(fraction>>13))
	case exponent < -14 && exponent >= -24:
		if steps := math.Abs(f) * (1 << 24); steps == math.Trunc(steps) { // a subnormal half is so many times the least one
			return half(uint16(steps))
		}
	}
	return binary.BigEndian.AppendUint32(append(b, cborFloat), bits)
}

func appendInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, majorNegative, uint64(-1-n))
	}
	return appendHead(b, majorUnsigned, uint64(n))
}

// appendHead appends a major type and its argument in the shortest form.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

// ReadPlain decodes b into v, a pointer; false if that is left to a plan or the codec, errors included.
func ReadPlain(b []byte, v any) bool {
	switch v := v.(type) {
	case *int:
		n, rest, ok := readInt(b)
		if ok && len(rest) == 0 && int64(int(n)) == n {
			*v = int(n)
			return true
		}
	case *int64:
		n, rest, ok := readInt(b)
		if ok && len(rest) == 0 {
			*v = n
			return true
		}
	case *string:
		text, ok := readString(b, majorText)
		if ok && utf8.Valid(text) {
			*v = string(text)
			return true
		}
	case *[]byte:
		data, ok := readString(b, majorBytes)
		if !ok || len(data) >= bufferBytes { // which may be kept in place
			return false
		}
		*v = append(make([]byte, 0, len(data)), data...)
		return true
	case *bool:
		if len(b) == 1 && (b[0] == cborTrue || b[0] == cborFalse) {
			*v = b[0] == cborTrue
			return true
		}
	case *float64:
		f, rest, ok := readFloat(b)
		if ok && len(rest) == 0 {
			*v = f
			return true
		}
	case *[]int:
		return readSlice(b, v)
	case *[]int64:
		return readSlice(b, v)
	case *[]float64:
		return readSlice(b, v)
	}
	return false
}

// readSlice reads an array of numbers, each of the form that appendSlice writes.
func readSlice[E int | int64 | float64](b []byte, v *[]E) bool {
	major, n, rest, ok := readHead(b)
	if !ok || major != majorArray || n > uint64(len(rest)) { // an element has a byte, at least
		return false
	}
	out := make([]E, n)
	for i := range out {
		switch e := any(&out[i]).(type) {
		case *float64:
			*e, rest, ok = readFloat(rest)
		case *int:
			var n int64
			n, rest, ok = readInt(rest)
			*e = int(n)
			ok = ok && int64(*e) == n
		case *int64:
			*e, rest, ok = readInt(rest)
		}
		if !ok {
			return false
		}
	}
	if len(rest) > 0 {
		return false
	}
	*v = out
	return true
}

// readFloat reads a float from the beginning of b, if it is a normal number or zero.
func readFloat(b []byte) (f float64, rest []byte, ok bool) {
	switch {
	case len(b) >= 9 && b[0] == cborLong:
		return math.Float64frombits(binary.BigEndian.Uint64(b[1:])), b[9:], true
	case len(b) >= 5 && b[0] == cborFloat:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))), b[5:], true
	case len(b) >= 3 && b[0] == cborHalf:
		half := binary.BigEndian.Uint16(b[1:])
		sign, exponent, fraction := uint32(half>>15), uint32(half>>10&0x1f), uint32(half&(1<<10-1))
		switch exponent {
		case 0:
			if fraction != 0 {
				return 0, nil, false
			}
			return float64(math.Float32frombits(sign << 31)), b[3:], true
		case 0x1f:
			return 0, nil, false
		}
		return float64(math.Float32frombits(sign<<31 | (exponent+127-15)<<23 | fraction<<13)), b[3:], true
	}
	return 0, nil, false
}

// readHead reads a head of which nothing is missing.
func readHead(b []byte) (major byte, n uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, 0, nil, false
	}
	major = b[0] & 0xe0
	switch info := b[0] & 0x1f; {
	case info < 24:
		return major, uint64(info), b[1:], true
	case info == 24 && len(b) >= 2:
		return major, uint64(b[1]), b[2:], true
	case info == 25 && len(b) >= 3:
		return major, uint64(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case info == 26 && len(b) >= 5:
		return major, uint64(binary.BigEndian.Uint32(b[1:])), b[5:], true
	case info == 27 && len(b) >= 9:
		return major, binary.BigEndian.Uint64(b[1:]), b[9:], true
	}
	return 0, 0, nil, false
}

// readInt reads an integer from the beginning of b.
func readInt(b []byte) (n int64, rest []byte, ok bool) {
	major, u, rest, ok := readHead(b)
	switch {
	case !ok || u > math.MaxInt64:
		return 0, nil, false
	case major == majorUnsigned:
		return int64(u), rest, true
	case major == majorNegative:
		return -1 - int64(u), rest, true
	}
	return 0, nil, false
}

// readString returns what a string of that major type holds.
func readString(b []byte, want byte) ([]byte, bool) {
	major, n, rest, ok := readHead(b)
	if !ok || major != want || n != uint64(len(rest)) {
		return nil, false
	}
	return rest, true
}
