package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// group_remove ends a placement group of the job, or one with a name. Tasks and actors that run in it end with
// TaskPlacementGroupRemoved and ActorPlacementGroupRemoved. Removing twice is fine.
//
// Parameters:
//   - group, group_size: the group's id, 36 bytes
//
// Result: 0.
//
// Errors:
//   - NotFound: there is no such placement group, or it is another job's and has no name
//   - InvalidArgument: the id is malformed
//   - PermissionDenied: the caller may not use placement groups
func (s *Session) groupRemove(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Groups == nil {
		return 0, denied("group_remove")
	}
	group, err := readGroup(g, p.u32(0), p.u32(1))
	if err != nil {
		return 0, err
	}
	return 0, s.caller.Groups.RemoveGroup(ctx, group)
}
