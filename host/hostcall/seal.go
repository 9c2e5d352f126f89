package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// seal makes an object of a draft. What the guest has written is what everybody gets, and the guest can alter it no more: the
// draft becomes a view of the object, at the same address, and what is written there from then on is the guest's own. The
// view ends as every other.
//
// Parameters:
//   - at: the address that draft gave
//
// Result: a handle of the object, to be released.
//
// Errors:
//   - NotFound: there is no draft at that address
//   - ObjectStoreFull: there is no room for it. The draft is still there
//   - LimitExceeded: the sandbox would have more than MaxHandles handles. The draft is still there
//   - PermissionDenied: the caller may not put
func (s *Session) seal(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Views == nil || s.caller.Objects == nil {
		return 0, denied("seal")
	}
	d := s.drafts[p.u32(0)]
	if d == nil {
		return 0, spec.Errorf("", spec.NotFound, "", "there is no draft at %d: it was never given out, was sealed, or its call is over", p.u32(0))
	}
	if err := s.roomFor(1); err != nil {
		return 0, err
	}
	id, err := s.sealDraft(ctx, g, d)
	if err != nil {
		return 0, err
	}
	delete(s.drafts, d.at)
	return int64(s.handles.give(spec.ObjectLink(id))), nil
}

func (s *Session) sealDraft(ctx context.Context, g *engine.Guest, d *draft) (spec.ObjectID, error) {
	if d.object == nil {
		return s.makeObject(ctx, g, source{ptr: d.at, size: d.size}, 0, 0)
	}
	r := d.object.Region()
	if err := g.Windows.Turn(d.at, engine.Shown{Size: uint64(d.size), FD: r.FD, Off: r.Off}); err != nil {
		return spec.ObjectID{}, err
	}
	id, release, err := d.object.Seal() // and not a moment earlier: now the guest cannot write it
	d.object = nil
	if err != nil {
		_ = g.Windows.Close(d.at) // the store is closed, and with it goes the sandbox
		return spec.ObjectID{}, err
	}
	d.view = release
	return id, nil
}
