package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// resources tells what the cluster has and what of it nobody holds or has reserved. Others take and give back meanwhile: it is
// no promise.
//
// Parameters:
//   - ptr, cap: where the CBOR of ClusterResources is written, if it fits into cap bytes
//
// Result: its length in bytes.
//
// Errors:
//   - PermissionDenied: there is nothing to tell yet: the module is being asked to describe itself
func (s *Session) resources(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Context == nil {
		return 0, denied("resources")
	}
	all := s.caller.Context.Resources()
	form, err := spec.Marshal(&all)
	if err != nil {
		return 0, err
	}
	return pull(g, p.u32(0), p.u32(1), form)
}
