package ray

import "github.com/raywasm/raywasm/spec"

// Array is a slice of numbers that travels as a typed array (RFC 8746): as bytes, not as an item per element. Use it for
// more than a few dozen numbers, as a value or as a field or element of one. From 64 KiB on it is passed without being copied
// into an encoding, and decoded without being copied out of it.
//
//	func sum(v ray.Array[float64]) (float64, error)
//
//	type layer struct {
//		Name    string
//		Weights ray.Array[float32] // any []float32 can be assigned to it
//	}
type Array[T spec.Number] = spec.Array[T]
