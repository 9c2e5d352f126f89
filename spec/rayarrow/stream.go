package rayarrow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A stream is read in place: its messages are parts of its bytes, and so are the buffers of the columns.

// readStream reads and checks all of a stream. Errors contain nothing of b.
func readStream(b []byte) (t Table, err error) {
	defer func() {
		if p := recover(); p != nil { // of the library's: it expects streams that are consistent
			t, err = Table{}, fmt.Errorf("the Arrow stream is damaged: %v", p)
		}
	}()
	budget := &budget{left: int64(len(b)) + 4096}
	m := &messages{rest: b}
	r, err := ipc.NewReaderFromMessageReader(m, ipc.WithAllocator(budget), ipc.WithEnsureNativeEndian(false))
	if err != nil {
		return Table{}, err
	}
	t.Schema = r.Schema()
	if !t.Schema.IsNativeEndian() {
		return Table{}, errors.New("the Arrow stream is not in this machine's order of bytes")
	}
	again := replayed * (int64(len(b)) + 4096)
	for r.Next() {
		batch := r.RecordBatch()
		for i, c := range batch.Columns() {
			if int64(c.Len()) != batch.NumRows() {
				return Table{}, fmt.Errorf("batch %d, column %d has %d rows of %d", len(t.Batches), i, c.Len(), batch.NumRows())
			}
			if again -= dictionaries(c.Data()); again < 0 {
				return Table{}, errors.New("the Arrow stream has too many batches for its dictionaries")
			}
			if err := validate(c); err != nil {
				return Table{}, fmt.Errorf("batch %d, column %d: %w", len(t.Batches), i, err)
			}
		}
		batch.Retain() // Next releases it
		t.Batches = append(t.Batches, batch)
	}
	if err := r.Err(); err != nil {
		return Table{}, err
	}
	if !m.ended {
		return Table{}, errCut
	}
	return t, nil
}

// replayed bounds how often the dictionaries of a stream are checked, which every batch does: so many entries for a byte
// of the stream.
const replayed = 16

// dictionaries counts the entries of all dictionaries in an array.
func dictionaries(a arrow.ArrayData) (n int64) {
	if d, _ := a.Dictionary().(*array.Data); d != nil {
		n = int64(d.Len()) + dictionaries(d)
	}
	for _, c := range a.Children() {
		n += dictionaries(c)
	}
	return n
}

// validate checks all of an array. The library's reader leaves out buffers that its validation wants to be there, though
// empty: those are filled in first.
func validate(c arrow.Array) error {
	d := complete(c.Data())
	if d == c.Data() {
		return array.ValidateFull(c)
	}
	return array.ValidateFull(array.MakeFromData(d))
}

// complete returns a with the buffer of nulls, which is always absent, and that of an empty union's offsets; a itself if
// nothing was left out.
func complete(a arrow.ArrayData) arrow.ArrayData {
	buffers, changed := a.Buffers(), false
	switch id := a.DataType().ID(); {
	case id == arrow.NULL && len(buffers) == 0:
		buffers, changed = []*memory.Buffer{nil}, true
	case id == arrow.DENSE_UNION && a.Len() == 0 && buffers[2] == nil:
		buffers, changed = []*memory.Buffer{buffers[0], buffers[1], memory.NewBufferBytes(nil)}, true
	}
	children := make([]arrow.ArrayData, len(a.Children()))
	for i, c := range a.Children() {
		children[i] = complete(c)
		changed = changed || children[i] != c
	}
	dict, _ := a.Dictionary().(*array.Data)
	if dict != nil {
		full := complete(dict).(*array.Data)
		changed, dict = changed || full != dict, full
	}
	if !changed {
		return a
	}
	d := array.NewData(a.DataType(), a.Len(), buffers, children, a.NullN(), a.Offset())
	d.SetDictionary(dict)
	return d
}

var errCut = errors.New("the Arrow stream is cut off")

// messages are the messages of a stream, as an [ipc.MessageReader].
type messages struct {
	rest   []byte
	layout layout
	ended  bool
}

// Message returns the next message.
//
//	ff ff ff ff | n, little-endian | n bytes of metadata | the body, whose length the metadata says
func (m *messages) Message() (*ipc.Message, error) {
	if m.ended {
		return nil, io.EOF
	}
	if len(m.rest) < 8 {
		return nil, errCut
	}
	if binary.LittleEndian.Uint32(m.rest) != 0xffffffff {
		return nil, errors.New("a message of the Arrow stream does not begin with ffffffff")
	}
	n := int64(binary.LittleEndian.Uint32(m.rest[4:]))
	m.rest = m.rest[8:]
	switch {
	case n == 0 && len(m.rest) > 0:
		return nil, fmt.Errorf("%d bytes follow the end of the Arrow stream", len(m.rest))
	case n == 0:
		m.ended = true
		return nil, io.EOF
	case n > int64(len(m.rest)):
		return nil, errCut
	}
	meta := m.rest[:n:n]
	m.rest = m.rest[n:]
	size, err := m.layout.check(meta, int64(len(m.rest)))
	if err != nil {
		return nil, err
	}
	body := m.rest[:size:size]
	m.rest = m.rest[size:]
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

// Retain and Release do nothing: the bytes are the garbage collector's.
func (m *messages) Retain()  {}
func (m *messages) Release() {}

// budget is an allocator that ends the reading of a stream which asks for more than it has bytes, all in all: columns lie
// in the stream, only dictionaries that arrive in pieces are put together.
type budget struct{ left int64 }

func (b *budget) Allocate(n int) []byte {
	if b.left -= int64(n); n < 0 || b.left < 0 {
		panic("it takes more memory than it has bytes")
	}
	return memory.DefaultAllocator.Allocate(n)
}

func (b *budget) Reallocate(n int, old []byte) []byte {
	if n <= cap(old) {
		return old[:n]
	}
	grown := b.Allocate(n)
	copy(grown, old)
	return grown
}

func (b *budget) Free([]byte) {}
