package spec

import (
	"errors"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// CBOR tags of raywasm, from the first-come range that IANA has not assigned (RFC 8949 section 9.2). The content of
// TagRef and TagActor is an unsigned integer: the position of the reference in the list that travels beside the bytes.
// That of TagArrow is a byte string: an Arrow IPC stream, which package rayarrow writes and reads.
const (
	TagRef   = 55801
	TagActor = 55802
	TagArrow = 55803
)

// encMode is RFC 8949 core deterministic encoding; decMode is strict and bounded.
var (
	encMode = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		ShortestFloat: cbor.ShortestFloat16,
		NaNConvert:    cbor.NaNConvert7e00,
		InfConvert:    cbor.InfConvertFloat16,
		IndefLength:   cbor.IndefLengthForbidden,
		Time:          cbor.TimeRFC3339Nano,
		TimeTag:       cbor.EncTagRequired,
		TextMarshaler: cbor.TextMarshalerTextString,
	}.EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:                cbor.DupMapKeyEnforcedAPF,
		IndefLength:              cbor.IndefLengthForbidden,
		MaxNestedLevels:          MaxNesting,
		MaxArrayElements:         64 * MiB,
		MaxMapPairs:              64 * MiB,
		UTF8:                     cbor.UTF8RejectInvalid,
		IntDec:                   cbor.IntDecConvertSignedOrBigInt,
		DefaultMapType:           reflect.TypeFor[map[string]any](),
		TextUnmarshaler:          cbor.TextUnmarshalerTextString,
		ByteStringToString:       cbor.ByteStringToStringForbidden,
		FieldNameByteString:      cbor.FieldNameByteStringForbidden,
		UnrecognizedTagToAny:     cbor.UnrecognizedTagNumAndContentToAny,
		DefaultByteStringType:    reflect.TypeFor[[]byte](),
		ByteStringExpectedFormat: cbor.ByteStringExpectedFormatNone,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("spec: " + err.Error()) // a mistake in the options above, found by the first test
	}
	return v
}

// Marshal encodes v deterministically. Types with a registered serializer travel as that says ([RegisterSerializer]).
func Marshal(v any) ([]byte, error) { return MarshalWith(nil, v) }

// MarshalWith is Marshal for a value that may contain links: c goes to the functions of [RegisterLink].
func MarshalWith(c, v any) ([]byte, error) {
	out, err := Outgoing(c, v)
	var b []byte
	if err == nil {
		b, err = encMode.Marshal(out)
	}
	if err != nil {
		return nil, &Error{Op: "encode", Kind: Unserializable, ID: typeName(v), Err: err}
	}
	return b, nil
}

// Unmarshal decodes exactly one CBOR item into v, a non-nil pointer.
func Unmarshal(b []byte, v any) error { return UnmarshalWith(nil, b, v) }

// UnmarshalWith is Unmarshal for a value that may contain links.
func UnmarshalWith(c any, b []byte, v any) error {
	into, fill, err := Incoming(c, v)
	if err == nil {
		err = decMode.Unmarshal(b, into)
	}
	if err == nil && fill != nil {
		err = fill()
	}
	if err != nil {
		return &Error{Op: "decode", Kind: InvalidArgument, ID: typeName(v), Err: shorten(err)}
	}
	return nil
}

// WellFormed checks that b is exactly one CBOR item within the limits.
func WellFormed(b []byte) error {
	if err := decMode.Wellformed(b); err != nil {
		return &Error{Op: "decode", Kind: InvalidArgument, Err: shorten(err)}
	}
	return nil
}

func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return "nil"
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.String()
}

// shorten keeps the message of a decoding error and drops what may alias the input.
func shorten(err error) error { return errors.New(clip(err.Error(), MaxErrorText)) }
