package spec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

func TestTypedArraysAreThoseOfTheRFC(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{spec.Array[uint8]{1, 2}, "d840420102"},
		{spec.Array[uint16]{1, 0x0203}, "d845440100" + "0302"},
		{spec.Array[uint32]{1}, "d8464401000000"},
		{spec.Array[uint64]{1}, "d847480100000000000000"},
		{spec.Array[int8]{-1}, "d84841ff"},
		{spec.Array[int16]{-2}, "d84d42feff"},
		{spec.Array[int32]{-2}, "d84e44feffffff"},
		{spec.Array[int64]{-2}, "d84f48feffffffffffffff"},
		{spec.Array[float32]{1.5}, "d855440000c03f"},
		{spec.Array[float64]{1.5}, "d85648000000000000f83f"},
		{spec.Array[float64]{}, "d85640"},
		{spec.Array[float64](nil), "f6"},
		{map[string]any{"x": spec.Array[int8]{5}}, "a16178d8484105"},
	} {
		got, err := spec.Marshal(c.value)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%T %v is %x, %v, want %s", c.value, c.value, got, err, c.want)
		}
		if a := reflect.New(reflect.TypeOf(c.value)); a.Elem().Kind() == reflect.Slice {
			if err := spec.Unmarshal(got, a.Interface()); err != nil || !reflect.DeepEqual(a.Elem().Interface(), c.value) {
				t.Errorf("%x reads as %v, %v, want %v", got, a.Elem(), err, c.value)
			}
		}
	}
}

func TestAnArrayIsReadFromSingleItems(t *testing.T) {
	form, _ := spec.Marshal([]float64{1, 2.5})
	var a spec.Array[float64]
	if err := spec.Unmarshal(form, &a); err != nil || !reflect.DeepEqual(a, spec.Array[float64]{1, 2.5}) {
		t.Errorf("%v, %v", a, err)
	}
	var wrong spec.Array[int32]
	form, _ = spec.Marshal(a)
	if err := spec.Unmarshal(form, &wrong); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("floats were read as integers: %v, %v", wrong, err)
	}
}

func TestAViewIsInPlaceWhereItCanBe(t *testing.T) {
	want := make([]float64, 10_000)
	for i := range want {
		want[i] = float64(i) / 3
	}
	form, _ := spec.Marshal(spec.Array[float64](want))
	offset := spec.ArrayOffset(form)
	room := make([]byte, len(form)+8)
	for shift := range 8 {
		b := room[shift : shift+len(form)]
		copy(b, form)
		got, err := spec.View[float64](b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("at %d: %v", shift, err)
		}
		inPlace := uintptr(unsafe.Pointer(&got[0])) == uintptr(unsafe.Pointer(&b[offset]))
		if aligned := uintptr(unsafe.Pointer(&b[offset]))%8 == 0; inPlace != aligned {
			t.Errorf("at %d: in place %v, aligned %v", shift, inPlace, aligned)
		}
	}
	placed := spec.MakeAligned(form, len(form))
	copy(placed, form)
	var view spec.Array[float64]
	if err := view.SetView(placed); err != nil || &placed[offset] != (*byte)(unsafe.Pointer(&view[0])) {
		t.Errorf("a view of what MakeAligned has placed is a copy: %v", err)
	}
	for _, bad := range [][]byte{nil, {0xf6}, {0x81, 1}, form[:20], {0xd8, 86, 0x41, 1}, {0xd8, 86, 1}, {0xd8, 86, 0x5b, 0xff}} {
		if _, err := spec.View[float64](bad); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("a view of %x: %v", bad[:min(len(bad), 8)], err)
		}
	}
}

// TestALongArrayIsAlignedInItsItem, however the reader spells the tag, and reads like any other.
func TestALongArrayIsAlignedInItsItem(t *testing.T) {
	long := make(spec.Array[float64], 10_000)
	long[9_999] = 1.5
	form, err := spec.Marshal(long)
	if err != nil || spec.ArrayOffset(form) != 8 {
		t.Fatalf("its elements begin at %d: %v", spec.ArrayOffset(form), err)
	}
	head, size := long.Head(2)
	short := append(head, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0)
	if len(head) != 8 || size != 16 || spec.ArrayOffset(short) != 8 {
		t.Errorf("a head of %d bytes for %d", len(head), size)
	}
	for _, item := range [][]byte{form, short} {
		var got spec.Array[float64]
		if err := spec.Unmarshal(item, &got); err != nil || len(got) < 2 {
			t.Errorf("%x...: %v", item[:8], err)
		}
		if view, err := spec.View[float64](item); err != nil || !reflect.DeepEqual(view, []float64(got)) {
			t.Errorf("a view of %x...: %v", item[:8], err)
		}
	}
}

// FuzzArray: what is read is what the bytes say, and writing it gives typed arrays the same bytes again.
func FuzzArray(f *testing.F) {
	f.Add([]byte{0xd8, 86, 0x48, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f})
	f.Add([]byte{0x82, 1, 2})
	f.Add([]byte{0xd8, 77, 0x5b, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = spec.ArrayOffset(b)
		var a spec.Array[int16]
		if spec.Unmarshal(b, &a) != nil {
			return
		}
		form, err := spec.Marshal(a)
		var back spec.Array[int16]
		if err != nil || spec.Unmarshal(form, &back) != nil || !reflect.DeepEqual(a, back) {
			t.Errorf("%x reads as %v, which is written as %x, %v, and reads as %v", b, a, form, err, back)
		}
		if v, err := spec.View[int16](form); len(a) > 0 && (err != nil || !bytes.Equal(mustMarshal(t, spec.Array[int16](v)), form)) {
			t.Errorf("the view of %x is %v, %v", form, v, err)
		}
	})
}

func mustMarshal(t *testing.T, v any) []byte {
	b, err := spec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
