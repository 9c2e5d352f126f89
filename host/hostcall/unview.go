package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// unview ends a view, or gives a draft up. Afterwards zeros are there, and the guest can grow its memory to it.
//
// Parameters:
//   - at: the address that view or draft gave
//
// Result: 0.
//
// Errors:
//   - NotFound: there is neither a view nor a draft at that address
//   - PermissionDenied: the caller may not view
func (s *Session) unview(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Views == nil {
		return 0, denied("unview")
	}
	return 0, g.Windows.Close(p.u32(0))
}
