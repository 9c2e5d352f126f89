package wasmrt

import (
	"bytes"
	"iter"

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
	data      []byte     // of the runs, one after another
}

// stateRun is a run of memory, in units of pageSize.
type stateRun struct{ page, pages uint32 }

// save returns the state of the instance against an image; against no image, all that is not zero.
func (i *instance) save(img *image) *state {
	st := &state{globals: make([]uint64, len(i.globals)), pages: i.believedPages(), monotonic: i.system.Monotonic()}
	for k, g := range i.globals {
		st.globals[k] = g.Get()
	}
	memory := i.engine.Memory()
	if img == nil {
		for off, run := range nonZeroRuns(memory) {
			st.add(off, run)
		}
		return st
	}
	for off, run := range i.room.suspects(memory) {
		st.addChanged(off, run, img.bytes)
	}
	return st
}

// addChanged adds those pages of a run that differ from the image.
func (st *state) addChanged(off int, run, img []byte) {
	begin := 0
	for at := 0; at < len(run); at += pageSize {
		page := run[at:min(at+pageSize, len(run))]
		was := zeroPage[:len(page)]
		if off+at < len(img) {
			was = img[off+at : off+at+len(page)]
		}
		if bytes.Equal(page, was) {
			st.add(off+begin, run[begin:at])
			begin = at + len(page)
		}
	}
	st.add(off+begin, run[begin:])
}

// add adds a run of whole pages.
func (st *state) add(off int, run []byte) {
	if len(run) == 0 {
		return
	}
	st.runs = append(st.runs, stateRun{uint32(off / pageSize), uint32(len(run) / pageSize)})
	st.data = append(st.data, run...)
}

// memory yields the runs with their offsets in bytes.
func (st *state) memory() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		data := st.data
		for _, r := range st.runs {
			n := int(r.pages) * pageSize
			if !yield(int(r.page)*pageSize, data[:n:n]) {
				return
			}
			data = data[n:]
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
	memory := i.engine.Memory()
	data := st.data
	for _, r := range st.runs {
		off, n := uint64(r.page)*pageSize, uint64(r.pages)*pageSize
		if off+n > uint64(len(memory)) || n > uint64(len(data)) {
			return spec.Errorf("restore", spec.InvalidArgument, "", "a run of memory lies outside the memory")
		}
		copy(memory[off:off+n], data)
		data = data[n:]
	}
	for k, g := range i.globals {
		g.Set(st.globals[k])
	}
	i.system.SetMonotonicOffset(max(0, st.monotonic-wasi.HostMonotonic()))
	i.freshEntropy() // one state may be restored more than once
	return nil
}
