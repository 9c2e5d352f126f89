package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// serve says for which of the calls that run at once the guest acts from now on: the functions name, arg, ret, fail and done
// concern it, and what is submitted and put is that call's. ray_start begins with its own call.
//
// Parameters:
//   - call: its number, as ray_start got it; 0: no call, the actor itself
//
// Result: 0.
//
// Errors:
//   - NotFound: no such call runs
//   - Unsupported: the sandbox serves one call at a time
func (s *Session) serve(_ context.Context, _ *engine.Guest, p params) (int64, error) {
	if s.concurrent == nil {
		return 0, s.alone("serve")
	}
	if !s.become(p.u32(0)) {
		return 0, spec.Errorf("", spec.NotFound, "", "no call %d runs", p.u32(0))
	}
	return 0, nil
}
