package autoscaler

import (
	"slices"

	"github.com/raywasm/raywasm/sched/label"
)

// bin is a node, real or thought of, that work is packed into.
type bin struct {
	labels   label.Set
	free     []int64
	node     *Node     // its report; nil: it has not joined
	instance *Instance // nil: a node that no provider launched, or one that is thought of
	kind     *kind     // of a new node; nil: it exists
	due      bool      // new, and not held back by upscaling_speed: min_workers or request_resources want it
	used     bool      // something was placed here in this round
}

// bins is a row of bins that finds the first into which something fits. It is a tree of maxima: a node of the tree has, for
// each dimension, the most that any bin below it has free, so that whole parts of the row are passed over at once.
type bins struct {
	row  []*bin
	dims int
	wide int     // leaves; a power of two
	most []int64 // tree nodes from 1, dims numbers each; leaves begin at wide
}

// newBins makes a row that can grow to room bins.
func newBins(dims, room int) *bins {
	b := &bins{dims: dims, wide: 1}
	for b.wide < room {
		b.wide *= 2
	}
	b.most = make([]int64, 2*b.wide*dims)
	for i := range b.most {
		b.most[i] = -1 // not even what needs nothing fits where no bin is
	}
	return b
}

// fill makes the row that of all, at once.
func (b *bins) fill(all []*bin) {
	b.row = append(b.row[:0], all...)
	for i, bin := range all {
		copy(b.at(b.wide+i), bin.free)
	}
	for i := b.wide - 1; i > 0; i-- {
		b.merge(i)
	}
}

// push appends a bin.
func (b *bins) push(bin *bin) {
	b.row = append(b.row, bin)
	b.changed(len(b.row) - 1)
}

// cut drops the bins from n on.
func (b *bins) cut(n int) {
	for i := n; i < len(b.row); i++ {
		for d := range b.dims {
			b.at(b.wide + i)[d] = -1
		}
		b.climb(b.wide + i)
	}
	b.row = slices.Delete(b.row, n, len(b.row))
}

// changed says that the free amounts of bin i are other ones now.
func (b *bins) changed(i int) {
	copy(b.at(b.wide+i), b.row[i].free)
	b.climb(b.wide + i)
}

func (b *bins) at(node int) []int64 { return b.most[node*b.dims : (node+1)*b.dims] }

func (b *bins) climb(node int) {
	for node /= 2; node > 0; node /= 2 {
		b.merge(node)
	}
}

func (b *bins) merge(node int) {
	to, left, right := b.at(node), b.at(2*node), b.at(2*node+1)
	for d := range to {
		to[d] = max(left[d], right[d])
	}
}

// first returns the first bin from from on into which need fits and that ok accepts, or -1.
func (b *bins) first(need []amount, from int, ok func(*bin) bool) int {
	return b.search(1, 0, b.wide, need, from, ok)
}

func (b *bins) search(node, low, size int, need []amount, from int, ok func(*bin) bool) int {
	if low+size <= from || low >= len(b.row) || !fits(need, b.at(node)) {
		return -1
	}
	if size == 1 {
		if ok != nil && !ok(b.row[low]) {
			return -1
		}
		return low
	}
	if i := b.search(2*node, low, size/2, need, from, ok); i >= 0 {
		return i
	}
	return b.search(2*node+1, low+size/2, size/2, need, from, ok)
}
