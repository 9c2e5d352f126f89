package hostcall

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// view waits until an object is there and shows its CBOR in the guest's memory, however long it is: the object's own pages
// are mapped, copy on write. What the guest writes there is its own, and nobody else ever sees it. A value of at most
// MaxInlineBytes is copied, and so is every value where memory cannot be mapped.
//
//	the guest's memory [ stack, heap, ...        | it may grow to here |  the value  | . ]
//	                                                                   ▲ *at          ▲ zeros up to a multiple of 4096
//
// The host chooses the address, a multiple of 4096: above all that the guest has grown its memory to, and below the limit
// of its memory option, which the guest cannot reach by growing meanwhile. The view ends with unview or with the guest's
// call (of a driver: with the program): then zeros are there. The object stays in memory for as long; it is kept by its
// handle no less and no more than without.
//
// Parameters:
//   - handle: of an argument, or of an object
//   - timeout: in nanoseconds; negative: none, 0: only look
//   - at: where the address is written
//
// Result: the length of the value in bytes.
//
// Errors:
//   - as for get
//   - OutOfMemory: it does not fit between what the guest has grown to and its limit
//   - LimitExceeded: MaxWindows views and drafts are open
//   - ObjectStoreFull: so much is kept in memory for views that not all of it can be: release some
//   - Unsupported: the sandbox serves several calls at once, or the module's memory has no limit. read copies
func (s *Session) view(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Views == nil {
		return 0, denied("view")
	}
	out, err := s.placeFor(g, p.u32(2))
	if err != nil {
		return 0, err
	}
	v, err := s.open(ctx, g, p.u32(0), time.Duration(p.i64(1)), true)
	if err != nil {
		return 0, err
	}
	n := len(v.Bytes)
	at, err := g.Windows.Open(shown(v), v.Release)
	if err != nil {
		v.Release()
		return 0, err
	}
	binary.LittleEndian.PutUint32(out, at)
	return int64(n), nil
}

// shown is how a view looks to a guest.
func shown(v *store.View) engine.Shown {
	return engine.Shown{Bytes: v.Bytes, FD: v.Region.FD, Off: v.Region.Off}
}

// addressBytes is an address in the guest's memory: 32 bits, little-endian.
const addressBytes = 4

// placeFor returns where the address of a window is to be written, if there may be one.
func (s *Session) placeFor(g *engine.Guest, ptr uint32) ([]byte, error) {
	if s.concurrent != nil {
		return nil, spec.Errorf("", spec.Unsupported, "", "this sandbox serves several calls at once: what it sees would end with the turn of one of them")
	}
	return view(g, ptr, addressBytes)
}

// open waits for a value and returns a view of it, to be released: of an argument, or of an object, whose refs links gives
// from then on. keep: for longer than this call.
func (s *Session) open(ctx context.Context, g *engine.Guest, handle uint32, timeout time.Duration, keep bool) (*store.View, error) {
	if a, ok := s.argument(handle); ok {
		if !a.IsRef || !away(a.Value) {
			return here(a.Value), nil
		}
		g.Unpin()
		v, err := s.caller.Views.View(ctx, a.Ref, spec.Forever, keep)
		return v.View, err
	}
	at, err := s.object(handle)
	if err != nil {
		return nil, err
	}
	if at.ready && !away(at.value) {
		return here(at.value), nil
	}
	g.Unpin()
	v, err := s.caller.Views.View(ctx, at.link.Object, timeout, keep)
	if err != nil {
		return nil, err
	}
	if at = s.handles.at(handle); v.Region == store.NoRegion {
		at.value.Data = v.Bytes
	}
	at.value.Links, at.ready = v.Links, true
	return v.View, nil
}

// content is open for what get has returned.
func (s *Session) content(ctx context.Context, g *engine.Guest, handle uint32) (*store.View, error) {
	if _, err := s.value(handle); err != nil {
		return nil, err
	}
	return s.open(ctx, g, handle, spec.Forever, false)
}

// away reports whether a value is large: then it has no bytes here, and they are read where they lie.
func away(v spec.Value) bool { return len(v.Data) == 0 }

// here is a view of a value that is here.
func here(v spec.Value) *store.View { return store.NewView(v.Data, store.NoRegion, 0, func() {}) }
