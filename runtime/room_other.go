//go:build !linux

package wasmrt

import (
	"iter"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// room is plain memory of the Go heap: a system without memfd and a page map to scan.
type room struct {
	image  *image // nil while one is made: then all is zeros
	memory []byte
	limit  uint64
	first  uint64 // the least it must be long

	idleSince int // never: no room is kept
}

// copyAtMost is up to which length a memory is reset by copying all of it; a longer one is given up.
const copyAtMost = 1 << 20

func newRoom(img *image, limit, atLeast uint64) *room {
	return &room{image: img, limit: limit, first: atLeast}
}

// A room that an instance has left is garbage to collect: none is let again.
func (r *room) suits(*image, uint64, uint64) bool { return false }
func (r *room) let(uint64, uint64)                {}
func (r *room) limitTo(limit uint64) bool         { r.limit = limit; return true }
func (r *room) letsAgain() bool                   { return false }
func (r *room) bytes() []byte                     { return r.memory }

// Size returns how long a memory of at least min bytes will be: no longer than it must, for all of it is real.
func (r *room) Size(atLeast uint64) uint64 {
	atLeast = max(atLeast, r.first)
	if r.image != nil {
		atLeast = max(atLeast, r.image.size())
	}
	return atLeast
}

func (r *room) Allocate(min uint64) []byte {
	first := r.Size(min)
	if first > r.limit {
		return nil
	}
	r.memory = make([]byte, first)
	if r.image != nil {
		copy(r.memory, r.image.bytes)
	}
	return r.memory
}

func (r *room) adopt(memory []byte) error {
	r.memory = memory
	if r.image != nil {
		copy(memory, r.image.bytes)
	}
	return nil
}

func (r *room) Grow(size uint64) []byte {
	if size > r.limit {
		return nil
	}
	if size > uint64(len(r.memory)) {
		r.memory = append(r.memory, make([]byte, size-uint64(len(r.memory)))...)
	}
	return r.memory
}

// foresees is false: every reset copies all.
func (r *room) foresees() bool { return false }

func (r *room) reset(memory []byte, _ bool) bool {
	if r.image == nil || len(memory) > copyAtMost {
		return false
	}
	clear(memory[copy(memory, r.image.bytes):])
	return true
}

// suspects yields runs of the memory outside of which nothing differs from the image: here, all of it.
func (r *room) suspects(memory []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) { yield(0, memory) }
}

func (r *room) placed() bool { return r.memory != nil }

func (r *room) free() { r.memory = nil }

// show copies: memory cannot be mapped here.
func (r *room) show(at uint64, show engine.Shown) error {
	if show.Write {
		return spec.Unsupported
	}
	to := r.memory[at:][:wholePages(show.Len())]
	clear(to[copy(to, show.Bytes):])
	return nil
}

// cover makes zeros of a window, which is beyond the image.
func (r *room) cover(x window) bool {
	clear(r.memory[x.at:][:x.pages()])
	return true
}
