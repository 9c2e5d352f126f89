package hostcall

import (
	"context"
	"encoding/hex"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// groupIDBytes is the length of a group's id as text.
const groupIDBytes = 2 * len(spec.GroupID{})

// group_create makes a placement group and returns at once. It is named by its id, as text, in the placement of tasks and
// actors and in the other functions of groups; it is no handle, and ends when it is removed or, unless it is detached, with the
// job.
//
// Parameters:
//   - options, options_size: the CBOR of GroupOptions
//   - ptr, cap: where the id is written, 36 bytes; cap is at least that
//
// Result: the length of the id, 36.
//
// Errors:
//   - AlreadyExists: the name is taken
//   - InvalidArgument: the options are malformed, or cap is too small
//   - LimitExceeded: there are too many bundles, or the job would have more than MaxPlacementGroups groups
//   - ObjectStoreFull: there is no room for what the host has to keep
//   - PermissionDenied: the caller may not use placement groups
func (s *Session) groupCreate(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Groups == nil {
		return 0, denied("group_create")
	}
	opts, err := readOptions[spec.GroupOptions](g, p.u32(0), p.u32(1))
	if err != nil {
		return 0, err
	}
	if err := roomForGroup(g, p.u32(2), p.u32(3)); err != nil {
		return 0, err
	}
	id, err := s.caller.Groups.CreateGroup(ctx, opts)
	if err != nil {
		return 0, err
	}
	return pull(g, p.u32(2), p.u32(3), id.String())
}

// roomForGroup checks where an id is to be written, before there is one.
func roomForGroup(g *engine.Guest, ptr, room uint32) error {
	if room < uint32(groupIDBytes) {
		return spec.Errorf("", spec.InvalidArgument, "", "the id of a placement group has %d bytes, and there is room for %d", groupIDBytes, room)
	}
	_, err := view(g, ptr, room)
	return err
}

// readGroup reads the id of a group.
func readGroup(g *engine.Guest, ptr, size uint32) (id spec.GroupID, err error) {
	if size != uint32(groupIDBytes) {
		return id, spec.Errorf("", spec.InvalidArgument, "", "the id of a placement group has %d bytes, not %d", groupIDBytes, size)
	}
	text, err := view(g, ptr, size)
	if err != nil {
		return id, err
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return id, &spec.Error{Kind: spec.InvalidArgument, ID: "placement group", Err: err}
	}
	return id, nil
}
