package wasmrt

import (
	"slices"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// Windows lie at the upper end of what a guest may grow to, where neither it nor its allocator has ever been:
//
//	|<- what the guest has grown to ->|<- it may grow to here ->|<- window ->| free |<- window ->|
//	0                                                                                       limit
//
// So nobody has to reserve room for them in the guest, and no window can be over anything of the guest's. A guest that
// grows stops below them, for its page limit is lowered meanwhile.
//
// They are closed before the memory is compared with the image, kept, or given to somebody else; and only when one is
// closed its file may show other bytes.

// window is a run of a memory in which something else is shown.
type window struct {
	at, n   uint64 // bytes; at is a multiple of pageSize
	release func()
}

// pages is how much of the memory it takes, in bytes.
func (w window) pages() uint64 { return wholePages(w.n) }

func wholePages(n uint64) uint64 { return (n + pageSize - 1) / pageSize * pageSize }

// windows is an instance as its host functions see it. It implements engine.Windows.
type windows struct{ *instance }

// Open opens a window.
func (w windows) Open(show engine.Shown, release func()) (uint32, error) {
	n := show.Len()
	at, err := w.place(n)
	if err == nil {
		err = w.show(at, show)
	}
	if err != nil {
		return 0, &spec.Error{Op: "open a window", Kind: spec.KindOf(err), Err: err}
	}
	below := func(x window) bool { return x.at < at }
	k := slices.IndexFunc(w.opened, below)
	if k < 0 {
		k = len(w.opened)
	}
	w.opened = slices.Insert(w.opened, k, window{at, n, release})
	w.limitGrowth()
	return uint32(at), nil
}

// place finds room for a window of n bytes, the highest there is, and makes sure that the memory is so long.
func (w windows) place(n uint64) (at uint64, err error) {
	limit := uint64(w.limit) * wasmPage
	switch {
	case w.pageLimit == nil || w.engine.Memory() == nil:
		return 0, spec.Errorf("", spec.Unsupported, "", "the module has no memory of its own that can be limited")
	case n == 0:
		return 0, spec.Errorf("", spec.InvalidArgument, "", "there is nothing to show")
	case len(w.opened) >= spec.MaxWindows:
		return 0, spec.Errorf("", spec.LimitExceeded, "", "%d are open, at most %d (MaxWindows): release some", len(w.opened), spec.MaxWindows)
	}
	floor, free := uint64(w.believedPages())*wasmPage, limit
	fits := func(from uint64) bool { return from <= free && n <= free-from && wholePages(n) <= free-from }
	for _, x := range w.opened { // from the top down
		if fits(x.at + x.pages()) {
			break
		}
		free = x.at
	}
	if !fits(floor) {
		return 0, spec.Errorf("", spec.OutOfMemory, "", "%s do not fit between the %s that the guest has grown to and its limit of %s, beside %d other windows: release some, or raise the memory option",
			spec.FormatBytes(int64(n)), spec.FormatBytes(int64(floor)), spec.FormatBytes(int64(limit)), len(w.opened))
	}
	at = free - wholePages(n)
	if uint64(len(w.engine.Memory())) < free && !w.engine.Grow(roundUp(free)) {
		return 0, spec.Errorf("", spec.OutOfMemory, "", "the engine does not make the memory longer, up to its limit of %s", spec.FormatBytes(int64(limit)))
	}
	return at, nil
}

// show makes something appear in the memory, of which nobody knows what is there.
func (w windows) show(at uint64, show engine.Shown) error {
	if show.FD >= 0 {
		if show.Off < 0 || show.Off%pageSize != 0 {
			return spec.Errorf("", spec.InvalidArgument, "", "what is shown begins at %d of a file, within a page of %d bytes", show.Off, pageSize)
		}
		return w.room.show(at, show)
	}
	to := w.engine.Memory()[at:][:wholePages(show.Len())]
	clear(to[copy(to, show.Bytes):])
	return nil
}

// limitGrowth lets the guest grow up to the lowest window.
func (i *instance) limitGrowth() {
	limit := uint64(i.limit)
	if n := len(i.opened); n > 0 {
		limit = min(limit, i.opened[n-1].at/wasmPage)
	}
	i.pageLimit.Set(limit)
}

// find returns which window is at an address.
func (w windows) find(op string, at uint32) (int, error) {
	k := slices.IndexFunc(w.opened, func(x window) bool { return x.at == uint64(at) })
	if k < 0 {
		return 0, spec.Errorf(op, spec.NotFound, "", "there is no window at %d", at)
	}
	return k, nil
}

// Turn makes a window show something else.
func (w windows) Turn(at uint32, show engine.Shown) error {
	const op = "turn a window"
	k, err := w.find(op, at)
	if err != nil {
		return err
	}
	x := w.opened[k]
	if show.Len() != x.n {
		return spec.Errorf(op, spec.InvalidArgument, "", "it shows %d bytes, and not %d", x.n, show.Len())
	}
	if show.FD < 0 && !w.room.cover(x) { // or else the copy would go where the window shows
		return spec.Errorf(op, spec.OutOfMemory, "", "the process has too many mappings")
	}
	if err := w.show(x.at, show); err != nil {
		return &spec.Error{Op: op, Kind: spec.KindOf(err), Err: err}
	}
	return nil
}

// Close closes a window.
func (w windows) Close(at uint32) error {
	const op = "close a window"
	k, err := w.find(op, at)
	if err != nil {
		return err
	}
	x := w.opened[k]
	if !w.room.cover(x) {
		return spec.Errorf(op, spec.OutOfMemory, "", "the process has too many mappings")
	}
	w.opened = slices.Delete(w.opened, k, k+1)
	w.limitGrowth()
	x.release()
	return nil
}

// closeWindows closes all windows. false: some could not be closed, and the memory has to be freed.
func (i *instance) closeWindows() bool {
	if len(i.opened) == 0 {
		return true
	}
	for n := len(i.opened); n > 0; n = len(i.opened) {
		x := i.opened[n-1]
		if !i.room.cover(x) {
			return false
		}
		i.opened[n-1] = window{}
		i.opened = i.opened[:n-1]
		x.release()
	}
	i.limitGrowth()
	return true
}

// abandonWindows lets go of what was shown, when the memory is no more.
func (i *instance) abandonWindows() {
	for _, x := range i.opened {
		x.release()
	}
	i.opened = nil
}
