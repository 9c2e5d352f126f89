package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// self tells the guest where it runs: job, task, attempt, node, namespace, resources. The ids are text, to be shown to
// people: no function takes one of these.
//
// Parameters:
//   - ptr, cap: where the CBOR of Self is written, if it fits into cap bytes
//
// Result: its length in bytes.
//
// Errors:
//   - PermissionDenied: there is nothing to tell yet: the module is being asked to describe itself
func (s *Session) self(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Context == nil {
		return 0, denied("self")
	}
	self := s.caller.Context.Self()
	form, err := spec.Marshal(&self)
	if err != nil {
		return 0, err
	}
	return pull(g, p.u32(0), p.u32(1), form)
}
