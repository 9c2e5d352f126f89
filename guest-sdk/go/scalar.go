package ray

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Integers, strings, byte strings and booleans are what most calls carry. Their CBOR (RFC 8949 section 3) is written and
// read here, to the same bytes as the codec's and a tenth of its time, which a guest feels: it runs some five times
// slower than a native program. Whatever is not plainly one of them is left to the codec.

// Major types.
const (
	majorUnsigned = 0 << 5
	majorNegative = 1 << 5
	majorBytes    = 2 << 5
	majorText     = 3 << 5
)

const (
	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6
)

// appendScalar appends the CBOR of v; false if v is left to the codec.
func appendScalar(b []byte, v any) ([]byte, bool) {
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
		return append(appendHead(b, majorBytes, uint64(len(v))), v...), true
	case bool:
		if v {
			return append(b, cborTrue), true
		}
		return append(b, cborFalse), true
	}
	return b, false
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

// readScalar decodes b into v, a pointer; false if that is left to the codec, errors included.
func readScalar(b []byte, v any) bool {
	switch v := v.(type) {
	case *int:
		n, ok := readInt(b)
		if ok && int64(int(n)) == n {
			*v = int(n)
			return true
		}
	case *int64:
		n, ok := readInt(b)
		if ok {
			*v = n
		}
		return ok
	case *string:
		text, ok := readString(b, majorText)
		if ok && utf8.Valid(text) {
			*v = string(text)
			return true
		}
	case *[]byte:
		data, ok := readString(b, majorBytes)
		if ok {
			*v = append(make([]byte, 0, len(data)), data...)
		}
		return ok
	case *bool:
		if len(b) == 1 && (b[0] == cborTrue || b[0] == cborFalse) {
			*v = b[0] == cborTrue
			return true
		}
	}
	return false
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

func readInt(b []byte) (int64, bool) {
	major, n, rest, ok := readHead(b)
	switch {
	case !ok || len(rest) > 0 || n > math.MaxInt64:
		return 0, false
	case major == majorUnsigned:
		return int64(n), true
	case major == majorNegative:
		return -1 - int64(n), true
	}
	return 0, false
}

// readString returns what a string of that major type holds.
func readString(b []byte, want byte) ([]byte, bool) {
	major, n, rest, ok := readHead(b)
	if !ok || major != want || n != uint64(len(rest)) {
		return nil, false
	}
	return rest, true
}
