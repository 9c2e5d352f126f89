package ray

import "github.com/raywasm/raywasm/spec"

// Array is a slice of numbers that travels as a typed array (RFC 8746): as bytes, not as an item per element. Use it for
// more than a few dozen numbers. A large one that is an argument or an object itself, not a part of one, is decoded
// without a copy.
//
//	func sum(v ray.Array[float64]) (float64, error)
type Array[T spec.Number] = spec.Array[T]
