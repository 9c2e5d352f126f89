package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// actor_find finds a living actor by its name.
//
// Parameters:
//   - name, name_size: the actor's name
//   - namespace, namespace_size: where to look; size 0 for the job's namespace
//
// Result: a handle of the actor, to be released.
//
// Errors:
//   - NotFound: no living actor has that name
//   - InvalidArgument: a name is too long or not UTF-8
//   - LimitExceeded: the sandbox would have more than MaxHandles handles
//   - ObjectStoreFull: there is no room for the table of handles
//   - PermissionDenied: the caller may not use actors
func (s *Session) actorFind(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Actors == nil {
		return 0, denied("actor_find")
	}
	name, err := s.readName(g, p.u32(0), p.u32(1), 1, "name of the actor")
	if err != nil {
		return 0, err
	}
	namespace, err := s.readName(g, p.u32(2), p.u32(3), 0, "namespace")
	if err != nil {
		return 0, err
	}
	if err := s.roomFor(1); err != nil {
		return 0, err
	}
	id, err := s.caller.Actors.Find(ctx, name, namespace)
	if err != nil {
		return 0, err
	}
	return int64(s.handles.give(spec.ActorLink(id))), nil
}
