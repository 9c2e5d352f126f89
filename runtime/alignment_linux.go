package wasmrt

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// tableSpan is how much memory one page table covers, in bytes. A scan looks at every entry of a table that is there, 1.3
// nanoseconds each, and passes over one that is not. So what a scan costs depends on where in the address space a memory
// begins: on how much of it lies under the same tables as the few pages that guests touch.
//
//	pages touched          x                            x   x
//	tables, badly aligned |   all 512 entries looked at        |    all 512    |
//	tables, well aligned  |  |   none is there           |     |
//
// Which pages those are a room sees when it has been reset settleAfter times.
const tableSpan = 2 * spec.MiB

const (
	settleAfter = 1000
	// worthMoving is how many entries a scan must save for rooms to be placed anew.
	worthMoving = 32
	// mostTouched is with how many touched pages the best place is looked for: with more, no scan is short.
	mostTouched = 4096
)

// alignment returns where the image's memories begin, in bytes modulo tableSpan. Until it is known what is best, what is behind
// the image gets page tables of its own.
func (img *image) alignment() uint64 {
	if at := img.place.Load(); at > 0 {
		return at - 1
	}
	return -img.size() % tableSpan
}

// wellAligned reports whether the room's memory begins where one of its image is to begin.
func (r *room) wellAligned() bool {
	return r.image == nil || r.reserved == nil || uint64(uintptr(r.base))%tableSpan == r.image.alignment()
}

// settle finds the image's alignment, unless another room did. false: the room is badly aligned, and a new one pays.
func (r *room) settle() bool {
	if r.image == nil || r.reserved == nil || r.image.size() == 0 {
		return true
	}
	if r.image.place.Load() == 0 {
		touched := r.touched()
		at := -r.image.size() % tableSpan
		if len(touched) > mostTouched {
			touched = nil
		}
		if best, entries := bestAlignment(touched, r.image.size()); entries+worthMoving <= entriesAt(at, touched, r.image.size()) {
			at = best
		}
		r.image.place.CompareAndSwap(0, at+1)
	}
	return r.wellAligned()
}

// touched returns the offsets, in order, of those of the image's pages that guests have touched, as far as the room shows
// it: its private copies, and the image's own pages, unless a copy is so near that the kernel may have mapped them along.
func (r *room) touched() (offsets []uint64) {
	const along = 16 * pageSize // an aligned run so long is mapped at once
	r.foreseen = 0
	base, fd := uintptr(r.base), pagemap()
	copied := make(map[uint64]bool)
	var read []uint64
	for from, end := base, base+uintptr(r.image.size()); from < end; {
		arg := pageScan{start: uint64(from), end: uint64(end), anyOf: pageIsPresent | pageIsSwapped, returnCategories: pageIsFile}
		n, to, ok := arg.run(fd, r.regions[:])
		if !ok {
			return nil
		}
		for _, g := range r.regions[:n] {
			for at := g.start; at < g.end; at += pageSize {
				off := at - uint64(base)
				if g.categories&pageIsFile != 0 {
					read = append(read, off)
					continue
				}
				offsets = append(offsets, off)
				copied[at/along] = true
			}
		}
		from = to
	}
	for _, off := range read {
		if !copied[(off+uint64(base))/along] {
			offsets = append(offsets, off)
		}
	}
	slices.Sort(offsets)
	return offsets
}

// bestAlignment returns the alignment at which a scan of a memory of size bytes has the fewest entries to look at, and how many.
func bestAlignment(touched []uint64, size uint64) (best, entries uint64) {
	entries = size/pageSize + 1
	for at := uint64(0); at < tableSpan; at += pageSize {
		if n := entriesAt(at, touched, size); n < entries {
			best, entries = at, n
		}
	}
	return best, entries
}

// entriesAt is how many entries of page tables a scan of a memory of size bytes looks at, if it begins at an alignment and those
// pages of it, in order, have been touched.
func entriesAt(alignment uint64, touched []uint64, size uint64) (n uint64) {
	next := uint64(0) // offset at which the first table begins that has not been counted
	for _, off := range touched {
		if off < next {
			continue
		}
		begins := (alignment + off) / tableSpan * tableSpan
		end := min(size, begins+tableSpan-alignment)
		n += (end - (max(begins, alignment) - alignment)) / pageSize
		next = end
	}
	return n
}
