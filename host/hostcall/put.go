package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// put makes an object of a value. It can be passed to any number of calls, and got by whoever gets its ref.
//
//	ptr                                 handles
//	 ▼                                   ▼
//	[ 82 d9 d9f9 00 d9 d9f9 01 ]        [ 05 00 00 00 | 09 00 00 00 ]
//	  a list of two refs, size 9          link 0        link 1         n 2
//
// Parameters:
//   - ptr, size: the value's CBOR, at most MaxValueBytes
//   - handles, n: handles of what the value contains, in the order of the positions in its tags, at most MaxLinks. The
//     guest keeps them; the object counts for itself what it contains
//
// Result: a handle of the object, to be released.
//
// Errors:
//   - ObjectStoreFull: there is no room for it
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: a handle is an argument's
//   - LimitExceeded: it is too long, contains too many, or the sandbox would have more than MaxHandles handles
//   - PermissionDenied: the caller may not put
//
// When it fails, what was passed so far for the next call is given up (see pass_value).
func (s *Session) put(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	handle, err := s.putValue(ctx, g, p)
	if err != nil {
		s.forgetPassed()
	}
	return handle, err
}

func (s *Session) putValue(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	from := s.takeSource(p.u32(0), p.u32(1))
	if s.caller.Objects == nil {
		return 0, denied("put")
	}
	if err := s.roomFor(1); err != nil {
		return 0, err
	}
	id, err := s.makeObject(ctx, g, from, p.u32(2), p.u32(3))
	if err != nil {
		return 0, err
	}
	return int64(s.handles.give(spec.ObjectLink(id))), nil
}

// makeObject makes an object of a value. A large one is copied once, from the guest's memory to where it will lie.
func (s *Session) makeObject(ctx context.Context, g *engine.Guest, from source, handles, n uint32) (spec.ObjectID, error) {
	at, err := s.findValue(g, from, handles, n, space{spec.MaxValueBytes, spec.MaxLinks, "MaxValueBytes"})
	if err != nil {
		return spec.ObjectID{}, err
	}
	if at.size > spec.MaxInlineBytes {
		kept := valueBytes(0, int(n))
		if err := s.hold(kept); err != nil {
			return spec.ObjectID{}, err
		}
		links := s.linksOf(at.in)
		s.drop(kept) // the object reserves it
		return s.caller.Objects.Place(ctx, at.parts(g, at.list), links)
	}
	v, err := s.copyValue(g, at)
	if err != nil {
		return spec.ObjectID{}, err
	}
	s.drop(valueBytes(len(v.Data), len(v.Links))) // the object reserves it
	return s.caller.Objects.Put(ctx, v)
}
