package host_test

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// layer is a value with two buffers and something beside them.
type layer struct {
	Name    string
	Weights spec.Array[float64]
	Parts   map[string][]byte
	Of      *host.Ref
}

// TestBuffersInsideAValue are read where the object lies, and a ref beside them is a ref.
func TestBuffersInsideAValue(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	inner := putBytes(t, j, 5, 7)
	want := layer{Name: "first", Weights: make(spec.Array[float64], spec.MiB), Parts: map[string][]byte{"x": make([]byte, spec.MiB), "y": {1}}, Of: inner}
	for i := range want.Weights {
		want.Weights[i] = float64(i)
	}
	want.Parts["x"][spec.MiB-1] = 9
	r, err := j.Put(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	view, err := host.ViewOf[layer](t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	got := view.Data()
	asBytes(t, got.Of, 5, 7)
	same := func(l layer) bool {
		return l.Name == want.Name && reflect.DeepEqual(l.Weights, want.Weights) && reflect.DeepEqual(l.Parts, want.Parts)
	}
	if !same(got) {
		t.Error("a view is of something else")
	}
	again, err := host.ViewOf[layer](t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if unsafe.SliceData(got.Weights) != unsafe.SliceData(again.Data().Weights) || unsafe.SliceData(got.Parts["x"]) != unsafe.SliceData(again.Data().Parts["x"]) {
		t.Error("two views of an object have its buffers in two places")
	}
	copied, err := host.Get[layer](t.Context(), r)
	if err != nil || !same(copied) {
		t.Errorf("what is got is something else: %v", err)
	}
	copied.Weights[0], copied.Parts["x"][0] = 5, 5 // its own
	if got.Weights[0] != 0 || got.Parts["x"][0] != 0 {
		t.Error("an object was changed")
	}
	again.Data().Of.Release()
	got.Of.Release()
	copied.Of.Release()
	view.Release()
	again.Release()
	inner.Release()
	r.Release()
	unused(t, node)
	clean(t, node, j)
}
