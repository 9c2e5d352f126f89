package hostcall

import (
	"context"
	"encoding/binary"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// draft makes room for an object and shows it to the guest, which writes the object's CBOR there, in place, and makes it an
// object with seal. Until then nobody else sees it. It is all zeros to begin with. A draft that is not sealed goes with the
// guest's call, or with unview.
//
// The host chooses the address, as for view. An object of at most MaxInlineBytes, and every one where memory cannot be
// mapped, is copied when it is sealed.
//
// Parameters:
//   - size: the length of the value's CBOR in bytes, 1 to MaxValueBytes. It can contain no refs
//   - at: where the address is written
//
// Result: 0.
//
// Errors:
//   - ObjectStoreFull: there is no room for it
//   - OutOfMemory, LimitExceeded, Unsupported: as for view
//   - InvalidArgument: it has no bytes
//   - PermissionDenied: the caller may not put
func (s *Session) draft(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Views == nil {
		return 0, denied("draft")
	}
	size := p.u32(0)
	if size > spec.MaxValueBytes {
		return 0, spec.Errorf("", spec.LimitExceeded, "", "a value of %d bytes, at most %d (MaxValueBytes)", size, spec.MaxValueBytes)
	}
	out, err := s.placeFor(g, p.u32(1))
	if err != nil {
		return 0, err
	}
	d, show := &draft{session: s, size: size}, engine.Shown{Size: uint64(size), FD: -1}
	if size > spec.MaxInlineBytes {
		if d.object, err = s.caller.Views.Draft(ctx, int64(size)); err != nil {
			return 0, err
		}
	}
	if d.object != nil {
		r := d.object.Region()
		show.FD, show.Off, show.Write = r.FD, r.Off, true
	}
	d.at, err = s.openWindow(g, show, d.release)
	if err != nil {
		d.release()
		return 0, err
	}
	if s.drafts == nil {
		s.drafts = make(map[uint32]*draft)
	}
	s.drafts[d.at] = d
	binary.LittleEndian.PutUint32(out, d.at)
	return 0, nil
}

// draft is an object that the guest makes in place.
type draft struct {
	session *Session
	at      uint32
	size    uint32
	object  Draft  // nil: it is made in memory of the guest's own
	view    func() // ends the view that it has become; nil while it is none
}

// release is called when its window is no more.
func (d *draft) release() {
	if d.session.drafts[d.at] == d {
		delete(d.session.drafts, d.at)
	}
	switch {
	case d.view != nil:
		d.view()
	case d.object != nil:
		d.object.Abort()
	}
}
