package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// links gives handles of the refs and actors that a value contains. In the value's CBOR they are tags around a position
// in this list. Each call that writes gives new handles, each to be released on its own.
//
//	the value's CBOR   [ ... d9 d9f9 00 ... d9 d9fa 01 ... ]
//	                          ref, 0 │       actor, 1 │
//	                                 ▼                ▼
//	ptr                       [ xx xx xx xx ]  [ yy yy yy yy ]
//
// Parameters:
//   - handle: of an argument, or of an object that get has returned
//   - ptr, cap: where the handles are written, if there is room for all: cap counts handles
//
// Result: the number of links. If it is more than cap, nothing was written and no handle given.
//
// Errors:
//   - ReferenceCounting, ObjectNotAvailable, InvalidArgument: as for size
//   - LimitExceeded: the sandbox would have more than MaxHandles handles
//   - ObjectStoreFull: there is no room for the table of handles
func (s *Session) links(_ context.Context, g *engine.Guest, p params) (int64, error) {
	v, err := s.value(p.u32(0))
	if err != nil {
		return 0, err
	}
	links := v.Links
	out, err := handleList(g, p.u32(1), min(p.u32(2), spec.MaxLinks), spec.MaxLinks, "links")
	if err != nil {
		return 0, err
	}
	if len(links) > len(out)/handleBytes {
		return int64(len(links)), nil
	}
	if err := s.roomFor(len(links)); err != nil {
		return 0, err
	}
	s.countIn(links)
	for i, l := range links {
		setHandle(out, i, s.handles.give(l))
	}
	return int64(len(links)), nil
}
