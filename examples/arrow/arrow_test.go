package main_test

import (
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/spec/rayarrow"
)

func TestArrow(t *testing.T) {
	t.Setenv("GOFLAGS", "-tags=arrow_json_stdlib") // a smaller guest: see the README
	example := exampletest.Open(t, host.Config{})
	got := example.Run(t, host.JobConfig{})
	const want = `longer than 5 km: 72500 trips
longer than 10 km: 47500 trips
longer than 15 km: 22500 trips
142500 rows in 3 batches, fares 3588750.00
`
	if got.Status != 0 || got.Stdout != want {
		t.Errorf("status %d, stdout\n%s\nwant\n%s\nstderr %s", got.Status, got.Stdout, want, got.Stderr)
	}

	// A Go program that embeds the node passes a batch, and reads the guest's answer where it lies.
	job := example.Job(t)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "km", Type: arrow.PrimitiveTypes.Float64}, {Name: "fare", Type: arrow.PrimitiveTypes.Float64}}, nil))
	for i := range 50_000 {
		b.Field(0).(*array.Float64Builder).Append(float64(i))
		b.Field(1).(*array.Float64Builder).Append(1)
	}
	refs, err := job.Submit(t.Context(), "Longer", spec.TaskOptions{}, rayarrow.Batch{RecordBatch: b.NewRecordBatch()}, 9.5)
	if err != nil {
		t.Fatal(err)
	}
	value, err := refs[0].GetValue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table, err := rayarrow.View(value.Data)
	if err != nil {
		t.Fatal(err)
	}
	km := table.Batches[0].Column(0).(*array.Float64).Float64Values()
	if len(km) != 50_000-10 || km[0] != 10 || km[len(km)-1] != 49_999 {
		t.Errorf("%d lengths from %v to %v", len(km), km[0], km[len(km)-1])
	}
	at, from := uintptr(unsafe.Pointer(&km[0])), uintptr(unsafe.Pointer(&value.Data[0]))
	if at < from || at >= from+uintptr(len(value.Data)) {
		t.Error("the column was copied")
	}
	if start := from + uintptr(spec.ArrayOffset(value.Data)); start%64 != 0 {
		t.Errorf("the stream begins at %x, no multiple of 64", start)
	}
}
