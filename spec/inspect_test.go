package spec_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

type loop struct{ Next *loop }

type stubborn struct{ X int }

func (stubborn) MarshalCBOR() ([]byte, error) { return nil, errors.New("I will not") }

func TestAnInspectionNamesThePlace(t *testing.T) {
	around := &loop{}
	around.Next = &loop{around}
	five, _ := newPool(5)
	type job struct {
		Done chan int
		F    func() `cbor:"-"`
	}
	for _, c := range []struct {
		value   any
		path    string // of the only problem; "" for none
		why     string
		dropped string // the first
	}{
		{value: nil}, {value: 1}, {value: "x"}, {value: []byte{1}}, {value: time.Now()}, {value: big.NewInt(1)}, {value: spec.Array[int8]{1}},
		{value: office{}, path: "value.Pool", why: "no pool", dropped: ""},
		{value: office{Pool: five}, dropped: "value.note"},
		{value: make(chan int), path: "value", why: "channel"},
		{value: map[string]any{"a": []any{1, func() {}}}, path: "value[a][1]", why: "function"},
		{value: []job{{}, {}}[:1], path: "value[0].Done", why: "channel", dropped: "value[0].F"},
		{value: []func(){}, path: "value", why: "function"},
		{value: (*chan int)(nil), path: "value", why: "channel"},
		{value: struct{ P unsafe.Pointer }{}, path: "value.P", why: "address"},
		{value: []complex128{1i}, path: "value[0]", why: "complex"},
		{value: around, path: "value.Next.Next", why: "contains itself"},
		{value: map[string]stubborn{"x": {}}, path: "value", why: "I will not"},
		{value: []closed{{}}, path: "value[0]", why: "it is closed"},
		{value: &loop{Next: &loop{}}},
	} {
		got := spec.InspectSerializability(c.value)
		if c.path == "" && !got.OK() || c.path != "" && (len(got.Problems) != 1 || got.Problems[0].Path != c.path || !strings.Contains(got.Problems[0].Why, c.why)) {
			t.Errorf("%T: %v, want a problem at %q: %s", c.value, got, c.path, c.why)
		}
		if c.dropped != "" && (len(got.Dropped) == 0 || got.Dropped[0].Path != c.dropped) {
			t.Errorf("%T: dropped %v, want %s", c.value, got.Dropped, c.dropped)
		}
		if c.path != "value.Next.Next" {
			if _, err := spec.Marshal(c.value); (err == nil) != got.OK() {
				t.Errorf("%T: %v, but Marshal says %v", c.value, got, err)
			}
		}
	}
	if many := spec.InspectSerializability(make([]chan int, 1000)); len(many.Problems) != 100 {
		t.Errorf("%d problems are listed", len(many.Problems))
	}
	var deep any = 1
	for range spec.MaxNesting + 10 {
		deep = []any{deep}
	}
	if spec.InspectSerializability(deep).OK() {
		t.Error("a value that is nested too deep is fine")
	}
}
