package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// error tells all about the last function that returned a negative number: what was attempted, the kind, on which thing,
// why. It is there until the next one fails or the call ends, and error itself does not replace it.
//
// Parameters:
//   - ptr, cap: where the error's CBOR is written, if it fits into cap bytes
//
// Result: its length in bytes; 0 if nothing has failed in this call.
func (s *Session) error(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.last == nil {
		return pull(g, p.u32(0), p.u32(1), "")
	}
	return pull(g, p.u32(0), p.u32(1), spec.MarshalError(s.last))
}
