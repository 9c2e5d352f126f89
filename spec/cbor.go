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

// encMode is RFC 8949 core deterministic encoding; decOptions are strict and bounded.
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
	decOptions = cbor.DecOptions{
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
	}
	decMode = must(decOptions.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("spec: " + err.Error()) // a mistake in the options above, found by the first test
	}
	return v
}

// Codec is what stands behind the plans of types: it encodes what they do not know, and decodes that and whatever is in a
// form that they do not write.
type Codec struct {
	context any // for the functions of [RegisterLink]
	dec     cbor.DecMode
}

var plainCodec = &Codec{dec: decMode}

// NewCodec returns a codec that decodes items with those tags to their types, in interfaces, too.
func NewCodec(tags cbor.TagSet) (*Codec, error) {
	dec, err := decOptions.DecModeWithTags(tags)
	return &Codec{dec: dec}, err
}

// encode encodes a value.
func (c *Codec) encode(v any) ([]byte, error) {
	out, err := outgoing(c.context, v)
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(out)
}

// decodeFirst decodes the item with which b begins into v, a pointer.
func (c *Codec) decodeFirst(b []byte, v any) (rest []byte, err error) {
	into, fill, err := incoming(c.context, v)
	if err == nil {
		rest, err = c.dec.UnmarshalFirst(b, into)
	}
	if err == nil && fill != nil {
		err = fill()
	}
	return rest, err
}

// Decode decodes exactly one CBOR item into v, a pointer to a zero value. If the value may keep b, which nobody changes then,
// its buffers are left in place. Errors are the codec's, of no kind.
func (c *Codec) Decode(b []byte, keep bool, v any) error {
	if r := (reader{codec: c, whole: b, rest: b, own: keep}); r.read(v) {
		return nil
	}
	return c.merge(b, v)
}

// merge decodes exactly one CBOR item into v, by the codec alone: what is in v already stays where b says nothing of it.
func (c *Codec) merge(b []byte, v any) error {
	into, fill, err := incoming(c.context, v)
	if err == nil {
		err = c.dec.Unmarshal(b, into)
	}
	if err == nil && fill != nil {
		err = fill()
	}
	return err
}

// Marshal encodes v deterministically. Types with a registered serializer travel as that says ([RegisterSerializer]).
func Marshal(v any) ([]byte, error) { return MarshalWith(nil, v) }

// MarshalWith is Marshal for a value that may contain links: c goes to the functions of [RegisterLink].
func MarshalWith(c, v any) ([]byte, error) {
	w, f, err := WriteWith(c, v)
	if err != nil {
		return nil, err
	}
	return w.Joined(f), nil
}

// WriteWith is MarshalWith for who does not need the bytes in one piece.
func WriteWith(c, v any) (*Writer, Form, error) {
	w := &Writer{codec: &Codec{context: c, dec: decMode}}
	f, err := w.Value(&v)
	if err != nil {
		return nil, f, &Error{Op: "encode", Kind: Unserializable, ID: typeName(v), Err: err}
	}
	return w, f, nil
}

// Unmarshal decodes exactly one CBOR item into v, a non-nil pointer.
func Unmarshal(b []byte, v any) error { return UnmarshalWith(nil, b, v) }

// UnmarshalWith is Unmarshal for a value that may contain links.
func UnmarshalWith(c any, b []byte, v any) error { return decodeWith(c, b, false, v) }

// ViewWith is UnmarshalWith for a value that may keep b, which nobody changes then: large byte strings and typed arrays in it
// are left in place.
func ViewWith(c any, b []byte, v any) error { return decodeWith(c, b, true, v) }

func decodeWith(c any, b []byte, keep bool, v any) error {
	codec := Codec{context: c, dec: decMode}
	decode := codec.merge
	if target := reflect.ValueOf(v); target.Kind() == reflect.Pointer && !target.IsNil() && target.Elem().IsZero() {
		decode = func(b []byte, v any) error { return codec.Decode(b, keep, v) }
	}
	if err := decode(b, v); err != nil {
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
