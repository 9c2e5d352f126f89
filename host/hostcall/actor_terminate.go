package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// actor_terminate ends an actor gracefully: the calls that it has are served, later ones fail with ActorDied, and if its
// class has a hook, that is run before the end.
//
// Parameters:
//   - actor: a handle of the actor. The guest keeps it
//
// Result: 0, at once.
//
// Errors:
//   - ActorDied: the actor is gone
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: it is not an actor's handle
//   - PermissionDenied: the caller may not use actors
func (s *Session) actorTerminate(ctx context.Context, _ *engine.Guest, p params) (int64, error) {
	if s.caller.Actors == nil {
		return 0, denied("actor_terminate")
	}
	id, err := s.actor(p.u32(0))
	if err != nil {
		return 0, err
	}
	return 0, s.caller.Actors.Terminate(ctx, id)
}
