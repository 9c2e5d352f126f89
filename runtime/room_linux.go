package wasmrt

import (
	"iter"
	"math/bits"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
)

// room is a reservation of address space, or, for an engine that places memory itself, that engine's.
type room struct {
	image     *image // nil if there is none: then all is zeros
	base      unsafe.Pointer
	length    uint64         // as the engine knows it, in bytes
	opened    uint64         // how much is readable and writable: no less, in bytes
	mapped    uint64         // how much of that the image's file covers, in bytes
	limit     uint64         // in bytes
	least     uint64         // what the length must be at the beginning, in bytes
	first     uint64         // length at the beginning
	reserved  unsafe.Pointer // where our reservation begins; nil if the engine placed the memory
	regions   [maxDirtyRegions]pageRegion
	private   int    // how many of regions hold all private copies that there were after the last reset
	foreseen  uint64 // in so many bytes; 0: nobody knows
	idleSince int    // the round of the pools, while no instance is in it
	resets    int    // since it was made
}

// newRoom returns a room for a memory of at most limit bytes that begins as img and is at least so long.
func newRoom(img *image, limit, atLeast uint64) *room {
	return &room{image: img, limit: limit, least: atLeast}
}

// span is how much address space is reserved for a memory of at most limit bytes: rooms come in few sizes, so that one
// suits many.
func span(limit uint64) uint64 { return 1<<bits.Len64(limit-1) + tableSpan }

// suits reports whether newRoom of the same would be just like this room, which is fresh.
func (r *room) suits(img *image, limit, atLeast uint64) bool {
	like := room{image: img, limit: limit, least: atLeast}
	return r.image == img && span(r.limit) == span(limit) && r.first == like.Size(0) && r.wellAligned()
}

// let makes a fresh room one for another memory that it suits.
func (r *room) let(limit, atLeast uint64) {
	r.limit, r.least, r.length, r.foreseen = limit, atLeast, r.first, 0
}

// limitTo changes the limit of a fresh room; false if rooms of that limit are of another size.
func (r *room) limitTo(limit uint64) bool {
	if span(r.limit) != span(limit) {
		return false
	}
	r.limit = limit
	return true
}

// letsAgain reports whether a room that an instance has left may be one for another: not if more of it was opened, or if it
// is not where it should be.
func (r *room) letsAgain() bool {
	return r.reserved != nil && r.opened <= r.first+headroom && r.wellAligned()
}

// Size returns how long a new memory of at least so many bytes will be.
func (r *room) Size(atLeast uint64) uint64 {
	atLeast = max(atLeast, r.least)
	if r.image != nil {
		atLeast = max(atLeast, r.image.size())
	}
	return atLeast
}

// Allocate reserves the room and maps the image, unless that has been done; nil if there is no address space or no memory.
func (r *room) Allocate(atLeast uint64) []byte {
	first := r.Size(atLeast)
	if first > r.limit {
		return nil
	}
	if r.reserved != nil {
		return r.bytes()
	}
	start, err := unix.MmapPtr(-1, 0, nil, uintptr(span(r.limit)), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	r.reserved, r.base, r.first, r.length = start, start, first, first
	if r.image != nil {
		r.base = unsafe.Add(start, (r.image.alignment()-uint64(uintptr(start)))%tableSpan)
	}
	if r.opened = min(r.limit, first+headroom); r.mapImage() != nil || !r.open(r.mapped, r.opened) {
		r.free()
		return nil
	}
	return r.bytes()
}

// adopt takes a memory that the engine has placed.
func (r *room) adopt(memory []byte) error {
	r.base, r.first = unsafe.Pointer(unsafe.SliceData(memory)), uint64(len(memory))
	r.length, r.opened = r.first, r.first
	return r.mapImage()
}

// mapImage maps the image copy-on-write over the beginning of what is opened.
func (r *room) mapImage() error {
	if r.image == nil || r.image.size() == 0 {
		return nil
	}
	n := min(r.opened, r.image.size()+headroom)
	if _, err := unix.MmapPtr(r.image.fd, 0, r.base, uintptr(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED); err != nil {
		return &spec.Error{Op: "map the image", Kind: spec.OutOfMemory, Err: err}
	}
	r.mapped = n
	return nil
}

// open makes a part of the reservation usable.
func (r *room) open(from, to uint64) bool {
	if from >= to {
		return true
	}
	return unix.Mprotect(unsafe.Slice((*byte)(unsafe.Add(r.base, from)), to-from), unix.PROT_READ|unix.PROT_WRITE) == nil
}

// Grow makes the memory longer. It never moves.
func (r *room) Grow(size uint64) []byte {
	if size > r.limit {
		return nil
	}
	if size > r.opened {
		if !r.open(r.opened, size) {
			return nil
		}
		r.opened = size
	}
	r.length = max(r.length, size)
	return r.bytes()
}

func (r *room) bytes() []byte { return unsafe.Slice((*byte)(r.base), r.length) }

// reset makes the memory equal to the image again. false: the room has to be given up. faultless says that no page of it
// was touched since the last reset that was not there before, but for what freshEntropy writes: then only what is private
// already can have changed.
func (r *room) reset(memory []byte, faultless bool) bool {
	r.length = uint64(len(memory)) // the engine may have grown its own
	if faultless && r.foresees() {
		r.restoreAll(r.regions[:r.private])
		return r.settled()
	}
	near := min(r.length, r.first+scanGrown)
	if near < r.length && unix.Madvise(r.bytes()[near:], unix.MADV_DONTNEED) != nil {
		return false
	}
	regions, ok := r.changed(near)
	if !ok {
		return r.drop()
	}
	r.restoreAll(regions)
	if r.image != nil && faultsAreTold() && covers(regions, r.base, r.image.reseeds) {
		r.private, r.foreseen = len(regions), min(near, r.mapped)
	}
	return r.settled()
}

// foresees reports whether all that a sandbox without page faults could change in the memory is known. Beyond what has been
// scanned there may be private copies of when the memory was longer; and beyond what the image's file covers the kernel may make
// pages larger on its own, so that what had none has one, without a fault.
func (r *room) foresees() bool { return r.foreseen > 0 && r.length <= r.foreseen }

// settled counts the reset, and after many says whether the room is where it should be.
func (r *room) settled() bool {
	r.resets++
	return r.resets != settleAfter || r.settle()
}

// covers reports whether the regions hold everything that freshEntropy writes in a memory at base.
func covers(regions []pageRegion, base unsafe.Pointer, reseeds []reseed) bool {
	for _, off := range reseeds {
		from := uint64(uintptr(base)) + uint64(off)
		if !slices.ContainsFunc(regions, func(g pageRegion) bool { return g.start <= from && from+chachaBytes <= g.end }) {
			return false
		}
	}
	return true
}

// changed returns the runs of the first n bytes' pages that differ, or may differ, from the image; ok is false if there are
// many, or if the kernel cannot tell.
func (r *room) changed(n uint64) (regions []pageRegion, ok bool) {
	r.foreseen = 0
	fd := pagemap()
	if fd < 0 {
		return nil, false
	}
	found, end, ok := scanPages(fd, uintptr(r.base), uintptr(n), r.regions[:])
	if !ok || end != uintptr(r.base)+uintptr(n) {
		return nil, false
	}
	pages := uint64(0)
	for _, g := range r.regions[:found] {
		pages += (g.end - g.start) / pageSize
	}
	return r.regions[:found], pages <= maxDirtyPages
}

// suspects yields runs of the memory outside of which nothing differs from the image.
func (r *room) suspects(memory []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		base := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
		fd, from, to := pagemap(), base, base+uintptr(len(memory))
		r.foreseen = 0
		for from < to {
			n, end, ok := 0, to, false
			if fd >= 0 && r.image != nil {
				n, end, ok = scanPages(fd, from, to-from, r.regions[:])
			}
			if !ok { // all of it is suspect
				yield(int(from-base), memory[from-base:])
				return
			}
			for _, g := range r.regions[:n] {
				if !yield(int(uintptr(g.start)-base), memory[uintptr(g.start)-base:uintptr(g.end)-base]) {
					return
				}
			}
			from = end
		}
	}
}

// restoreAll restores runs of pages.
func (r *room) restoreAll(regions []pageRegion) {
	for _, g := range regions {
		r.restore(g.start-uint64(uintptr(r.base)), g.end-g.start)
	}
}

// restore copies a run of pages back from the image, which ends somewhere before, in or after them.
func (r *room) restore(off, n uint64) {
	to := r.bytes()[off : off+n]
	copied := 0
	if r.image != nil && off < r.image.size() {
		copied = copy(to, r.image.bytes[off:])
	}
	clear(to[copied:])
}

// drop gives up all private copies: the image shows through again, and zeros beyond it.
func (r *room) drop() bool { return unix.Madvise(r.bytes(), unix.MADV_DONTNEED) == nil }

// placed reports whether there is a memory.
func (r *room) placed() bool { return r.base != nil }

// free gives the address space back. No guest may run in it any more.
func (r *room) free() {
	if r.reserved != nil {
		_ = unix.MunmapPtr(r.reserved, uintptr(span(r.limit))) // only a wrong argument could make it fail
		r.reserved = nil
	}
}
