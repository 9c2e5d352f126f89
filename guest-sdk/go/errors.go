package ray

import "github.com/raywasm/raywasm/spec"

// Error is the one error type of raywasm: what was attempted, which kind of failure it was, on which thing, and why.
//
//	errors.Is(err, ray.ActorError)          // by kind, or any more general one
//	var e *ray.Error; errors.As(err, &e)    // e.Op, e.Kind, e.ID, e.Err
//	var f *ray.Fault; errors.As(err, &f)    // what the remote code said, and its stack
type Error = spec.Error

// Fault is what remote code that failed said of it: type, message, stack, and what the error wrapped.
type Fault = spec.Fault

// Kind classifies an error. The kinds are errors themselves, for errors.Is. A remote function may wrap one in the error
// it returns; the caller then finds it there:
//
//	return nil, fmt.Errorf("user %d: %w", id, ray.NotFound)
type Kind = spec.Kind

// RegisterError lets errors of type E cross as values, so that a caller's errors.As finds them with their fields:
//
//	var _ = ray.RegisterError[*NoUserError]()
//
// Without it errors.As finds a [Fault], and errors.Is tells errors apart by type and text.
func RegisterError[E error]() struct{} {
	spec.RegisterError[E]()
	return struct{}{}
}
