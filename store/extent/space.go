package extent

// Space hands out blocks of a range of bytes that begins at 0. It is not safe for concurrent use.
type Space struct {
	size    int64 // in bytes, whole pages
	asked   int64 // bytes of the blocks in use, as they were asked for
	pages   pages
	partial [classes][]*slab // slabs with free slots
}

// Block is a part of a space. The zero value is none.
type Block struct {
	Off, Size int64 // in bytes; Size is what was asked for
	pages     *run  // of a large block
	slab      *slab // of a small one
}

// Free is a run of pages of which nothing is in use, in bytes.
type Free struct {
	From, To int64
	pages    *run
}

// NewSpace returns a space of size bytes, rounded down to whole pages, with nothing in use.
func NewSpace(size int64) *Space {
	s := &Space{size: size / PageSize * PageSize}
	if s.size > 0 {
		s.pages.insert(&run{pages: s.size / PageSize})
	}
	return s
}

// Alloc returns a block of n bytes, at least 1; false if no free run is long enough.
func (s *Space) Alloc(n int64) (Block, bool) {
	if n <= 0 || n > s.size {
		return Block{}, false
	}
	if n <= MaxSmall {
		if b, off := s.takeSlot(n); b != nil {
			s.asked += n
			return Block{Off: off, Size: n, slab: b}, true
		}
	}
	r := s.pages.take((n + PageSize - 1) / PageSize)
	if r == nil {
		return Block{}, false
	}
	s.asked += n
	return Block{Off: r.first * PageSize, Size: n, pages: r}, true
}

// Free takes back a block that Alloc gave, once. It returns the free run of pages that it has become part of; an empty
// one if the block's page is still shared.
func (s *Space) Free(b Block) Free {
	s.asked -= b.Size
	r := b.pages
	if b.slab != nil {
		r = s.giveSlot(b.slab, b.Off, b.Size)
	} else {
		r = s.pages.give(r)
	}
	if r == nil {
		return Free{}
	}
	return Free{r.first * PageSize, (r.first + r.pages) * PageSize, r}
}

// Claim takes the pages from an offset to another, whole pages of a free run, out of use for a while, as a block to be
// freed; false if it is no longer the free run that it was.
func (s *Space) Claim(f Free, from, to int64) (Block, bool) {
	r := f.pages
	if r == nil || !r.free || r.first*PageSize != f.From || (r.first+r.pages)*PageSize != f.To {
		return Block{}, false
	}
	if from < f.From || from >= to || to > f.To || from%PageSize != 0 || to%PageSize != 0 {
		return Block{}, false
	}
	r = s.pages.takeFrom(r, from/PageSize, (to-from)/PageSize)
	s.asked += to - from
	return Block{Off: from, Size: to - from, pages: r}, true
}

// Size returns the size of the space in bytes.
func (s *Space) Size() int64 { return s.size }

// Used returns the bytes of the pages in use, and Asked what was asked for of them: the rest is rounding, and free slots.
func (s *Space) Used() int64 { return s.pages.used * PageSize }

// Asked returns the bytes of the blocks in use, as they were asked for.
func (s *Space) Asked() int64 { return s.asked }

// Whole reports whether the block's pages are its own, so that they can be mapped elsewhere without showing other bytes
// than its own and what follows them in its last page.
func (b Block) Whole() bool { return b.pages != nil }
