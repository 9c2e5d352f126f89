package wasmrt

import (
	"bytes"
	"iter"
	"slices"

	"github.com/raywasm/raywasm/runtime/wasi"
	"github.com/raywasm/raywasm/spec"
)

// state is what a sandbox has become between two calls: all of its memory and globals, or what of the memory differs
// from an image.
type state struct {
	pages     uint32 // size of the memory as the guest believes it to be
	monotonic int64  // what its monotonic clock shows, in nanoseconds
	globals   []uint64
	runs      []stateRun // in order, apart
	parts     [][]byte   // what each of the runs holds
}

// stateRun is a run of memory, in units of pageSize.
type stateRun struct{ page, pages uint32 }

// save returns the state of the instance: what differs from its image, or if full all that is not zero. Its parts are the
// instance's own memory until they are kept.
func (i *instance) save(full bool) *state {
	st := &state{globals: make([]uint64, len(i.globals)), pages: i.believedPages(), monotonic: i.system.Monotonic()}
	for k, g := range i.globals {
		st.globals[k] = g.Get()
	}
	memory, img := i.engine.Memory(), i.module.image.bytes
	var c collector
	if full {
		for off, run := range nonZeroRuns(memory[:len(img)]) {
			c.add(off, run)
		}
	}
	for off, run := range i.room.suspects(memory) {
		if full && off < len(img) { // it has been seen
			seen := min(len(run), len(img)-off)
			off, run = off+seen, run[seen:]
		}
		c.addChanged(off, run, img)
	}
	st.runs, st.parts = c.runs, c.found
	return st
}

// keep makes the parts a copy.
func (st *state) keep() { st.parts = split(st.runs, slices.Concat(st.parts...)) }

// size is how many bytes the runs hold.
func (st *state) size() (n int) {
	for _, part := range st.parts {
		n += len(part)
	}
	return n
}

// split cuts the bytes of runs, one after another, into what each run holds. There are just as many.
func split(runs []stateRun, data []byte) [][]byte {
	parts := make([][]byte, len(runs))
	for k, r := range runs {
		n := int(r.pages) * pageSize
		parts[k], data = data[:n:n], data[n:]
	}
	return parts
}

// collector notes runs of pages in a memory that does not change meanwhile.
type collector struct {
	runs  []stateRun
	found [][]byte // their bytes, in place
}

// addChanged adds those pages of a run that differ from the image.
func (c *collector) addChanged(off int, run, img []byte) {
	begin := 0
	for at := 0; at < len(run); at += pageSize {
		page := run[at:min(at+pageSize, len(run))]
		was := zeroPage[:len(page)]
		if off+at < len(img) {
			was = img[off+at : off+at+len(page)]
		}
		if bytes.Equal(page, was) {
			c.add(off+begin, run[begin:at])
			begin = at + len(page)
		}
	}
	c.add(off+begin, run[begin:])
}

// add adds a run of whole pages.
func (c *collector) add(off int, run []byte) {
	if len(run) == 0 {
		return
	}
	c.runs = append(c.runs, stateRun{uint32(off / pageSize), uint32(len(run) / pageSize)})
	c.found = append(c.found, run)
}

// memory yields the runs with their offsets in bytes.
func (st *state) memory() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for k, r := range st.runs {
			if !yield(int(r.page)*pageSize, st.parts[k]) {
				return
			}
		}
	}
}

// needs returns how many pages of 64 KiB the memory must really have: a guest may have written beyond what it grew to.
func (st *state) needs() uint32 {
	if len(st.runs) == 0 {
		return st.pages
	}
	last := st.runs[len(st.runs)-1]
	end := (uint64(last.page) + uint64(last.pages)) * pageSize
	return max(st.pages, uint32((end+wasmPage-1)/wasmPage))
}

// load makes a fresh instance what the state says. Its memory is long enough.
func (i *instance) load(st *state) error {
	i.watch.missed = true
	memory := i.engine.Memory()
	for off, part := range st.memory() {
		if off < 0 || off > len(memory)-len(part) {
			return spec.Errorf("restore", spec.InvalidArgument, "", "a run of memory lies outside the memory")
		}
		copy(memory[off:], part)
	}
	for k, g := range i.globals {
		g.Set(st.globals[k])
	}
	i.system.SetMonotonicOffset(max(0, st.monotonic-wasi.HostMonotonic()))
	i.freshEntropy() // one state may be restored more than once
	return nil
}
