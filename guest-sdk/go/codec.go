package ray

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/fxamacker/cbor/v2"
	"github.com/raywasm/raywasm/spec"
)

// encMode and decMode are those of package spec, byte for byte (codec_test.go compares them), but for two things spec
// does not offer: encoding into a buffer of our own, and decoding refs into values of type any.
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
	}.UserBufferEncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:                cbor.DupMapKeyEnforcedAPF,
		IndefLength:              cbor.IndefLengthForbidden,
		MaxNestedLevels:          spec.MaxNesting,
		MaxArrayElements:         64 * spec.MiB,
		MaxMapPairs:              64 * spec.MiB,
		UTF8:                     cbor.UTF8RejectInvalid,
		IntDec:                   cbor.IntDecConvertSignedOrBigInt,
		DefaultMapType:           reflect.TypeFor[map[string]any](),
		TextUnmarshaler:          cbor.TextUnmarshalerTextString,
		ByteStringToString:       cbor.ByteStringToStringForbidden,
		FieldNameByteString:      cbor.FieldNameByteStringForbidden,
		UnrecognizedTagToAny:     cbor.UnrecognizedTagNumAndContentToAny,
		DefaultByteStringType:    reflect.TypeFor[[]byte](),
		ByteStringExpectedFormat: cbor.ByteStringExpectedFormatNone,
	}.DecModeWithTags(refTags()))
)

func refTags() cbor.TagSet {
	tags := cbor.NewTagSet()
	opts := cbor.TagOptions{DecTag: cbor.DecTagRequired}
	must(0, tags.Add(opts, reflect.TypeFor[ObjectRef](), spec.TagRef))
	must(0, tags.Add(opts, reflect.TypeFor[ActorHandle](), spec.TagActor))
	return tags
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("ray: " + err.Error()) // a mistake in the options above, found by the first test
	}
	return v
}

// encode and decode are the codec's state; mu guards both. A Ref's MarshalCBOR and UnmarshalCBOR find here which value
// they are part of.
var (
	encode encoder
	decode decoder
)

// keepBuffer is the largest buffer, in bytes, that is kept from one call to the next.
const keepBuffer = 1 * spec.MiB

// encoder holds values on their way to the host: their bytes one after another, and beside them the refs they contain.
type encoder struct {
	buf    []byte
	linked []uint32
	items  []item
	put    []uint32 // refs of large values, until they are passed
	first  int      // where the links of the value being encoded begin
	on     bool

	// What could not be encoded, the first of it.
	err     error
	badItem int // from 1
	badType string
	badRef  bool // it is a ref that was to be passed
}

// item is one value of an encoder, or a ref that stands for one.
type item struct {
	start, end           int // in buf
	firstLink, afterLink int // in linked
	ref                  uint32
	isRef                bool
}

// add takes b, the buffer with a value behind what was there. The value has no links.
func (e *encoder) add(b []byte) {
	e.items = append(e.items, item{start: len(e.buf), end: len(b), firstLink: len(e.linked), afterLink: len(e.linked)})
	e.buf = b
}

// slow encodes v by the codec. v's own methods may panic.
func (e *encoder) slow(v any) {
	if e.err != nil {
		return
	}
	if b, ok := appendPlain(e.buf, v); ok { // v is of an interface type
		e.add(b)
		return
	}
	start := len(e.buf)
	e.first, e.on = len(e.linked), true
	defer func() {
		if e.on { // v panicked
			e.done()
			mu.Unlock()
		}
	}()
	w := bytes.NewBuffer(e.buf)
	out, err := spec.Outgoing(nil, v)
	if err == nil {
		err = encMode.MarshalToBuffer(out, w)
	}
	e.buf, e.on = w.Bytes(), false
	if err != nil {
		e.badType = typeOf(v)
		e.refuse(err, false)
		return
	}
	e.items = append(e.items, item{start: start, end: len(e.buf), firstLink: e.first, afterLink: len(e.linked)})
}

// refuse notes why the next value cannot be encoded.
func (e *encoder) refuse(err error, ref bool) {
	if e.err == nil {
		e.err, e.badRef, e.badItem = err, ref, len(e.items)+1
	}
}

func (e *encoder) bytes(it *item) []byte   { return e.buf[it.start:it.end] }
func (e *encoder) links(it *item) []uint32 { return e.linked[it.firstLink:it.afterLink] }

// done forgets all values.
func (e *encoder) done() {
	if cap(e.buf) > keepBuffer {
		e.buf = nil
	}
	e.buf, e.linked, e.items, e.put = e.buf[:0], e.linked[:0], e.items[:0], e.put[:0]
	e.on, e.err = false, nil
}

// link notes h among the links of the value being encoded and returns its position. A handle is noted once.
func (e *encoder) link(h *handle) (int, error) {
	if !e.on {
		return 0, errors.New("a ref is only encoded as part of an argument, a result or a put value")
	}
	id, err := h.use("encode", "ref")
	if err != nil {
		return 0, err
	}
	links := e.linked[e.first:]
	for i := max(0, len(links)-lookBack); i < len(links); i++ {
		if links[i] == id {
			return i, nil
		}
	}
	e.linked = append(e.linked, id)
	return len(links), nil
}

// lookBack bounds the search for a handle noted before: values with many refs rarely repeat one, and a repetition only
// costs a place in the list.
const lookBack = 32

// encodeLink is MarshalCBOR of refs and actor handles: the tag around the position, null for a zero value.
func encodeLink(h *handle, tag uint64) ([]byte, error) {
	if h == nil {
		return []byte{0xf6}, nil
	}
	at, err := encode.link(h)
	if err != nil {
		return nil, err
	}
	position, err := encMode.Marshal(at)
	return append([]byte{tag16, byte(tag >> 8), byte(tag)}, position...), err
}

// tag16 is the CBOR head of a tag whose number takes 16 bits, as both of ours do.
const tag16 = 0xd9

// decoder holds the value being decoded, and the handles it contains once one of them is met.
type decoder struct {
	value   uint32 // the host's handle of the value, unless it is an argument
	arg     int    // which argument of the call, -1 for none
	handles []*handle
	fetched bool
	on      bool
}

// into decodes b. If it is nobody else's, v may go on using it.
func (d *decoder) into(b []byte, own bool, v any) error {
	if readPlain(b, v) {
		return nil
	}
	if a, ok := v.(interface{ SetView([]byte) error }); ok && own && a.SetView(b) == nil {
		return nil
	}
	d.on = true
	defer d.done() // v's own methods may panic
	into, fill, err := spec.Incoming(nil, v)
	if err == nil {
		err = decMode.Unmarshal(b, into)
	}
	if err == nil && fill != nil {
		err = fill()
	}
	if err != nil {
		return &mismatch{shape(b), err}
	}
	return nil
}

// done forgets the value.
func (d *decoder) done() {
	d.on, d.fetched = false, false
	clear(d.handles)
	d.handles = d.handles[:0]
}

// readAll returns the bytes of the host's value of that handle, which is there.
func readAll(value uint32) ([]byte, error) {
	n, head, err := readStart(value)
	if err != nil {
		return nil, err
	}
	b := spec.MakeAligned(head[:], int(n))
	return b, check(hostRead(value, 0, b), "read a value")
}

// readStart returns how long a value is and how it begins.
func readStart(value uint32) (n int64, head [spec.ArrayHead]byte, err error) {
	if n = hostSize(value); n < 0 {
		return 0, head, lastError(spec.Kind(-n), "read a value")
	}
	return n, head, check(hostRead(value, 0, head[:min(n, spec.ArrayHead)]), "read a value")
}

// readLarge decodes a value by readAll, but for a byte string, which is copied to where it is wanted.
func (d *decoder) readLarge(value uint32, v any) error {
	if p, ok := v.(*[]byte); ok {
		n, head, err := readStart(value)
		if err != nil {
			return err
		}
		if major, size, rest, ok := readHead(head[:]); ok && major == majorBytes && uint64(n) == size+uint64(len(head)-len(rest)) {
			*p = make([]byte, size)
			return check(hostRead(value, n-int64(size), *p), "read a value")
		}
	}
	b, err := readAll(value)
	if err != nil {
		return err
	}
	return d.into(b, true, v)
}

// link returns the handle at a position of the value being decoded. The value's handles are fetched from the host all at
// once, when the first is asked for; those that nobody asks for are collected like any other.
func (d *decoder) link(at uint64) (*handle, error) {
	if !d.on {
		return nil, errors.New("a ref is only decoded as part of an argument or a result")
	}
	if !d.fetched {
		if err := d.fetch(); err != nil {
			return nil, err
		}
	}
	if at >= uint64(len(d.handles)) {
		return nil, errors.New("a ref points outside the value's list of refs")
	}
	return d.handles[at], nil
}

func (d *decoder) fetch() error {
	d.fetched = true
	if d.arg >= 0 {
		id := hostArg(d.arg)
		if err := check(id, "read the refs of an argument"); err != nil {
			return err
		}
		d.value = uint32(id)
	}
	ids := make([]uint32, 8)
	n := hostLinks(d.value, ids)
	if int(n) > len(ids) {
		ids = make([]uint32, n)
		n = hostLinks(d.value, ids)
	}
	if err := check(n, "read the refs of a value"); err != nil {
		return err
	}
	for _, id := range ids[:n] {
		d.handles = append(d.handles, newHandle(id))
	}
	return nil
}

// decodeLink is UnmarshalCBOR of refs and actor handles.
func decodeLink(b []byte, tag uint64, want string) (*handle, error) {
	if len(b) == 1 && b[0] == 0xf6 {
		return nil, nil
	}
	if len(b) < 4 || b[0] != tag16 || uint64(b[1])<<8|uint64(b[2]) != tag {
		return nil, errors.New("want " + want + ", got " + shape(b))
	}
	var at uint64
	if err := decMode.Unmarshal(b[3:], &at); err != nil {
		return nil, err
	}
	return decode.link(at)
}

// mismatch is a value that did not fit the Go type it was decoded into.
type mismatch struct {
	came string
	err  error
}

func (m *mismatch) Error() string { return m.err.Error() }
func (m *mismatch) Unwrap() error { return m.err }
