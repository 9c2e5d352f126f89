package rayarrow_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/spec/rayarrow"
)

// many has columns of most shapes that Arrow has.
var many = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "ok", Type: arrow.FixedWidthTypes.Boolean},
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "view", Type: arrow.BinaryTypes.StringView},
	{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Vienna"}},
	{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)},
	{Name: "pair", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float32}, arrow.Field{Name: "y", Type: arrow.BinaryTypes.Binary})},
	{Name: "colour", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}},
	{Name: "none", Type: arrow.Null, Nullable: true},
	{Name: "either", Type: arrow.DenseUnionOf([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int32}, {Name: "b", Type: arrow.BinaryTypes.String}}, []arrow.UnionTypeCode{0, 1})},
	{Name: "runs", Type: arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64)},
}, nil)

// batch makes rows of many.
func batch(t testing.TB, rows int) arrow.RecordBatch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, many)
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if i%3 == 0 {
			b.Field(1).AppendNull()
			b.Field(3).AppendNull()
		} else {
			b.Field(1).(*array.Float64Builder).Append(float64(i) / 2)
			b.Field(3).(*array.StringBuilder).Append(fmt.Sprint("name ", i))
		}
		b.Field(2).(*array.BooleanBuilder).Append(i%2 == 0)
		b.Field(4).(*array.StringViewBuilder).Append(fmt.Sprint("a text that is not kept inline, number ", i))
		b.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(i))
		list := b.Field(6).(*array.ListBuilder)
		list.Append(true)
		list.ValueBuilder().(*array.Int32Builder).AppendValues([]int32{1, int32(i)}, nil)
		pair := b.Field(7).(*array.StructBuilder)
		pair.Append(true)
		pair.FieldBuilder(0).(*array.Float32Builder).Append(1.5)
		pair.FieldBuilder(1).(*array.BinaryBuilder).Append([]byte{1, 2})
		if err := b.Field(8).(*array.BinaryDictionaryBuilder).AppendString([]string{"red", "green"}[i%2]); err != nil {
			t.Fatal(err)
		}
		b.Field(9).AppendNull()
		union := b.Field(10).(*array.DenseUnionBuilder)
		union.Append(0)
		union.Child(0).(*array.Int32Builder).Append(int32(i))
		runs := b.Field(11).(*array.RunEndEncodedBuilder)
		runs.Append(1)
		runs.ValueBuilder().(*array.Int64Builder).Append(int64(i))
	}
	return b.NewRecordBatch()
}

func mustMarshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := spec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBatchesAndTablesComeBackAsTheyWere(t *testing.T) {
	for _, rows := range []int{0, 1, 100} {
		want := batch(t, rows)
		form := mustMarshal(t, rayarrow.Batch{RecordBatch: want})
		var got rayarrow.Batch
		if err := spec.Unmarshal(form, &got); err != nil || !array.RecordEqual(got.RecordBatch, want) {
			t.Errorf("%d rows come back as %v, %v", rows, got.RecordBatch, err)
		}
		if again := mustMarshal(t, got); !bytes.Equal(again, form) {
			t.Errorf("%d rows that came back are written in other bytes", rows)
		}
	}
	table := rayarrow.Table{Schema: many, Batches: []arrow.RecordBatch{batch(t, 3), batch(t, 5)}}
	inside := map[string]any{"t": table, "nothing": rayarrow.Table{}, "none": rayarrow.Batch{}}
	var got map[string]rayarrow.Table
	if err := spec.Unmarshal(mustMarshal(t, inside), &got); err != nil {
		t.Fatal(err)
	}
	if got["t"].Rows() != 8 || !array.TableEqual(got["t"].Arrow(), table.Arrow()) || got["nothing"].Schema != nil || got["none"].Schema != nil {
		t.Errorf("the table comes back as %v", got)
	}
	if b := rayarrow.TableOf(table.Arrow()); b.Rows() != 8 || !array.TableEqual(b.Arrow(), table.Arrow()) {
		t.Errorf("a table of Arrow's is the table %v", b)
	}
	var one rayarrow.Batch
	if err := spec.Unmarshal(mustMarshal(t, table), &one); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("two batches were read as one: %v", err)
	}
	other := rayarrow.Table{Schema: arrow.NewSchema(nil, nil), Batches: table.Batches}
	if _, err := spec.Marshal(other); !errors.Is(err, spec.Unserializable) {
		t.Errorf("batches of another schema: %v", err)
	}
}

// TestAViewIsInPlace: the columns' data lies within the value's bytes, wherever those lie.
func TestAViewIsInPlace(t *testing.T) {
	form := mustMarshal(t, rayarrow.Batch{RecordBatch: batch(t, 1000)})
	placed := spec.MakeAligned(form, len(form))
	copy(placed, form)
	offset := spec.ArrayOffset(placed)
	if at := uintptr(unsafe.Pointer(&placed[offset])); at%64 != 0 {
		t.Errorf("the stream begins at %x, no multiple of 64", at)
	}
	table, err := rayarrow.View(placed)
	if err != nil {
		t.Fatal(err)
	}
	buffers := 0
	for i, c := range table.Batches[0].Columns() {
		for _, b := range c.Data().Buffers() {
			if b == nil || b.Len() == 0 {
				continue
			}
			buffers++
			if !within(b.Bytes(), placed) {
				t.Errorf("a buffer of column %s is not in the value", many.Field(i).Name)
			}
			if uintptr(unsafe.Pointer(&b.Bytes()[0]))%8 != 0 {
				t.Errorf("a buffer of column %s is not aligned", many.Field(i).Name)
			}
		}
	}
	if buffers < 12 {
		t.Errorf("only %d buffers were looked at", buffers)
	}
	prices := table.Batches[0].Column(1).(*array.Float64).Float64Values()
	if !within(unsafe.Slice((*byte)(unsafe.Pointer(&prices[0])), 8*len(prices)), placed) {
		t.Error("the numbers of a column are not in the value")
	}
	room := make([]byte, len(form)+8)
	for shift := range 8 {
		b := room[shift : shift+len(form)]
		copy(b, form)
		if got, err := rayarrow.View(b); err != nil || !array.RecordEqual(got.Batches[0], table.Batches[0]) {
			t.Errorf("a view at an odd place: %v", err)
		}
	}
	decoded := rayarrow.Table{}
	if err := spec.Unmarshal(placed, &decoded); err != nil || within(decoded.Batches[0].Column(0).Data().Buffers()[1].Bytes(), placed) {
		t.Errorf("what was decoded lies in bytes of the decoder's: %v", err)
	}
}

func within(part, whole []byte) bool {
	at, from := uintptr(unsafe.Pointer(&part[0])), uintptr(unsafe.Pointer(&whole[0]))
	return at >= from && at+uintptr(len(part)) <= from+uintptr(len(whole))
}

// item wraps a stream as a value.
func item(stream []byte) []byte { return append(rayarrow.Head(len(stream)), stream...) }

func TestWhatIsNoWholeStreamIsAnError(t *testing.T) {
	form := mustMarshal(t, rayarrow.Batch{RecordBatch: batch(t, 1000)})
	stream := form[spec.ArrayOffset(form):]
	if _, err := rayarrow.View(item(stream)); err != nil {
		t.Fatalf("the stream as it is: %v", err)
	}
	bad := map[string][]byte{
		"nothing": nil, "text": {0x61, 'x'}, "another tag": append([]byte{0xd9, 0xd9, 0xf9}, form[3:]...), "an empty stream": {0xd9, 0xd9, 0xfb, 0x40},
		"a cut item": form[:len(form)-1], "an item and more": append(bytes.Clone(form), 0), "more than the stream": item(append(bytes.Clone(stream), 1)),
		"no end": item(stream[:len(stream)-8]), "a file": item(append([]byte("ARROW1\x00\x00"), stream...)),
	}
	for n := 0; n < len(stream); n += 97 {
		bad[fmt.Sprintf("%d bytes of it", n)] = item(stream[:n])
	}
	var zip bytes.Buffer
	w := ipc.NewWriter(&zip, ipc.WithSchema(many), ipc.WithZstd())
	if err := errors.Join(w.Write(batch(t, 1000)), w.Close()); err != nil {
		t.Fatal(err)
	}
	bad["a compressed one"] = item(zip.Bytes())
	for name, b := range bad {
		if _, err := rayarrow.View(b); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamagedBytesNeverPanic: whatever a byte of the metadata or the offsets is changed to, there is an error or a table
// that can be read to its end.
func TestDamagedBytesNeverPanic(t *testing.T) {
	form := mustMarshal(t, rayarrow.Table{Schema: many, Batches: []arrow.RecordBatch{batch(t, 3), batch(t, 2)}})
	refused := 0
	for i := range form {
		for _, x := range []byte{0, 0x7f, 0xff} {
			damaged := bytes.Clone(form)
			damaged[i] = x
			table, err := rayarrow.View(damaged)
			if err != nil {
				refused++
				continue
			}
			readAll(table)
		}
	}
	if refused < len(form)/4 {
		t.Errorf("of %d damaged streams only %d were refused", 3*len(form), refused)
	}
}

// readAll reads every value of a table.
func readAll(t rayarrow.Table) {
	for _, b := range t.Batches {
		for _, c := range b.Columns() {
			for i := range min(c.Len(), 1000) { // columns of nulls or runs are as long as they say
				_ = c.ValueStr(i)
			}
		}
	}
}

// FuzzView: no bytes panic, and what is read is written again so that the same is read.
func FuzzView(f *testing.F) {
	f.Add(mustMarshal(f, rayarrow.Batch{RecordBatch: batch(f, 2)})[8:])
	f.Add(mustMarshal(f, rayarrow.Table{Schema: many})[8:])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		table, err := rayarrow.View(item(stream))
		if err != nil {
			if !errors.Is(err, spec.InvalidArgument) {
				t.Errorf("%v", err)
			}
			return
		}
		readAll(table)
		var back rayarrow.Table
		if form, err := spec.Marshal(table); err == nil {
			if err := spec.Unmarshal(form, &back); err != nil || back.Rows() != table.Rows() {
				t.Errorf("what was read, %d rows, is read again as %d, %v", table.Rows(), back.Rows(), err)
			}
		}
	})
}
