//go:build !wasip1

package ray

import (
	"bytes"
	"math"
	"reflect"
	"testing"
)

func TestScalarsAreTheCodecs(t *testing.T) {
	values := []any{
		true, false, "", "x", "größer", string(bytes.Repeat([]byte("a"), 300)), []byte(nil), []byte{}, []byte{1, 2}, make([]byte, 70_000),
		int64(math.MinInt64), int64(math.MaxInt64), uint64(math.MaxUint64), int32(math.MinInt32), uint32(math.MaxUint32),
	}
	for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt, math.MinInt} {
		values = append(values, n, -n, int64(n), uint64(n), int32(n), uint32(n))
	}
	for _, v := range values {
		want, err := encMode.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := appendScalar([]byte("before"), v)
		if !ok || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%T %v: %x, %v; the codec writes %x", v, v, got, ok, want)
		}
	}
	for _, v := range []any{nil, 1.5, struct{}{}, []int{1}, int8(1), map[string]int{}} {
		if _, ok := appendScalar(nil, v); ok {
			t.Errorf("%T is taken for a scalar", v)
		}
	}
}

// FuzzReadScalar: what is read here the codec reads to the same, and what the codec refuses is not read.
func FuzzReadScalar(f *testing.F) {
	for _, s := range []string{"", "\x00", "\x18\x18", "\x19\xff\xff", "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "\x38\x63", "\x63abc", "\x63ab\xff", "\x43abc", "\xf4", "\xf5", "\xf6", "\x00\x00", "\x5f\x41a\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(int), new(int64), new(string), new([]byte), new(bool)} {
			if !readScalar(b, v) {
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
