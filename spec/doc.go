// Package spec holds the nouns of raywasm: ids, modules' digests, resources, options, errors, values and the forms
// that cross a boundary (guest ABI, node to node, HTTP), together with their CBOR encoding (RFC 8949) and the limits
// every decoder enforces.
//
// What it is not: there is no behaviour here. Nothing in this package schedules, stores, runs or retries; it starts no
// goroutine, reads no clock and does no I/O. Guests import it too, so it depends on the standard library and the CBOR
// codec alone.
//
// Invariants:
//   - [Kind] is closed and append-only: a number, once released, keeps its meaning and its parent for ever.
//   - [Marshal] is deterministic: equal values give equal bytes (RFC 8949 section 4.2.1).
//   - [Unmarshal] is bounded: hostile bytes give an error of kind [InvalidArgument], never a panic and never an
//     allocation larger than a small multiple of the input.
//   - Ids are values: comparable, usable as map keys, printed as lower-case hex as Ray prints them.
package spec
