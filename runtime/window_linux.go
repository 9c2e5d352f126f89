package wasmrt

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// window is a run of a room's pages over which a file is mapped. See engine.Windows.
//
//	|<- image, copy on write ->|<- headroom ->|<- grown          ->|
//	          [ window ]                          [  window  ]
//	 closed: the image again                 closed: zeros again
//
// A window is closed before its memory is compared with the image, kept, or given to somebody else; and only when it is
// closed its file may show other bytes.
type window struct {
	at, n   uint64 // whole pages
	release func()
}

// windowed is an instance as its host functions see it.
type windowed struct{ *instance }

func (i *instance) windows() engine.Windows { return windowed{i} }

// Map opens a window.
func (w windowed) Map(at, n uint64, fd int, off int64, release func()) error {
	const op = "map an object"
	r, length := w.room, uint64(len(w.engine.Memory()))
	pages := (n + pageSize - 1) / pageSize * pageSize
	switch {
	case n == 0 || at%pageSize != 0 || off < 0 || off%pageSize != 0:
		return spec.Errorf(op, spec.InvalidArgument, "", "%d bytes at address %d: a window has whole pages of %d bytes", n, at, pageSize)
	case n > length || pages > length || at > length-pages:
		return spec.Errorf(op, spec.InvalidArgument, "", "%d bytes at address %d are not in a memory of %d", n, at, length)
	case len(r.windows) >= spec.MaxWindows:
		return spec.Errorf(op, spec.LimitExceeded, "", "%d are open, at most %d (MaxWindows): release some", len(r.windows), spec.MaxWindows)
	}
	for _, x := range r.windows {
		if at < x.at+x.n && x.at < at+pages {
			return spec.Errorf(op, spec.InvalidArgument, "", "%d bytes at address %d are over the window at %d", n, at, x.at)
		}
	}
	if _, err := unix.MmapPtr(fd, off, unsafe.Add(r.base, at), uintptr(pages), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED); err != nil {
		return &spec.Error{Op: op, Kind: spec.OutOfMemory, Err: err}
	}
	r.windows = append(r.windows, window{at, pages, release})
	return nil
}

// Unmap closes the window at an address.
func (w windowed) Unmap(at uint64) error {
	const op = "unmap an object"
	r := w.room
	k := slices.IndexFunc(r.windows, func(x window) bool { return x.at == at })
	if k < 0 {
		return spec.Errorf(op, spec.NotFound, "", "there is no window at %d", at)
	}
	x := r.windows[k]
	if !r.cover(x) {
		return spec.Errorf(op, spec.OutOfMemory, "", "the process has too many mappings")
	}
	r.windows = slices.Delete(r.windows, k, k+1)
	x.release()
	return nil
}

// closeWindows closes all windows. false: some could not be closed, and the room has to be freed.
func (r *room) closeWindows() bool {
	for len(r.windows) > 0 {
		last := len(r.windows) - 1
		x := r.windows[last]
		if !r.cover(x) {
			return false
		}
		r.windows[last] = window{}
		r.windows = r.windows[:last]
		x.release()
	}
	return true
}

// cover maps over a window what was there before: the image and the hole behind it, and zeros beyond.
func (r *room) cover(x window) bool {
	end := x.at + x.n
	if x.at < r.mapped {
		n := min(end, r.mapped) - x.at
		if _, err := unix.MmapPtr(r.image.fd, int64(x.at), unsafe.Add(r.base, x.at), uintptr(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED); err != nil {
			return false
		}
		x.at += n
	}
	if x.at < end {
		if _, err := unix.MmapPtr(-1, 0, unsafe.Add(r.base, x.at), uintptr(end-x.at), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_ANON|unix.MAP_NORESERVE); err != nil {
			return false
		}
	}
	return true
}

// abandonWindows lets go of what was shown, when the memory is no more.
func (r *room) abandonWindows() {
	for _, x := range r.windows {
		x.release()
	}
	r.windows = nil
}
