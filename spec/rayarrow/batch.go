package rayarrow

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Batch is a record batch that travels as a value. The zero Batch is null.
type Batch struct{ arrow.RecordBatch }

// MarshalCBOR encodes a stream with one batch.
func (b Batch) MarshalCBOR() ([]byte, error) {
	if b.RecordBatch == nil {
		return []byte{null}, nil
	}
	return encode(b.Schema(), []arrow.RecordBatch{b.RecordBatch})
}

// UnmarshalCBOR decodes a stream with one batch. The data is copied, once.
func (b *Batch) UnmarshalCBOR(item []byte) error { return b.set(item, copied) }

// SetView is UnmarshalCBOR without the copy, for who owns the item and will not change it.
func (b *Batch) SetView(item []byte) error { return b.set(item, placed) }

func (b *Batch) set(item []byte, place func([]byte) []byte) error {
	var t Table
	if err := t.set(item, place); err != nil {
		return err
	}
	switch {
	case t.Schema == nil:
		b.RecordBatch = nil
	case len(t.Batches) != 1:
		return fmt.Errorf("want an Arrow stream with one record batch, got one with %d: take a Table", len(t.Batches))
	default:
		b.RecordBatch = t.Batches[0]
	}
	return nil
}

// Table is a schema and any number of record batches of it, that travel as one value. The zero Table is null.
type Table struct {
	Schema  *arrow.Schema
	Batches []arrow.RecordBatch
}

// TableOf returns the rows of an Arrow table, batch by batch where its chunks begin and end.
func TableOf(t arrow.Table) Table {
	out := Table{Schema: t.Schema()}
	for r := array.NewTableReader(t, 0); r.Next(); {
		b := r.RecordBatch()
		b.Retain()
		out.Batches = append(out.Batches, b)
	}
	return out
}

// Arrow returns t as Arrow's own type.
func (t Table) Arrow() arrow.Table { return array.NewTableFromRecords(t.Schema, t.Batches) }

// Rows counts the rows of all batches.
func (t Table) Rows() int64 {
	var n int64
	for _, b := range t.Batches {
		n += b.NumRows()
	}
	return n
}

// MarshalCBOR encodes a stream with all batches.
func (t Table) MarshalCBOR() ([]byte, error) {
	if t.Schema == nil {
		return []byte{null}, nil
	}
	return encode(t.Schema, t.Batches)
}

// UnmarshalCBOR decodes a stream. The data is copied, once.
func (t *Table) UnmarshalCBOR(item []byte) error { return t.set(item, copied) }

// SetView is UnmarshalCBOR without the copy, for who owns the item and will not change it.
func (t *Table) SetView(item []byte) error { return t.set(item, placed) }

func (t *Table) set(item []byte, place func([]byte) []byte) error {
	if len(item) == 1 && item[0] == null {
		*t = Table{}
		return nil
	}
	stream, err := streamOf(place(item))
	if err != nil {
		return err
	}
	read, err := readStream(stream)
	if err == nil {
		*t = read
	}
	return err
}

// null is CBOR's.
const null = 0xf6
