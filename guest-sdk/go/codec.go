package ray

import (
	"errors"
	"reflect"

	"github.com/fxamacker/cbor/v2"
	"github.com/raywasm/raywasm/spec"
)

// codec is that of package spec, which also makes refs of their tags where a value has an any.
var codec = must(spec.NewCodec(refTags()))

func refTags() cbor.TagSet {
	tags := cbor.NewTagSet()
	opts := cbor.TagOptions{DecTag: cbor.DecTagRequired}
	must(0, tags.Add(opts, reflect.TypeFor[ObjectRef](), spec.TagRef))
	must(0, tags.Add(opts, reflect.TypeFor[ActorHandle](), spec.TagActor))
	return tags
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("ray: " + err.Error()) // a mistake in the tags above, found by the first test
	}
	return v
}

// encode and decode are the codec's state; mu guards both. A Ref's MarshalCBOR and UnmarshalCBOR find here which value
// they are part of.
var (
	encode = encoder{w: spec.NewWriter(codec)}
	decode decoder
)

// keepRoom is how many bytes of room for encodings are kept from one call to the next.
const keepRoom = 1 * spec.MiB

// encoder holds values on their way to the host: their bytes one after another, and beside them the refs they contain. Large
// byte strings and arrays are where the values have them.
type encoder struct {
	w      *spec.Writer
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
	form                 spec.Form
	firstLink, afterLink int // in linked
	ref                  uint32
	isRef                bool
}

// plain encodes v if it is of a plain type; it has no links then.
func (e *encoder) plain(v any) bool {
	form, ok := e.w.Plain(v)
	if ok {
		e.items = append(e.items, item{form: form, firstLink: len(e.linked), afterLink: len(e.linked)})
	}
	return ok
}

// slow encodes what p, a pointer, points to. The value's own methods may panic.
func (e *encoder) slow(p any) {
	if e.err != nil {
		return
	}
	e.first, e.on = len(e.linked), true
	defer func() {
		if e.on { // one panicked
			e.done()
			mu.Unlock()
		}
	}()
	form, err := e.w.Value(p)
	e.on = false
	if err != nil {
		e.badType = typeOf(reflect.ValueOf(p).Elem().Interface())
		e.refuse(err, false)
		return
	}
	e.items = append(e.items, item{form: form, firstLink: e.first, afterLink: len(e.linked)})
}

// refuse notes why the next value cannot be encoded.
func (e *encoder) refuse(err error, ref bool) {
	if e.err == nil {
		e.err, e.badRef, e.badItem = err, ref, len(e.items)+1
	}
}

func (e *encoder) links(it *item) []uint32 { return e.linked[it.firstLink:it.afterLink] }

// hand gives an item to a function of the host that takes a value.
func (e *encoder) hand(it *item, to func(p []byte, links []uint32) int32) (status int32) {
	whole := e.w.Whole(it.form)
	if whole == nil {
		if status = hostPieces(e.w.Pieces(it.form)); status < 0 {
			return status
		}
	}
	return to(whole, e.links(it))
}

// done forgets all values.
func (e *encoder) done() {
	e.w.Reset(keepRoom)
	e.linked, e.items, e.put = e.linked[:0], e.items[:0], e.put[:0]
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
		return []byte{null}, nil
	}
	at, err := encode.link(h)
	if err != nil {
		return nil, err
	}
	b, _ := spec.AppendPlain([]byte{tag16, byte(tag >> 8), byte(tag)}, at)
	return b, nil
}

// tag16 is the CBOR head of a tag whose number takes 16 bits, as both of ours do; null is a null.
const (
	tag16 = 0xd9
	null  = 0xf6
)

// decoder holds the value being decoded, and the handles it contains once one of them is met.
type decoder struct {
	value   uint32 // the host's handle of the value, unless it is an argument
	arg     int    // which argument of the call, -1 for none
	handles []*handle
	fetched bool
	on      bool
}

// into decodes b. If it is nobody else's, v may go on using it: large byte strings and arrays are then left in place.
func (d *decoder) into(b []byte, own bool, v any) error {
	if spec.ReadPlain(b, v) {
		return nil
	}
	d.on = true
	defer d.done() // v's own methods may panic
	if err := codec.Decode(b, own, v); err != nil {
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
	n := hostSize(value)
	if n < 0 {
		return nil, lastError(spec.Kind(-n), "read a value")
	}
	var head [spec.ArrayHead]byte
	if err := check(hostRead(value, 0, head[:min(n, spec.ArrayHead)]), "read a value"); err != nil {
		return nil, err
	}
	b := spec.MakeAligned(head[:], int(n))
	return b, check(hostRead(value, 0, b), "read a value")
}

// readLarge decodes a value by readAll.
func (d *decoder) readLarge(value uint32, v any) error {
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
	if len(b) == 1 && b[0] == null {
		return nil, nil
	}
	if len(b) < 4 || b[0] != tag16 || uint64(b[1])<<8|uint64(b[2]) != tag {
		return nil, errors.New("want " + want + ", got " + shape(b))
	}
	var at int64
	if !spec.ReadPlain(b[3:], &at) || at < 0 {
		return nil, errors.New("want the position of " + want + ", got " + shape(b[3:]))
	}
	return decode.link(uint64(at))
}

// mismatch is a value that did not fit the Go type it was decoded into.
type mismatch struct {
	came string
	err  error
}

func (m *mismatch) Error() string { return m.err.Error() }
func (m *mismatch) Unwrap() error { return m.err }
