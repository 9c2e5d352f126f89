package ray

import "github.com/raywasm/raywasm/spec"

// RegisterSerializer says how values of type T, which the program perhaps does not own, travel: as a W, which encode makes
// of a T and decode makes a T of, wherever inside a value a T stands. Call it while the program initialises, before
// functions that carry a T are made remote:
//
//	var _ = ray.RegisterSerializer(
//		func(p *pool.Pool) (int, error) { return p.Size(), nil },
//		func(size int) (*pool.Pool, error) { return pool.New(size) })
//
// A type of the program's own has MarshalCBOR and UnmarshalCBOR instead, or the methods of encoding.BinaryMarshaler or
// encoding.TextMarshaler and their counterparts.
func RegisterSerializer[T, W any](encode func(T) (W, error), decode func(W) (T, error)) struct{} {
	spec.RegisterSerializer(encode, decode)
	return struct{}{}
}

// Inspection is what [InspectSerializability] found: problems, and what stays behind.
type Inspection = spec.Inspection

// InspectSerializability tells which parts of a value cannot be passed, put or returned, and why.
//
//	fmt.Print(ray.InspectSerializability(config))
func InspectSerializability(v any) *Inspection { return spec.InspectSerializability(v) }
