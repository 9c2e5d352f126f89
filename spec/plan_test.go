package spec

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

type (
	colour string
	pair   struct{ X, Y int }
	tree   struct {
		Left, Right *tree
		Value       int
		Rest        any
	}
	nest    []nest
	nestOf  map[string]nestOf
	scalars struct {
		I8   int8
		I16  int16
		I32  int32
		I64  int64
		U8   uint8
		U16  uint16
		U32  uint32
		U64  uint64
		F32  float32
		F64  float64
		Bool bool
		Text string
		Data []byte
	}
	named struct {
		hidden int
		A      int              `json:"a,omitempty"`
		B      string           `cbor:"b,omitempty" json:"other"`
		C      []int            `json:",omitempty"`
		D      map[string]int   `json:"d,omitzero"`
		E      *pair            `json:"e,omitempty"`
		F      float64          `json:"f,omitempty"`
		Skip   int              `json:"-"`
		Long   colour           `json:"a_name_of_more_than_twenty_three_bytes"`
		Colour map[colour][]any `json:"größe"`
	}
	shaped struct {
		_    struct{} `cbor:",toarray"`
		A, B int
	}
	numbered struct {
		A int `cbor:"1,keyasint"`
	}
	embedding struct {
		pair
		Z int
	}
	whole struct {
		Kinds   scalars
		Named   []named
		Pairs   map[string]pair
		Four    [4]int16
		Digest  [4]byte
		When    time.Time
		Number  *big.Int
		Any     any
		Tree    *tree
		Shaped  shaped
		Numbers map[int]string
		Floats  Array[float64]
		Shorts  Array[int16]
		Inside  embedding
		One     *numbered
		Empty   struct{}
		Bytes   []colour
	}
)

func wholes() []any {
	moment := time.Unix(1_700_000_000, 5).UTC()
	full := whole{
		Kinds:   scalars{-128, math.MinInt16, math.MaxInt32, math.MinInt64, 255, math.MaxUint16, math.MaxUint32, math.MaxUint64, 0.1, math.Pi, true, "größer", []byte{1, 2}},
		Named:   []named{{}, {1, 2, "x", []int{}, map[string]int{}, &pair{1, 2}, math.Copysign(0, -1), 3, "red", map[colour][]any{"a": {1, "x", nil}, "b": nil}}},
		Pairs:   map[string]pair{"b": {1, 2}, "aa": {3, 4}, "a": {5, 6}, "": {}},
		Four:    [4]int16{1, -2, 3},
		Digest:  [4]byte{9, 8, 7, 6},
		When:    moment,
		Number:  new(big.Int).Lsh(big.NewInt(1), 100),
		Any:     map[string]any{"x": []any{pair{1, 2}, &pair{3, 4}, 1.5, Array[int8]{5}}, "y": nil},
		Tree:    &tree{&tree{nil, nil, 1, "leaf"}, nil, 2, tree{Value: 3}},
		Shaped:  shaped{A: 1, B: 2},
		Numbers: map[int]string{1: "one", -1: "less"},
		Floats:  Array[float64]{1.5, math.Inf(1)},
		Shorts:  Array[int16]{},
		Inside:  embedding{pair{1, 2}, 3},
		One:     &numbered{7},
		Bytes:   []colour{"a", ""},
	}
	return []any{
		whole{}, full, &full, (*whole)(nil), []*pair{nil, {1, 2}}, nest{{}, {{}}, nil}, nestOf{"a": {"b": nil}}, struct{}{}, map[string]any(nil),
		map[string]int{"bb": 1, "c": 2}, map[string]float64{"x": 1.5}, map[string]string{"": "y"},
		[]any{nil, 1, "x"}, pair{}, tree{}, map[colour]int{"longer": 1, "z": 2}, [2][2]bool{{true}}, []float32{float32(math.NaN()), 1e-40},
		[]string{"a"}, [][]byte{nil, {}, {1}}, named{}, embedding{}, numbered{1}, shaped{},
	}
}

// TestPlansWriteWhatTheCodecWrites, and read it to the same.
func TestPlansWriteWhatTheCodecWrites(t *testing.T) {
	for _, v := range wholes() {
		want, err := encMode.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Marshal(v)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%T is %x, %v; the codec writes %x", v, got, err, want)
		}
		compareReading(t, want, reflect.TypeOf(v), false)
		compareReading(t, want, reflect.TypeOf(v), true)
	}
	if p, ok := planOf(reflect.TypeFor[whole]()).(*structPlan); !ok {
		t.Errorf("the plan is %T: this test proves little", p)
	}
}

// compareReading reads b as a t by its plan, if that can, and by the codec.
func compareReading(t *testing.T, b []byte, as reflect.Type, own bool) bool {
	t.Helper()
	got, want := reflect.New(as), reflect.New(as)
	r := reader{codec: plainCodec, whole: b, rest: b, own: own}
	if !r.read(got.Interface()) {
		if !got.Elem().IsZero() {
			t.Errorf("%x was left to the codec, and %v behind", b, got.Elem())
		}
		return false
	}
	if err := decMode.Unmarshal(b, want.Interface()); err != nil {
		t.Errorf("%x was read as %v %v; the codec: %v", b, as, got.Elem(), err)
		return true
	}
	// By what they are written as, and as text: NaN is not itself, and -0 is 0.
	a, _ := encMode.Marshal(got.Elem().Interface())
	c, _ := encMode.Marshal(want.Elem().Interface())
	if !bytes.Equal(a, c) || fmt.Sprintf("%#v", got.Elem()) != fmt.Sprintf("%#v", want.Elem()) && !strings.Contains(fmt.Sprintf("%#v", want.Elem()), "0x") {
		t.Errorf("%x was read as %#v, by the codec as %#v", b, got.Elem(), want.Elem())
	}
	return true
}

// FuzzPlans: what a plan reads the codec reads to the same, and what the codec refuses no plan reads.
func FuzzPlans(f *testing.F) {
	for _, v := range wholes() {
		form, err := Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(form)
	}
	for _, s := range []string{"\xa2\x61X\x01\x61X\x02", "\xa1\x61x\x01", "\xa2\x61X\x01\x61Z\xf6", "\xbf\xff", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
		"\xa1\x6bFloats\xd9\xd9\xf7\xd8\x56\x41\x00", "\xd9\xd9\xf7\xf6", "\xd8\x56\x80", "\xa2\x61a\x01\x61a\x02"} {
		f.Add([]byte(s))
	}
	f.Add([]byte(strings.Repeat("\x81", 300)))
	f.Add([]byte(strings.Repeat("\xa1\x61a", 255) + "\xa0"))
	types := []reflect.Type{
		reflect.TypeFor[whole](), reflect.TypeFor[scalars](), reflect.TypeFor[named](), reflect.TypeFor[*tree](), reflect.TypeFor[nest](), reflect.TypeFor[nestOf](),
		reflect.TypeFor[map[string]pair](), reflect.TypeFor[map[string]int](), reflect.TypeFor[map[string]any](), reflect.TypeFor[[]pair](), reflect.TypeFor[Array[float64]](), reflect.TypeFor[Array[int16]](), reflect.TypeFor[[]any](),
		reflect.TypeFor[[]byte](), reflect.TypeFor[[3]float32](), reflect.TypeFor[*[]string](), reflect.TypeFor[any](),
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, as := range types {
			compareReading(t, b, as, false)
			compareReading(t, bytes.Clone(b), as, true)
		}
	})
}

// matrix has a buffer of each kind.
type matrix struct {
	Name  string
	Rows  Array[float64]
	Masks []Array[int32]
	Raw   map[string][]byte
}

func large() matrix {
	m := matrix{Name: "m", Rows: make(Array[float64], 100_000), Masks: []Array[int32]{make(Array[int32], 50_000), {1}}, Raw: map[string][]byte{"x": make([]byte, 100_000), "y": {1}}}
	for i := range m.Rows {
		m.Rows[i] = float64(i) / 3
	}
	for i := range m.Masks[0] {
		m.Masks[0][i] = int32(-i)
	}
	m.Raw["x"][99_999] = 7
	return m
}

// TestBuffersAreNeitherCopiedInNorOut: the pieces of a value are its own memory, and a value that may keep its bytes has
// its buffers there.
func TestBuffersAreNeitherCopiedInNorOut(t *testing.T) {
	m := large()
	w, form, err := WriteWith(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	var copied, pieces int
	own := map[unsafe.Pointer]bool{unsafe.Pointer(&m.Rows[0]): true, unsafe.Pointer(&m.Masks[0][0]): true, unsafe.Pointer(&m.Raw["x"][0]): true}
	for _, piece := range w.Pieces(form) {
		pieces++
		if !own[unsafe.Pointer(&piece[0])] {
			copied += len(piece)
		}
	}
	if copied > 100 || pieces != 7 {
		t.Errorf("%d bytes were copied into the encoding, which has %d pieces", copied, pieces)
	}
	b := w.Joined(form)
	if len(b) != form.Size || uintptr(unsafe.Pointer(&b[0]))%alignArray != 0 {
		t.Fatalf("%d bytes at %p, want %d", len(b), b, form.Size)
	}
	inside := func(p unsafe.Pointer) bool {
		return uintptr(p) >= uintptr(unsafe.Pointer(&b[0])) && uintptr(p) < uintptr(unsafe.Pointer(&b[0]))+uintptr(len(b))
	}
	var viewed, copy matrix
	if err := ViewWith(nil, b, &viewed); err != nil || !reflect.DeepEqual(viewed, m) {
		t.Fatalf("%v", err)
	}
	if !inside(unsafe.Pointer(&viewed.Rows[0])) || !inside(unsafe.Pointer(&viewed.Masks[0][0])) || !inside(unsafe.Pointer(&viewed.Raw["x"][0])) {
		t.Error("a buffer was copied out")
	}
	if inside(unsafe.Pointer(&viewed.Masks[1][0])) || inside(unsafe.Pointer(&viewed.Raw["y"][0])) {
		t.Error("something small keeps the whole value")
	}
	if cap(viewed.Raw["x"]) != len(viewed.Raw["x"]) {
		t.Error("appending to one would write behind it")
	}
	if err := Unmarshal(b, &copy); err != nil || !reflect.DeepEqual(copy, m) || inside(unsafe.Pointer(&copy.Rows[0])) || inside(unsafe.Pointer(&copy.Raw["x"][0])) {
		t.Errorf("what Unmarshal reads is not its own: %v", err)
	}
	var byCodec matrix
	if err := decMode.Unmarshal(b, &byCodec); err != nil || !reflect.DeepEqual(byCodec, m) {
		t.Errorf("the codec reads something else: %v", err)
	}
}

// TestABufferIsAlignedWhereverItStands, and read by any decoder.
func TestABufferIsAlignedWhereverItStands(t *testing.T) {
	type offset struct {
		A string
		B Array[float64]
	}
	seen := make(map[int]bool)
	for n := range 16 {
		want := offset{strings.Repeat("x", n), make(Array[float64], 10_000)}
		want.B[9_999] = 1.5
		b, err := Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		b = append(MakeAligned(nil, len(b))[:0], b...)
		var got, byCodec offset
		if err := ViewWith(nil, b, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v", err)
		}
		if at := uintptr(unsafe.Pointer(&got.B[0])) - uintptr(unsafe.Pointer(&b[0])); at >= uintptr(len(b)) || at%alignArray != 0 {
			t.Errorf("behind a text of %d: it lies at %d", n, at)
		}
		if err := decMode.Unmarshal(b, &byCodec); err != nil || !reflect.DeepEqual(byCodec, want) {
			t.Errorf("behind a text of %d the codec reads something else: %v", n, err)
		}
		seen[(len(b)-80_000)%alignArray] = true
	}
	if len(seen) != 1 {
		t.Errorf("the elements begin at %v modulo 8", seen)
	}
	for _, heads := range [][alignArray]arrayHead{shortHeads, longHeads} {
		for position, h := range heads {
			if h.tag == 0 || (position+h.size())%alignArray != 0 || h.size() > ArrayHead {
				t.Errorf("the head at %d is %+v", position, h)
			}
		}
	}
}

// TestMoreBuffersThanPieces: the rest is copied.
func TestMoreBuffersThanPieces(t *testing.T) {
	one := make([]byte, bufferBytes)
	many := make([][]byte, MaxPieces)
	for i := range many {
		many[i] = one
	}
	w, form, err := WriteWith(nil, many)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.Pieces(form)); n > MaxPieces || n < MaxPieces/2 {
		t.Errorf("%d pieces", n)
	}
	var got [][]byte
	if err := Unmarshal(w.Joined(form), &got); err != nil || !reflect.DeepEqual(got, many) {
		t.Error(err)
	}
}

func TestAValueThatContainsItselfIsRefused(t *testing.T) {
	loop := &tree{}
	loop.Left = loop
	list := nest{nil}
	list[0] = list
	table := map[string]any{}
	table["x"] = table
	for _, v := range []any{loop, list, table} {
		if _, err := Marshal(v); KindOf(err) != Unserializable || !strings.Contains(err.Error(), "MaxNesting") {
			t.Errorf("%T: %v", v, err)
		}
	}
}

func BenchmarkPlans(b *testing.B) {
	v := scalars{Text: "text", Data: []byte("data"), I64: 5, F64: 1.5}
	form, _ := Marshal(v)
	b.Run("write, codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = encMode.Marshal(v)
		}
	})
	b.Run("write, plan", func(b *testing.B) {
		b.ReportAllocs()
		w := NewWriter(plainCodec)
		for b.Loop() {
			w.Reset(KiB)
			_, _ = w.Value(&v)
		}
	})
	b.Run("read, codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = decMode.Unmarshal(form, new(scalars))
		}
	})
	b.Run("read, plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = plainCodec.Decode(form, false, new(scalars))
		}
	})
}
