package rayarrow

import (
	"errors"
	"fmt"
	"math"

	flatbuffers "github.com/google/flatbuffers/go"
)

// The metadata of messages, checked before the library reads it: it makes slices as long as a FlatBuffer says, follows
// fields as deep as they go, and those of a FlatBuffer may share their parts. Tables and their fields are those of Arrow's
// Message.fbs and Schema.fbs; a number below is where a field stands in its table's vtable.

const (
	version5 = 4 // of the metadata: Arrow 1.0 and later

	schemaMessage     = 1
	dictionaryMessage = 2
	batchMessage      = 3

	timestampType = 10
	unionType     = 14
)

// buffers says how many buffers an array of each type has in a message, by the type's number. A union has one more if it
// is dense, an array of views as many more as its batch says.
var buffers = [...]int64{
	1: 0 /* null */, 2: 2 /* integers */, 3: 2 /* floats */, 4: 3 /* binary */, 5: 3 /* text */, 6: 2 /* bool */, 7: 2 /* decimal */, 8: 2, /* date */
	9: 2 /* time */, timestampType: 2, 11: 2 /* interval */, 12: 2 /* list */, 13: 1 /* struct */, unionType: 1, 15: 2, /* fixed-size binary */
	16: 1 /* fixed-size list */, 17: 2 /* map */, 18: 2 /* duration */, 19: 3 /* large binary */, 20: 3 /* large text */, 21: 2, /* large list */
	runsType: 0 /* run-end encoded */, binaryViewType: 2, textViewType: 2, 25: 3 /* list view */, 26: 3, /* large list view */
}

const (
	runsType       = 22
	binaryViewType = 23
	textViewType   = 24

	// maxDepth bounds how deep types may be nested, as the library does.
	maxDepth = 64
	// shared is how many times the bytes of a message may be met while it is walked: parts may be shared, a little.
	shared = 4
	// maxRows bounds the length of an array, as the format recommends. Those of nulls and runs have no bytes to bound it.
	maxRows = math.MaxInt32
)

// needs is what a batch must have, at the least: the library does not ask how much there is. In dictionaries it reads unions
// and runs as of old, each with a bitmap: those count as bare.
type needs struct{ nodes, buffers, views, bare int64 }

func (n needs) plus(m needs) needs {
	return needs{n.nodes + m.nodes, n.buffers + m.buffers, n.views + m.views, n.bare + m.bare}
}

// layout is what the schema says of the messages after it: what a record batch needs, and a dictionary by its id.
type layout struct {
	batch        needs
	dictionaries map[int64]needs
	known        bool
}

// check checks a message's metadata, which size bytes of the stream follow, and returns the length of its body. The first
// message is the schema.
func (l *layout) check(meta []byte, size int64) (body int64, err error) {
	defer func() {
		if p := recover(); p != nil { // an offset points out of the message
			err = errors.New("the metadata of a message in the Arrow stream is damaged")
		}
	}()
	w := &walk{left: shared * int64(len(meta)), layout: l}
	m := table{flatbuffers.Table{Bytes: meta, Pos: flatbuffers.GetUOffsetT(meta)}}
	if w.size = m.int64(10); w.size < 0 || w.size > size {
		return 0, fmt.Errorf("a message in the Arrow stream has a body of %d bytes, and %d follow", w.size, size)
	}
	if v := m.GetInt16Slot(4, 0); v != version5 {
		return 0, fmt.Errorf("the Arrow stream is of metadata version %d: want that of Arrow 1.0", v+1)
	}
	w.pairs(m, 12)
	header, ok := m.union(8)
	if !ok {
		return 0, errors.New("a message in the Arrow stream has no header")
	}
	kind := m.GetByteSlot(6, 0)
	if l.known == (kind == schemaMessage) {
		return 0, errors.New("a schema is the first message of an Arrow stream, and only that")
	}
	switch kind {
	case schemaMessage:
		if header.GetInt16Slot(4, 0) != 0 {
			return 0, errors.New("the Arrow stream is big-endian")
		}
		l.known, l.dictionaries = true, make(map[int64]needs)
		w.pairs(header, 8)
		l.batch = w.fields(header, 6, 0)
	case dictionaryMessage:
		want, ok := l.dictionaries[header.int64(4)]
		data, has := header.table(6)
		if !ok || !has {
			return 0, errors.New("a dictionary in the Arrow stream has no data, or belongs to no column")
		}
		w.batch(data, want)
	case batchMessage:
		w.batch(header, l.batch)
	default:
		return 0, fmt.Errorf("a message in the Arrow stream is of kind %d: want a schema, dictionaries and record batches", kind)
	}
	return w.size, w.err
}

// walk goes through a message once, with a budget of bytes.
type walk struct {
	left, size int64 // size is the body's
	layout     *layout
	err        error
}

func (w *walk) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// pay takes n bytes off the budget and reports whether the walk goes on.
func (w *walk) pay(n int64) bool {
	if w.left -= n; n < 0 || w.left < 0 {
		w.fail("the metadata of a message in the Arrow stream says more than it has bytes for")
	}
	return w.err == nil
}

// vector returns the number of elements, each of width bytes, that a field's vector has, 0 after an error.
func (w *walk) vector(t table, slot flatbuffers.VOffsetT, width int64) int {
	o := t.at(slot)
	if o == 0 {
		return 0
	}
	n := t.VectorLen(o)
	if !w.pay(4 + int64(n)*width) {
		return 0
	}
	return n
}

// pairs walks metadata: a vector of tables with two texts.
func (w *walk) pairs(t table, slot flatbuffers.VOffsetT) {
	for i := range w.vector(t, slot, 4) {
		if !w.pay(8) {
			return
		}
		pair := t.element(slot, i)
		w.vector(pair, 4, 1) // the key
		w.vector(pair, 6, 1)
	}
}

// fields walks the fields of a schema, or those that a field has inside, and returns what they need.
func (w *walk) fields(t table, slot flatbuffers.VOffsetT, depth int) (all needs) {
	n := w.vector(t, slot, 4)
	if n > 0 && depth == maxDepth {
		w.fail("the types of the Arrow stream are nested more than %d deep", maxDepth)
	}
	for i := 0; i < n && w.pay(8); i++ {
		all = all.plus(w.field(t.element(slot, i), depth))
	}
	return all
}

// field walks one field. One with a dictionary has indices in the batch, and its type is that of the dictionary.
func (w *walk) field(f table, depth int) needs {
	w.vector(f, 4, 1) // the name
	w.pairs(f, 16)
	typ, ok := f.union(10)
	kind := f.GetByteSlot(8, 0)
	if !ok || kind == 0 || int(kind) >= len(buffers) {
		w.fail("a column of the Arrow stream has a type of number %d, which is not known", kind)
		return needs{}
	}
	need := needs{nodes: 1, buffers: buffers[kind]}
	switch kind {
	case timestampType:
		w.vector(typ, 6, 1) // the time zone
	case unionType:
		w.vector(typ, 6, 4) // the types' ids
		need.buffers += int64(typ.GetInt16Slot(4, 0) & 1)
		need.bare = 1
	case runsType:
		need.bare = 1
	case binaryViewType, textViewType:
		need.views = 1
	}
	need = need.plus(w.fields(f, 14, depth+1))
	dictionary, ok := f.table(12)
	if !ok {
		return need
	}
	id := dictionary.int64(4)
	was := w.layout.dictionaries[id]
	w.layout.dictionaries[id] = needs{max(was.nodes, need.nodes), max(was.buffers, need.buffers+need.bare), max(was.views, need.views), 0}
	return needs{nodes: 1, buffers: 2}
}

// batch checks lengths and places of a record batch. Its buffers are apart from each other, so that no byte is read more
// often than it is there.
func (w *walk) batch(t table, want needs) {
	if n := t.int64(4); n < 0 || n > maxRows {
		w.fail("a record batch of the Arrow stream has %d rows: up to %d are allowed", n, maxRows)
	}
	if t.at(10) != 0 {
		w.fail("the Arrow stream is compressed: write it without compression, so that it can be read in place")
	}
	has := needs{int64(w.vector(t, 6, 16)), int64(w.vector(t, 8, 16)), int64(w.vector(t, 12, 8)), 0}
	for i := range has.nodes { // the arrays' lengths and nulls
		if n, nulls := t.pair(6, i); n < 0 || n > maxRows || nulls < 0 || nulls > n {
			w.fail("an array of the Arrow stream has %d values and %d nulls: up to %d are allowed", n, nulls, maxRows)
		}
	}
	left := w.size
	for i := range has.buffers {
		at, n := t.pair(8, i)
		if n < 0 || n > left || at < 0 || at > w.size-n || at%8 != 0 {
			w.fail("a buffer of the Arrow stream, %d bytes at %d, is not within the message's %d, on its own, at a multiple of 8", n, at, w.size)
			return
		}
		left -= n
	}
	for i := range has.views { // how many buffers an array of views has
		n := t.GetInt64(t.Vector(t.at(12)) + flatbuffers.UOffsetT(i)*8)
		if n < 0 || n > has.buffers {
			w.fail("an array of the Arrow stream has %d buffers: there are %d", n, has.buffers)
			return
		}
		want.buffers += n
	}
	if has.nodes < want.nodes || has.buffers < want.buffers || has.views < want.views {
		w.fail("a batch of the Arrow stream has %d arrays with %d buffers: its schema needs %d with %d", has.nodes, has.buffers, want.nodes, want.buffers)
	}
}

// table reads FlatBuffers. What points out of them panics.
type table struct{ flatbuffers.Table }

// at returns where a field is, 0 if it is absent.
func (t table) at(slot flatbuffers.VOffsetT) flatbuffers.UOffsetT {
	return flatbuffers.UOffsetT(t.Offset(slot))
}

func (t table) int64(slot flatbuffers.VOffsetT) int64 { return t.GetInt64Slot(slot, 0) }

// table returns a field that is a table.
func (t table) table(slot flatbuffers.VOffsetT) (table, bool) {
	o := t.at(slot)
	if o == 0 {
		return table{}, false
	}
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(o + t.Pos)}}, true
}

// union returns the table of a union.
func (t table) union(slot flatbuffers.VOffsetT) (u table, ok bool) {
	o := t.at(slot)
	if o != 0 {
		t.Union(&u.Table, o)
	}
	return u, o != 0
}

// element returns a table of a vector.
func (t table) element(slot flatbuffers.VOffsetT, i int) table {
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(t.Vector(t.at(slot)) + flatbuffers.UOffsetT(i)*4)}}
}

// pair returns a struct of two integers of a vector.
func (t table) pair(slot flatbuffers.VOffsetT, i int64) (a, b int64) {
	o := t.Vector(t.at(slot)) + flatbuffers.UOffsetT(i)*16
	return t.GetInt64(o), t.GetInt64(o + 8)
}
