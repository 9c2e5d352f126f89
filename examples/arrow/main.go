// Arrow passes columns: batches of trips go to tasks, which keep the long ones and add up what they cost, column by
// column, where the numbers lie.
package main

import (
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
	"github.com/raywasm/raywasm/spec/rayarrow"
)

// trips is what is known of taxi trips.
var trips = arrow.NewSchema([]arrow.Field{
	{Name: "km", Type: arrow.PrimitiveTypes.Float64},
	{Name: "fare", Type: arrow.PrimitiveTypes.Float64},
}, nil)

var (
	long  = ray.Remote2(Longer)
	total = ray.Remote1(Sum)
)

// Longer returns the rows of more than so many km.
func Longer(b rayarrow.Batch, km float64) (rayarrow.Batch, error) {
	lengths, fares, err := columns(b)
	if err != nil {
		return rayarrow.Batch{}, err
	}
	out := array.NewRecordBuilder(memory.DefaultAllocator, trips)
	for i, x := range lengths {
		if x > km {
			out.Field(0).(*array.Float64Builder).Append(x)
			out.Field(1).(*array.Float64Builder).Append(fares[i])
		}
	}
	return rayarrow.Batch{RecordBatch: out.NewRecordBatch()}, nil
}

// Sum adds up the fares of all batches of a table.
func Sum(t rayarrow.Table) (float64, error) {
	sum := 0.0
	for _, b := range t.Batches {
		_, fares, err := columns(rayarrow.Batch{RecordBatch: b})
		if err != nil {
			return 0, err
		}
		for _, x := range fares {
			sum += x
		}
	}
	return sum, nil
}

// columns returns both columns of trips, not copied.
func columns(b rayarrow.Batch) (km, fares []float64, err error) {
	if b.RecordBatch == nil || !b.Schema().Equal(trips) {
		return nil, nil, fmt.Errorf("want trips, with the columns\n%v", trips)
	}
	return b.Column(0).(*array.Float64).Float64Values(), b.Column(1).(*array.Float64).Float64Values(), nil
}

// day makes the trips of a day.
func day(n int) rayarrow.Batch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, trips)
	for i := range n {
		km := float64(i%40) / 2
		b.Field(0).(*array.Float64Builder).Append(km)
		b.Field(1).(*array.Float64Builder).Append(4 + 1.5*km)
	}
	return rayarrow.Batch{RecordBatch: b.NewRecordBatch()}
}

func run() error {
	all, err := ray.Put(day(100_000))
	if err != nil {
		return err
	}
	var found []ray.Ref[rayarrow.Batch]
	for _, km := range []float64{5, 10, 15} {
		found = append(found, long.RemoteRefs(all, ray.Val(km)))
	}
	batches, err := ray.GetAll(found)
	if err != nil {
		return err
	}
	table := rayarrow.Table{Schema: trips}
	for i, b := range batches {
		fmt.Printf("longer than %d km: %d trips\n", 5*(i+1), b.NumRows())
		table.Batches = append(table.Batches, b.RecordBatch)
	}
	fares, err := total.Remote(table).Get()
	fmt.Printf("%d rows in %d batches, fares %.2f\n", table.Rows(), len(table.Batches), fares)
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "arrow:", err)
		os.Exit(1)
	}
}
