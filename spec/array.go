package spec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"unsafe"
)

// Number is an element of an [Array].
type Number interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int8 | ~int16 | ~int32 | ~int64 | ~float32 | ~float64
}

// Array is a slice of numbers that is encoded as a typed array (RFC 8746): a byte string with the elements in
// little-endian order, under a tag that names their type. It takes a copy instead of an encoding per element, and can be
// read in place ([View]). A plain slice is an array of single items, which every decoder knows; an Array is decoded from
// either.
//
//	d8 56 | 58 18 | 00 00 00 00 00 00 f8 3f  ...
//	 tag    bytes     1.5, little-endian
//
// One that is made to be read in place has a head of 8 bytes instead, with longer forms of the same numbers, so that its
// elements are aligned where the item begins at a multiple of 8 (see [AppendArrayHead]):
//
//	d9 00 56 | 5a 00 00 00 18 | 00 00 00 00 00 00 f8 3f  ...
type Array[T Number] []T

// typed array tags, by the element's shape: RFC 8746 section 2.1, little-endian ones.
const (
	tagUint8, tagUint16, tagUint32, tagUint64 = 64, 69, 70, 71
	tagSint8, tagSint16, tagSint32, tagSint64 = 72, 77, 78, 79
	tagFloat32, tagFloat64                    = 85, 86
)

// arrayTag is the tag for elements of type T.
func arrayTag[T Number]() uint64 {
	var zero T
	float, signed := T(1)/T(2) != zero, zero-1 < zero
	at := bits.Len(uint(unsafe.Sizeof(zero))) - 1
	switch {
	case float:
		return [...]uint64{2: tagFloat32, 3: tagFloat64}[at]
	case signed:
		return [...]uint64{tagSint8, tagSint16, tagSint32, tagSint64}[at]
	}
	return [...]uint64{tagUint8, tagUint16, tagUint32, tagUint64}[at]
}

// nativeLittle is whether this machine's numbers lie in memory as a typed array's do.
var nativeLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// MarshalCBOR encodes a typed array, null for a nil Array.
func (a Array[T]) MarshalCBOR() ([]byte, error) {
	if a == nil {
		return []byte{0xf6}, nil
	}
	size := int(unsafe.Sizeof(*new(T)))
	b := make([]byte, 0, 2+9+size*len(a))
	switch n := uint64(size * len(a)); {
	case n < 24:
		b = append(b, 0xd8, byte(arrayTag[T]()), 0x40|byte(n))
	case n <= math.MaxUint8:
		b = append(b, 0xd8, byte(arrayTag[T]()), 0x58, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, 0xd8, byte(arrayTag[T]()), 0x59), uint16(n))
	default:
		b = AppendArrayHead[T](b, n)
	}
	if nativeLittle {
		return append(b, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a))), size*len(a))...), nil
	}
	return binary.Append(b, binary.LittleEndian, []T(a))
}

// AppendArrayHead appends what stands before the n bytes of a typed array's elements, 8 bytes (11 from 4 GiB on).
func AppendArrayHead[T Number](b []byte, n uint64) []byte {
	if n > math.MaxUint32 {
		return binary.BigEndian.AppendUint64(append(b, 0xd8, byte(arrayTag[T]()), 0x5b), n)
	}
	return binary.BigEndian.AppendUint32(append(b, 0xd9, 0, byte(arrayTag[T]()), 0x5a), uint32(n))
}

// Head returns what stands before n elements in an item that is made in place, and how many bytes they take.
func (Array[T]) Head(n int) (head []byte, bytes int64) {
	bytes = int64(n) * int64(unsafe.Sizeof(*new(T)))
	return AppendArrayHead[T](nil, uint64(bytes)), bytes
}

// UnmarshalCBOR decodes a typed array of this element type, or an array of single items. The data is copied.
func (a *Array[T]) UnmarshalCBOR(b []byte) error {
	data, tag, err := arrayData(b)
	if err != nil {
		return err
	}
	if tag == 0 { // not a typed array
		return decMode.Unmarshal(b, (*[]T)(a))
	}
	if want := arrayTag[T](); tag != want {
		return fmt.Errorf("want a typed array of %T (tag %d), got tag %d", *new(T), want, tag)
	}
	size := int(unsafe.Sizeof(*new(T)))
	if len(data)%size != 0 {
		return fmt.Errorf("a typed array of %T has %d bytes, no multiple of %d", *new(T), len(data), size)
	}
	out := make([]T, len(data)/size)
	if nativeLittle {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(out))), len(data)), data)
	} else if _, err := binary.Decode(data, binary.LittleEndian, out); err != nil {
		return err
	}
	*a = out
	return nil
}

// View returns the elements of a typed array without copying them, as long as the machine's order and the data's
// alignment allow; otherwise a copy. b is one CBOR item; as long as the result lives, b must not change, nor may the
// result. Errors: [InvalidArgument] for anything else than a typed array of T.
func View[T Number](b []byte) ([]T, error) {
	data, tag, err := arrayData(b)
	size := int(unsafe.Sizeof(*new(T)))
	if err == nil && tag == arrayTag[T]() && len(data)%size == 0 && len(data) > 0 && nativeLittle &&
		uintptr(unsafe.Pointer(unsafe.SliceData(data)))%unsafe.Alignof(*new(T)) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/size), nil
	}
	var a Array[T]
	if err == nil && tag == 0 {
		err = fmt.Errorf("it is no typed array")
	}
	if err == nil {
		err = a.UnmarshalCBOR(b)
	}
	if err != nil {
		return nil, &Error{Op: "view", Kind: InvalidArgument, ID: fmt.Sprintf("%T", a), Err: shorten(err)}
	}
	return a, nil
}

// SetView is View into a, for who owns b and will not change it.
func (a *Array[T]) SetView(b []byte) error {
	v, err := View[T](b)
	if err == nil {
		*a = v
	}
	return err
}

// How the data of values is aligned, in bytes: a typed array's for its largest elements, an Arrow stream's as Arrow
// recommends.
const (
	alignArray = 8
	alignArrow = 64
)

// MakeAligned returns n bytes for a CBOR item that begins with head, placed so that a typed array or an Arrow stream in it
// is aligned, to 8 and to 64 bytes.
func MakeAligned(head []byte, n int) []byte {
	align := alignArray
	if isArrow(head) {
		align = alignArrow
	}
	room := make([]byte, n+align-1)
	if n == 0 {
		return room[:0]
	}
	data := int(uintptr(unsafe.Pointer(unsafe.SliceData(room)))) + ArrayOffset(head)
	shift := -data & (align - 1)
	return room[shift : shift+n]
}

// ArrayHead is how many bytes of an item tell [ArrayOffset] all.
const ArrayHead = 11

// ArrayOffset returns where in b, the beginning of a CBOR item, the data of a typed array or an Arrow stream lies, 0 if it
// is neither.
func ArrayOffset(b []byte) int {
	if len(b) < ArrayHead {
		return 0
	}
	_, at := typedArray(b) // of the byte string
	if isArrow(b) {
		at = 3
	}
	if at == 0 {
		return 0
	}
	switch head := b[at]; {
	case head < 0x40 || head > 0x5b:
		return 0
	case head < 0x58:
		return at + 1
	default:
		return at + 1 + 1<<(head-0x58)
	}
}

// isArrow is whether b begins with the tag of an Arrow stream.
func isArrow(b []byte) bool {
	return len(b) >= 3 && b[0] == 0xd9 && b[1] == TagArrow>>8 && b[2] == TagArrow&0xff
}

// typedArray returns the tag of a typed array and where the item behind it begins; 0 if b is something else.
func typedArray(b []byte) (tag uint64, at int) {
	switch {
	case len(b) >= 3 && b[0] == 0xd8:
		tag, at = uint64(b[1]), 2
	case len(b) >= 4 && b[0] == 0xd9 && b[1] == 0:
		tag, at = uint64(b[2]), 3
	}
	if tag < tagUint8 || tag > 87 {
		return 0, 0
	}
	return tag, at
}

// arrayData returns the data and the tag of a typed array; tag 0 if b is something else.
func arrayData(b []byte) (data []byte, tag uint64, err error) {
	tag, at := typedArray(b)
	if at == 0 {
		return nil, 0, nil
	}
	if b[at]>>5 != 2 {
		return nil, 0, fmt.Errorf("a typed array with tag %d does not hold a byte string", tag)
	}
	var n uint64
	rest := b[at+1:]
	switch info := b[at] & 0x1f; {
	case info < 24:
		n = uint64(info)
	case info <= 27 && len(rest) >= 1<<(info-24):
		for _, c := range rest[:1<<(info-24)] {
			n = n<<8 | uint64(c)
		}
		rest = rest[1<<(info-24):]
	default:
		return nil, 0, fmt.Errorf("the length of a typed array is cut off")
	}
	if n != uint64(len(rest)) {
		return nil, 0, fmt.Errorf("a typed array says %d bytes and has %d", n, len(rest))
	}
	return rest, tag, nil
}
