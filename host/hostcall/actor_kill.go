package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// actor_kill ends an actor at once. Its running call fails, and so do those that wait, unless it starts again.
//
// Parameters:
//   - actor: a handle of the actor. The guest keeps it
//   - no_restart: not 0: for good; 0: as a crash would, so that it starts again if it has restarts left
//
// Result: 0.
//
// Errors:
//   - ActorDied: the actor is gone
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: it is not an actor's handle
//   - PermissionDenied: the caller may not use actors
func (s *Session) actorKill(ctx context.Context, _ *engine.Guest, p params) (int64, error) {
	if s.caller.Actors == nil {
		return 0, denied("actor_kill")
	}
	id, err := s.actor(p.u32(0))
	if err != nil {
		return 0, err
	}
	return 0, s.caller.Actors.Kill(ctx, id, p.u32(1) != 0)
}
