package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// actor_exit ends the actor whose method this is, once the call is over, gracefully and without a restart: its other calls
// that run end first, those that wait fail. This call fails with ActorDied, whatever it returns. If the class has a hook,
// that is run before the end.
//
// Result: 0. The guest is to end the call soon.
//
// Errors:
//   - InvalidArgument: this is no actor
//   - PermissionDenied: the caller may not use actors
func (s *Session) actorExit(ctx context.Context, _ *engine.Guest, _ params) (int64, error) {
	if s.caller.Actors == nil {
		return 0, denied("actor_exit")
	}
	return 0, s.caller.Actors.Exit(ctx)
}
