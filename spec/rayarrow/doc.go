// Package rayarrow passes Arrow record batches and tables as values: arguments, results and objects, in guests and in Go
// programs that embed a node alike.
//
//	func total(b rayarrow.Batch) (float64, error) {
//		sum := 0.0
//		for _, x := range b.Column(0).(*array.Float64).Float64Values() {
//			sum += x
//		}
//		return sum, nil
//	}
//
// The form is one CBOR item, a byte string under a tag, that holds a whole Arrow IPC stream (Arrow columnar format,
// "Serialization and Interprocess Communication"): the schema, its dictionaries and batches, and the end of the stream.
// The bodies are not compressed and little-endian, so that a reader uses them where they lie:
//
//	d9 d9fb | 5a 0001 2340 | ff ff ff ff  ...  ff ff ff ff 00 00 00 00
//	   tag     byte string   the stream
//
//	value, err := ref.GetValue(ctx)
//	table, err := rayarrow.View(value.Data) // no column is copied
//
// It is a package of its own, so that only programs that import it carry Arrow. It is not a query engine, and it adds
// nothing to Arrow's own types: those of github.com/apache/arrow-go/v18 go in and come out.
//
// Invariants:
//   - What is read was checked in full: lengths, offsets, indices and counts are within their buffers. Hostile bytes are an
//     error of kind InvalidArgument, never a panic, and reading takes memory in proportion to their number.
//   - Columns that were viewed lie in the value's bytes: nobody may change either. They are memory of Go's; Retain and
//     Release have no effect on it.
package rayarrow
