package arena

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/extent"
)

// Granule is the unit in which the arena notes which pages are there, in bytes.
const Granule = 64 * spec.KiB

// MaxSize bounds an arena, in bytes: two mappings of it have to fit an address space of 47 bits, beside the sandboxes.
const MaxSize = 8 << 40

// Config says how large an arena is, and which free pages it keeps.
type Config struct {
	// Size in bytes; rounded up to whole granules.
	Size int64
	// Keep is how many bytes of pages may be there without being in use. 0: none are kept.
	Keep int64
	// Prefault is how many bytes of pages are made at Open, from the beginning on, instead of when they are needed.
	Prefault int64
}

// Arena is shared memory. Its methods are safe for concurrent use; who uses which range is the caller's business.
type Arena struct {
	size  int64
	keep  int64
	file  *os.File // read-write; nil where there is no memfd
	give  *os.File // the same, read-only
	write []byte
	read  []byte

	mu       sync.Mutex
	warm     []atomic.Uint64 // a bit for each granule that may have pages; changed with mu held
	resident int64           // bytes of those
}

// Open makes an arena. Errors: spec.OutOfMemory; spec.LimitExceeded beyond MaxSize.
func Open(cfg Config) (*Arena, error) {
	if cfg.Size > MaxSize {
		return nil, spec.Errorf("open an arena of "+spec.FormatBytes(cfg.Size), spec.LimitExceeded, "", "at most %s", spec.FormatBytes(MaxSize))
	}
	size := (max(cfg.Size, 1) + Granule - 1) / Granule * Granule
	a := &Arena{size: size, keep: cfg.Keep, warm: make([]atomic.Uint64, (size/Granule+63)/64)}
	if err := a.open(); err != nil {
		_ = a.Close() // there is nothing in it
		return nil, &spec.Error{Op: "open an arena of " + spec.FormatBytes(size), Kind: spec.OutOfMemory, Err: err}
	}
	if n := min(cfg.Prefault, size) / Granule * Granule; n > 0 {
		if err := a.populate(n); err != nil {
			_ = a.Close() // there is nothing in it
			return nil, &spec.Error{Op: "make pages for " + spec.FormatBytes(n) + " of an arena", Kind: spec.OutOfMemory, Err: err}
		}
		a.Touch(0, n)
	}
	return a, nil
}

// Size returns the arena's size in bytes.
func (a *Arena) Size() int64 { return a.size }

// File returns the arena's memory as a file that cannot be written through; nil where there is no memfd. It stays the
// arena's.
func (a *Arena) File() *os.File { return a.give }

// Writer returns the same as a file that can be written: for a mapping of what is being made, which nobody else gets. nil
// where there is no memfd.
func (a *Arena) Writer() *os.File { return a.file }

// Writable returns a range of the arena to be written in place. Who has written it says so with Touch.
func (a *Arena) Writable(off, n int64) []byte { return a.write[off : off+n : off+n] }

// Readable returns a range of the arena. A write to it is a fault.
func (a *Arena) Readable(off, n int64) []byte { return a.read[off : off+n : off+n] }

// Fill writes data to the arena.
func (a *Arena) Fill(off int64, data []byte) error {
	n := int64(len(data))
	if a.file == nil || !a.cold(off, n) {
		a.Touch(off, n)
		copy(a.Writable(off, n), data)
		return nil
	}
	a.Touch(off, n)
	for done := int64(0); done < n; {
		k, err := a.file.WriteAt(data[done:min(n, done+writeStep)], off+done)
		if done += int64(k); err != nil {
			return &spec.Error{Op: "write to the arena", Kind: spec.OutOfMemory, Err: err}
		}
	}
	return nil
}

// writeStep is how much is written at once, in bytes: so little that it does not hold others up.
const writeStep = 4 * spec.MiB

// Clear makes zeros of a range. Pages that are not there are zeros when they come.
func (a *Arena) Clear(off, n int64) {
	for from, end := off, off+n; from < end; {
		to := min(end, (from/Granule+1)*Granule)
		if a.isWarm(from / Granule) {
			clear(a.Writable(from, to-from))
		}
		from = to
	}
	a.Touch(off, n)
}

// ClearTail makes zeros of what follows a whole block of n bytes at off in its last page, for it may be mapped elsewhere.
func (a *Arena) ClearTail(off, n int64) {
	if tail := n % extent.PageSize; tail != 0 {
		clear(a.Writable(off+n, extent.PageSize-tail))
	}
}

// Excess returns how many bytes of pages are there beyond those in use and those that are kept; 0 or less if none.
func (a *Arena) Excess(used int64) int64 { return a.Resident() - used - a.keep }

// Warm returns the last stretch of a range that has pages, in whole granules, and at most n bytes of it; an empty one if
// there is none.
func (a *Arena) Warm(from, to, n int64) (int64, int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, g := (from+Granule-1)/Granule, to/Granule-1
	for ; g >= first && !a.isWarm(g); g-- {
		if below := a.warm[g/64].Load() & (1<<(g%64) - 1); below == 0 { // nor has the rest of the word
			g -= g % 64
		}
	}
	end := g + 1
	for ; g >= first && (end-g)*Granule <= n && a.isWarm(g); g-- {
	}
	return (g + 1) * Granule, end * Granule
}

// Cool notes that a range has no pages any more, but for granules in part: Punch is to follow.
func (a *Arena) Cool(off, n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := (off + Granule - 1) / Granule; g < (off+n)/Granule; g++ {
		if a.isWarm(g) {
			a.warm[g/64].And(^(uint64(1) << (g % 64)))
			a.resident -= Granule
		}
	}
}

// Punch gives the pages of a range back to the system, but for granules in part. Nobody uses it.
func (a *Arena) Punch(off, n int64) error {
	from, to := (off+Granule-1)/Granule*Granule, (off+n)/Granule*Granule
	if from >= to {
		return nil
	}
	a.Cool(from, to-from)
	if err := a.punch(from, to-from); err != nil {
		a.Touch(from, to-from)
		return &spec.Error{Op: "give memory of the arena back", Kind: spec.System, Err: err}
	}
	return nil
}

// Resident returns how many bytes of the arena may have pages.
func (a *Arena) Resident() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.resident
}

// Touch notes that a range, not empty, has pages from now on.
func (a *Arena) Touch(off, n int64) {
	from, to := off/Granule, (off+n-1)/Granule
	for from <= to && a.isWarm(from) {
		from++
	}
	if from > to { // it mostly is so
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := from; g <= to; g++ {
		if !a.isWarm(g) {
			a.warm[g/64].Or(uint64(1) << (g % 64))
			a.resident += Granule
		}
	}
}

// isWarm reports whether a granule may have pages.
func (a *Arena) isWarm(g int64) bool { return a.warm[g/64].Load()>>(g%64)&1 == 1 }

// cold reports whether a range is long enough and most likely has no pages: whether its middle has none.
func (a *Arena) cold(off, n int64) bool { return n >= Granule && !a.isWarm((off+n/2)/Granule) }
