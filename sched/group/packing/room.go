package packing

import (
	"slices"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Room is the nodes of a cluster and what is free on them.
type Room struct {
	plain, gpus row // nodes without and with GPUs
	free        resource.Vector
	searches    uint64
	turn        int // where the next spread begins
	steps       int // left to the search under way
}

// Node is one node of a room.
type Node struct {
	ID     spec.NodeID
	Labels label.Set
	pool   resource.Pool
	row    *row
	at     int // its place in the row

	search uint64          // the last one that laid bundles here; load and sum are its
	load   []int           // bundles
	sum    resource.Vector // of their needs
}

// Bundle is what is to be placed.
type Bundle struct {
	Need   resource.Vector
	Select label.Selector
}

// NewRoom returns a room without nodes.
func NewRoom() *Room { return &Room{} }

// Add adds a node of which pool is free.
func (r *Room) Add(id spec.NodeID, labels label.Set, pool resource.Pool) *Node {
	n := &Node{ID: id, Labels: labels, pool: pool, row: &r.plain}
	if pool.Total().GPU > 0 {
		n.row = &r.gpus
	}
	n.row.add(n)
	r.free = r.free.Plus(pool.Free())
	return n
}

// Remove takes a node away.
func (r *Room) Remove(n *Node) {
	r.free = r.free.Minus(n.pool.Free())
	n.row.remove(n)
}

// Set says what is free on a node now.
func (r *Room) Set(n *Node, pool resource.Pool) {
	r.free = r.free.Minus(n.pool.Free()).Plus(pool.Free())
	n.pool = pool
	n.row.changed(n)
}

// Take takes need, which must fit, and says from which GPUs.
func (r *Room) Take(n *Node, need resource.Vector) resource.Devices {
	on := n.pool.Take(need)
	r.free = r.free.Minus(need)
	n.row.changed(n)
	return on
}

// TakeFrom takes need from the GPUs that are said, instead of those that Take would choose.
func (r *Room) TakeFrom(n *Node, need resource.Vector, on resource.Devices) {
	total := n.pool.Total()
	gpus := n.pool.GPUs()
	for _, id := range on {
		if int(id) < len(gpus) {
			gpus[id] -= min(need.GPU, spec.Unit)
		}
	}
	r.Set(n, resource.Restore(total, n.pool.Free().Minus(need), gpus))
}

// Give gives back what Take took.
func (r *Room) Give(n *Node, need resource.Vector, on resource.Devices) {
	n.pool.Give(need, on)
	r.free = r.free.Plus(need)
	n.row.changed(n)
}

// Exhausted reports whether the last Place gave up.
func (r *Room) Exhausted() bool { return r.steps <= 0 }

// Len returns how many nodes there are.
func (r *Room) Len() int { return r.plain.count + r.gpus.count }

// Fits reports whether need can be taken from the node now.
func (n *Node) Fits(need resource.Vector) bool { return n.pool.Fits(need) }

// Free returns what nobody holds of the node.
func (n *Node) Free() resource.Vector { return n.pool.Free() }

// Total returns what the node has.
func (n *Node) Total() resource.Vector { return n.pool.Total() }

// Each calls f with every node, in the order of the rows, until it says false.
func (r *Room) Each(f func(*Node) bool) {
	for _, row := range []*row{&r.plain, &r.gpus} {
		for _, n := range row.nodes {
			if n != nil && !f(n) {
				return
			}
		}
	}
}

// first returns the first node that has need free and that ok accepts, nil if none.
func (r *Room) first(need resource.Vector, ok func(*Node) bool) *Node {
	for n := range r.fitting(need, 0) {
		if ok(n) {
			return n
		}
	}
	return nil
}

// fitting yields the nodes that have need free, each once: beginning at a place from and then around, those without GPUs
// first.
func (r *Room) fitting(need resource.Vector, from int) func(yield func(*Node) bool) {
	return func(yield func(*Node) bool) {
		for _, row := range []*row{&r.plain, &r.gpus} {
			if row.count == 0 || row == &r.plain && need.GPU > 0 {
				continue
			}
			start := from % len(row.nodes)
			for _, part := range [2][2]int{{start, len(row.nodes)}, {0, start}} {
				for i := row.first(need, part[0]); i >= 0 && i < part[1]; i = row.first(need, i+1) {
					if n := row.nodes[i]; n.pool.Fits(need) && !yield(n) {
						return
					}
				}
			}
		}
	}
}

// row is nodes in a fixed order, with a tree of maxima over what is free on them: whole parts of the row where a need fits
// nowhere are passed over at once. Custom resources are not in the tree.
type row struct {
	nodes []*Node // nil: a hole
	holes []int   // a stack
	count int
	wide  int      // leaves; a power of two
	most  []amount // tree nodes from 1; leaves begin at wide
}

// amount is what the tree knows of a node: CPU, GPU and memory.
type amount [3]int64

var nothing = amount{-1, -1, -1} // not even what needs nothing fits where no node is

func (r *row) add(n *Node) {
	if k := len(r.holes); k > 0 {
		n.at, r.holes = r.holes[k-1], r.holes[:k-1]
		r.nodes[n.at] = n
	} else {
		n.at = len(r.nodes)
		r.nodes = append(r.nodes, n)
	}
	r.count++
	if len(r.nodes) > r.wide {
		r.grow()
	}
	r.changed(n)
}

func (r *row) remove(n *Node) {
	r.nodes[n.at] = nil
	r.holes = append(r.holes, n.at)
	r.count--
	r.put(n.at, nothing)
}

// grow doubles the tree.
func (r *row) grow() {
	r.wide = max(1, 2*r.wide)
	r.most = slices.Repeat([]amount{nothing}, 2*r.wide)
	for i, n := range r.nodes {
		if n != nil {
			r.most[r.wide+i] = amountOf(n.pool.Free())
		}
	}
	for i := r.wide - 1; i > 0; i-- {
		r.most[i] = larger(r.most[2*i], r.most[2*i+1])
	}
}

func (r *row) changed(n *Node) { r.put(n.at, amountOf(n.pool.Free())) }

func (r *row) put(i int, a amount) {
	i += r.wide
	r.most[i] = a
	for i /= 2; i > 0; i /= 2 {
		m := larger(r.most[2*i], r.most[2*i+1])
		if m == r.most[i] {
			return
		}
		r.most[i] = m
	}
}

// first returns the first place from from on where need may fit, -1 if there is none.
func (r *row) first(need resource.Vector, from int) int {
	if r.wide == 0 {
		return -1
	}
	return r.search(1, 0, r.wide, amountOf(need), from)
}

func (r *row) search(node, low, size int, need amount, from int) int {
	if m := &r.most[node]; low+size <= from || need[0] > m[0] || need[1] > m[1] || need[2] > m[2] {
		return -1
	}
	if size == 1 {
		return low
	}
	if i := r.search(2*node, low, size/2, need, from); i >= 0 {
		return i
	}
	return r.search(2*node+1, low+size/2, size/2, need, from)
}

func amountOf(v resource.Vector) amount { return amount{int64(v.CPU), int64(v.GPU), v.Memory} }

func larger(a, b amount) amount {
	return amount{max(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2])}
}
