package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// fail gives the error that the call ends with; ray_call then returns 1. The error reaches whoever gets the call's
// result as a TaskError: one of another kind becomes its cause. Of several calls the last counts.
//
// Parameters:
//   - ptr, size: the error's CBOR, at most MaxFormBytes. Texts longer than MaxErrorText and causes deeper than
//     MaxErrorDepth are cut
//
// Result: 0.
//
// Errors:
//   - NotFound: no call is being served
//   - InvalidArgument: it is not the CBOR of an error
//   - LimitExceeded: it is longer than MaxFormBytes
func (s *Session) fail(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if err := s.served(); err != nil {
		return 0, err
	}
	form, err := readForm(g, p.u32(0), p.u32(1))
	if err != nil {
		return 0, err
	}
	fault, err := spec.UnmarshalError(form)
	if err != nil {
		return 0, err
	}
	if fault.Kind != spec.TaskError {
		fault = &spec.Error{Kind: spec.TaskError, Err: fault}
	}
	s.failure = fault
	return 0, nil
}
