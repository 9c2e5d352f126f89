package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// group_ready makes an object that is there, with the value true, when all bundles of a placement group are reserved. It holds
// an error if they can never be, or if the group is removed or does not exist.
//
// Parameters:
//   - group, group_size: the group's id, 36 bytes
//
// Result: a handle of the object, to be released.
//
// Errors:
//   - InvalidArgument: the id is malformed
//   - LimitExceeded: the sandbox would have more than MaxHandles handles
//   - ObjectStoreFull: there is no room for what the host has to keep
//   - PermissionDenied: the caller may not use placement groups
func (s *Session) groupReady(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Groups == nil {
		return 0, denied("group_ready")
	}
	group, err := readGroup(g, p.u32(0), p.u32(1))
	if err != nil {
		return 0, err
	}
	if err := s.roomFor(1); err != nil {
		return 0, err
	}
	id, err := s.caller.Groups.GroupReady(ctx, group)
	if err != nil {
		return 0, err
	}
	return int64(s.handles.give(spec.ObjectLink(id))), nil
}
