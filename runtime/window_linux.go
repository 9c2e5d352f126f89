package wasmrt

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// show maps a file in the room: a private copy on write, or if it may be written the file itself. Then its pages are mapped
// at once, which costs a fraction of what it costs when the guest touches them one by one, and is an error, and no fault, if
// there is no memory for them. They are mapped as if they were read, for then the system maps many at a time, and those of
// shared memory can be written nevertheless.
func (r *room) show(at uint64, show engine.Shown) error {
	n, flags := wholePages(show.Len()), unix.MAP_PRIVATE
	if show.Write {
		flags = unix.MAP_SHARED
	}
	err := r.mapAt(at, n, show.FD, show.Off, flags)
	if err == nil && show.Write {
		if err = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(r.base, at)), n), unix.MADV_POPULATE_READ); err != nil && !r.cover(window{at: at, n: n}) {
			return spec.Errorf("", spec.System, "", "a window that cannot be written cannot be closed: %w", err)
		}
	}
	if err != nil {
		return &spec.Error{Kind: spec.OutOfMemory, Err: err}
	}
	return nil
}

// cover maps over a window what was there before: the image and the hole behind it, and zeros beyond.
func (r *room) cover(x window) bool {
	at, end := x.at, x.at+x.pages()
	if at < r.mapped {
		n := min(end, r.mapped) - at
		if r.mapAt(at, n, r.image.fd, int64(at), unix.MAP_PRIVATE) != nil {
			return false
		}
		at += n
	}
	return at == end || r.mapAt(at, end-at, -1, 0, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE) == nil
}

// mapAt replaces n bytes of the room by a mapping.
func (r *room) mapAt(at, n uint64, fd int, off int64, flags int) error {
	_, err := unix.MmapPtr(fd, off, unsafe.Add(r.base, at), uintptr(n), unix.PROT_READ|unix.PROT_WRITE, flags|unix.MAP_FIXED)
	return err
}
