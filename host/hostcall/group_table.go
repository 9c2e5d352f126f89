package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// group_table tells of a placement group of the job, or of one with a name: its state, its bundles and where they are, and what it
// waits for.
//
// Parameters:
//   - group, group_size: the group's id, 36 bytes
//   - ptr, cap: where the CBOR of GroupTable is written, if it fits into cap bytes
//
// Result: its length in bytes.
//
// Errors:
//   - NotFound: there is no such placement group, or it is another job's and has no name
//   - InvalidArgument: the id is malformed
//   - PermissionDenied: the caller may not use placement groups
func (s *Session) groupTable(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Groups == nil {
		return 0, denied("group_table")
	}
	group, err := readGroup(g, p.u32(0), p.u32(1))
	if err != nil {
		return 0, err
	}
	table, err := s.caller.Groups.GroupTable(ctx, group)
	if err != nil {
		return 0, err
	}
	form, err := spec.Marshal(&table)
	if err != nil {
		return 0, err
	}
	return pull(g, p.u32(2), p.u32(3), form)
}
