package spec

import (
	"bytes"
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
// One of 64 KiB and more, and one that is made in place, has a head with longer forms of the same numbers, so that its
// elements are aligned where the value that it is part of begins at a multiple of 8. If it is a value itself, these are 8
// bytes:
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
		return []byte{cborNull}, nil
	}
	size := int(unsafe.Sizeof(*new(T)))
	b := make([]byte, 0, ArrayHead+size*len(a))
	b = appendArrayHead(b, a.arrayTag(), uint64(size*len(a)), 0)
	if nativeLittle {
		return append(b, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a))), size*len(a))...), nil
	}
	return binary.Append(b, binary.LittleEndian, []T(a))
}

// arrayTag is the tag of an Array's type.
func (Array[T]) arrayTag() uint64 { return arrayTag[T]() }

// Head returns what stands before n elements in an item that is made in place, 8 bytes (24 from 4 GiB on), and how many bytes
// the elements take.
func (a Array[T]) Head(n int) (head []byte, bytes int64) {
	bytes = int64(n) * int64(unsafe.Sizeof(*new(T)))
	if bytes <= math.MaxUint32 {
		return binary.BigEndian.AppendUint32([]byte{majorTag | 25, 0, byte(a.arrayTag()), majorBytes | 26}, uint32(bytes)), bytes
	}
	return appendArrayHead(nil, a.arrayTag(), uint64(bytes), 0), bytes
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
const ArrayHead = 24

// ArrayOffset returns where in b, the beginning of a CBOR item, the data of a typed array or an Arrow stream lies, 0 if it
// is neither.
func ArrayOffset(b []byte) int {
	_, at := typedArray(b) // of the byte string
	if isArrow(b) {
		at = 3
	}
	if at == 0 || at >= len(b) {
		return 0
	}
	major, _, rest, ok := readHead(b[at:])
	if !ok || major != majorBytes {
		return 0
	}
	return len(b) - len(rest)
}

// isArrow is whether b begins with the tag of an Arrow stream.
func isArrow(b []byte) bool {
	return len(b) >= 3 && b[0] == 0xd9 && b[1] == TagArrow>>8 && b[2] == TagArrow&0xff
}

// typedArray returns the tag of a typed array and where the item behind it begins; 0 if b is something else.
func typedArray(b []byte) (tag uint64, at int) {
	rest := b
	for range maxNothings {
		rest = bytes.TrimPrefix(rest, []byte(nothing))
	}
	major, tag, rest, ok := readHead(rest)
	if !ok || major != majorTag || tag < tagUint8 || tag > 87 {
		return 0, 0
	}
	return tag, len(b) - len(rest)
}

// arrayData returns the data and the tag of a typed array; tag 0 if b is something else.
func arrayData(b []byte) (data []byte, tag uint64, err error) {
	tag, at := typedArray(b)
	if at == 0 {
		return nil, 0, nil
	}
	major, n, data, ok := readHead(b[at:])
	switch {
	case !ok:
		return nil, 0, fmt.Errorf("the length of a typed array is cut off")
	case major != majorBytes:
		return nil, 0, fmt.Errorf("a typed array with tag %d does not hold a byte string", tag)
	case n != uint64(len(data)):
		return nil, 0, fmt.Errorf("a typed array says %d bytes and has %d", n, len(data))
	}
	return data, tag, nil
}
