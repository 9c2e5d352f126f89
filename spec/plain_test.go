package spec

import (
	"bytes"
	"math"
	"reflect"
	"testing"
)

func TestPlainValuesAreTheCodecs(t *testing.T) {
	values := []any{
		true, false, "", "x", "größer", string(bytes.Repeat([]byte("a"), 300)), []byte(nil), []byte{}, []byte{1, 2}, make([]byte, 60_000),
		int64(math.MinInt64), int64(math.MaxInt64), uint64(math.MaxUint64), int32(math.MinInt32), uint32(math.MaxUint32),
	}
	for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt, math.MinInt} {
		values = append(values, n, -n, int64(n), uint64(n), int32(n), uint32(n))
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1.5, 0.1, 65504, 65505, 65520, 1e-5, 6.1e-5, 0x1p-14, 0x1p-16, 1 << 24, 1<<24 + 1, math.Pi, math.MaxFloat32, math.MaxFloat64, 0x1p-149, math.SmallestNonzeroFloat64, 0x1p-24, 0x1p-25, 3 * 0x1p-24, 3 * 0x1p-25, 0x1p-15, math.NaN(), math.Inf(1)} {
		values = append(values, f, float32(f), []float64{f, 1}, -f)
	}
	values = append(values, []int(nil), []int{}, []int{1, -500}, []int64{1 << 40}, []string{"a", ""}, make([]float64, 300))
	for _, v := range values {
		want, err := encMode.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := AppendPlain([]byte("before"), v)
		if !ok || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%T %v: %x, %v; the codec writes %x", v, v, got, ok, want)
		}
	}
	for _, v := range []any{nil, struct{}{}, []int8{1}, int8(1), map[string]int{}, make([]byte, bufferBytes)} {
		if _, ok := AppendPlain(nil, v); ok {
			t.Errorf("%T is taken for plain", v)
		}
	}
}

func TestEveryHalfIsReadAsByTheCodec(t *testing.T) {
	for half := range 1 << 16 {
		b := []byte{cborHalf, byte(half >> 8), byte(half)}
		var got, want float64
		if !ReadPlain(b, &got) {
			continue
		}
		if err := decMode.Unmarshal(b, &want); err != nil || math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%x: %v, the codec reads %v, %v", b, got, want, err)
		}
		back, ok := AppendPlain(nil, got)
		if !ok || !bytes.Equal(back, b) {
			t.Fatalf("%v is written as %x, not %x", got, back, b)
		}
	}
}

// FuzzReadPlain: what is read here the codec reads to the same, and what the codec refuses is not read.
func FuzzReadPlain(f *testing.F) {
	for _, s := range []string{"", "\x00", "\x18\x18", "\x19\xff\xff", "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "\x38\x63", "\x63abc", "\x63ab\xff", "\x43abc", "\xf4", "\xf5", "\xf6", "\x00\x00", "\x5f\x41a\xff", "\xf9\x3c\x00", "\xfb\x40\x09\x21\xfb\x54\x44\x2d\x18", "\x82\x01\x20", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\x82\xf9\x3c\x00\xfa\x40\x49\x0f\xdb"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(int), new(int64), new(string), new([]byte), new(bool), new(float64), new([]int), new([]int64), new([]float64)} {
			if !ReadPlain(b, v) {
				continue
			}
			want := reflect.New(reflect.TypeOf(v).Elem())
			if err := decMode.Unmarshal(b, want.Interface()); err != nil {
				t.Errorf("%x was read as %T %v; the codec: %v", b, v, reflect.ValueOf(v).Elem(), err)
			} else if !reflect.DeepEqual(want.Elem().Interface(), reflect.ValueOf(v).Elem().Interface()) {
				t.Errorf("%x was read as %v, by the codec as %v", b, reflect.ValueOf(v).Elem(), want.Elem())
			}
		}
	})
}
