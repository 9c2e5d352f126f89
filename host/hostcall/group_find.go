package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// group_find finds a placement group by its name.
//
// Parameters:
//   - name, name_size: the group's name
//   - namespace, namespace_size: where to look; size 0 for the job's namespace
//   - ptr, cap: where the id is written, 36 bytes; cap is at least that
//
// Result: the length of the id, 36.
//
// Errors:
//   - NotFound: no placement group has that name
//   - InvalidArgument: a name is too long or not UTF-8, or cap is too small
//   - PermissionDenied: the caller may not use placement groups
func (s *Session) groupFind(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Groups == nil {
		return 0, denied("group_find")
	}
	name, err := s.readName(g, p.u32(0), p.u32(1), 1, "name of the placement group")
	if err != nil {
		return 0, err
	}
	namespace, err := s.readName(g, p.u32(2), p.u32(3), 0, "namespace")
	if err != nil {
		return 0, err
	}
	if err := roomForGroup(g, p.u32(4), p.u32(5)); err != nil {
		return 0, err
	}
	id, err := s.caller.Groups.FindGroup(ctx, name, namespace)
	if err != nil {
		return 0, err
	}
	return pull(g, p.u32(4), p.u32(5), id.String())
}
