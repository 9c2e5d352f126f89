package extent

import "math/bits"

// PageSize is the unit of large blocks, in bytes.
const PageSize = 4096

// The lists of free runs: one row for each power of two of pages, in so many steps.
const (
	stepBits = 4
	steps    = 1 << stepBits
	rows     = 48
)

// run is pages one after another, free or in use, in a list of neighbours.
type run struct {
	first, pages  int64
	free          bool
	before, after *run // neighbours
	prev, next    *run // in the list of free runs of about this length
}

// pages is the space as runs.
type pages struct {
	used  int64 // in pages
	lists [rows][steps]*run
	// Which rows, and which lists of a row, have any.
	rows  uint64
	steps [rows]uint16
}

// place returns the list of runs of n pages.
func place(n int64) (row, step int) {
	if n < steps {
		return 0, int(n)
	}
	row = bits.Len64(uint64(n)) - stepBits
	return row, int(n>>(row-1)) & (steps - 1)
}

func (p *pages) insert(r *run) {
	row, step := place(r.pages)
	r.free, r.prev, r.next = true, nil, p.lists[row][step]
	if r.next != nil {
		r.next.prev = r
	}
	p.lists[row][step] = r
	p.rows |= 1 << row
	p.steps[row] |= 1 << step
}

func (p *pages) remove(r *run) {
	row, step := place(r.pages)
	if r.next != nil {
		r.next.prev = r.prev
	}
	if r.prev != nil {
		r.prev.next = r.next
	} else if p.lists[row][step] = r.next; r.next == nil {
		if p.steps[row] &^= 1 << step; p.steps[row] == 0 {
			p.rows &^= 1 << row
		}
	}
	r.free, r.prev, r.next = false, nil, nil
}

// looks is how many runs of the list in which n belongs are looked at first.
const looks = 4

// find returns a free run of at least n pages, nil if there is none. What was freed last and is about as long is taken
// first, for its pages are there. Any run of a later list is long enough, so the first of them is the next choice; only
// if there is none are all runs of n's own list looked at.
func (p *pages) find(n int64) *run {
	row, step := place(n)
	r := p.lists[row][step]
	for k := 0; k < looks && r != nil; k, r = k+1, r.next {
		if r.pages >= n {
			return r
		}
	}
	if later := p.steps[row] >> step >> 1; later != 0 {
		return p.lists[row][step+1+bits.TrailingZeros16(later)]
	}
	if later := p.rows >> row >> 1; later != 0 {
		row := row + 1 + bits.TrailingZeros64(later)
		return p.lists[row][bits.TrailingZeros16(p.steps[row])]
	}
	for ; r != nil; r = r.next {
		if r.pages >= n {
			return r
		}
	}
	return nil
}

// take returns a run of exactly n pages, nil if there is none.
func (p *pages) take(n int64) *run {
	r := p.find(n)
	if r == nil {
		return nil
	}
	return p.takeFrom(r, r.first, n)
}

// takeFrom takes n pages of a free run, from one of its pages on.
func (p *pages) takeFrom(r *run, first, n int64) *run {
	p.remove(r)
	p.used += n
	if k := first - r.first; k > 0 {
		taken := p.split(r, k)
		p.insert(r)
		r = taken
	}
	if r.pages > n {
		p.insert(p.split(r, n))
	}
	return r
}

// split cuts a run after its first n pages, and returns the rest.
func (p *pages) split(r *run, n int64) *run {
	rest := &run{first: r.first + n, pages: r.pages - n, before: r, after: r.after}
	if rest.after != nil {
		rest.after.before = rest
	}
	r.pages, r.after = n, rest
	return rest
}

// give takes a run back, and returns the free run that it has become part of.
func (p *pages) give(r *run) *run {
	p.used -= r.pages
	if b := r.before; b != nil && b.free {
		p.remove(b)
		r = p.join(b, r)
	}
	if a := r.after; a != nil && a.free {
		p.remove(a)
		r = p.join(r, a)
	}
	p.insert(r)
	return r
}

// join makes one run of two neighbours, in the first.
func (p *pages) join(a, b *run) *run {
	a.pages += b.pages
	if a.after = b.after; a.after != nil {
		a.after.before = a
	}
	return a
}
