package sched

import "iter"

// table finds leases by their numbers. Clients number their leases one after the other, so neighbours share a page, and what
// comes and goes in that order is found near to what was looked for last, however much waits.
type table struct {
	pages map[Lease]*page // by the upper bits of the numbers in them
	count int
	spare *page // an empty one, or nil
}

const pageBits = 5

type page struct {
	leases [1 << pageBits]*lease
	count  int
}

// at returns the place of a lease in its page.
func (p *page) at(id Lease) **lease { return &p.leases[id&(1<<pageBits-1)] }

// get returns the lease of that number, nil if there is none.
func (t *table) get(id Lease) *lease {
	if p := t.pages[id>>pageBits]; p != nil {
		return *p.at(id)
	}
	return nil
}

// put adds a lease whose number is new.
func (t *table) put(l *lease) {
	p := t.pages[l.id>>pageBits]
	if p == nil {
		if p, t.spare = t.spare, nil; p == nil {
			p = new(page)
		}
		t.pages[l.id>>pageBits] = p
	}
	*p.at(l.id) = l
	p.count++
	t.count++
}

// remove takes out a lease that is there.
func (t *table) remove(id Lease) {
	p := t.pages[id>>pageBits]
	*p.at(id) = nil
	t.count--
	if p.count--; p.count == 0 {
		delete(t.pages, id>>pageBits)
		t.spare = p
	}
}

// all goes through the leases, in no order.
func (t *table) all() iter.Seq[*lease] {
	return func(yield func(*lease) bool) {
		for _, p := range t.pages {
			for _, l := range p.leases {
				if l != nil && !yield(l) {
					return
				}
			}
		}
	}
}
