package cluster

import (
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// amounts is the most that a node, or any of many, has of each kind.
type amounts struct {
	cpu, whole, part spec.Quantity // whole: GPUs; part: the largest part of one
	memory           int64
	marks            uint64 // which custom resources and labels there are
}

// covers reports whether need may fit into something of these amounts. If not, it does not.
func (a *amounts) covers(need *want) bool {
	return need.cpu <= a.cpu && need.memory <= a.memory && need.whole <= a.whole && need.part <= a.part && need.marks&^a.marks == 0
}

// want is what a request needs, in the form of the trees.
type want = amounts

// wantOf returns what must be there for need.
func (v *View) wantOf(need resource.Vector) want {
	w := want{cpu: need.CPU, memory: need.Memory}
	if need.GPU > spec.Unit {
		w.whole = need.GPU
	} else {
		w.part = need.GPU
	}
	for _, a := range need.Custom() {
		w.marks |= v.wanted(a.Name.Value(), "")
	}
	return w
}

// trait is a custom resource, or a label with its value.
type trait struct{ name, value string }

// The first traits that nodes have get a bit each, later ones share one. What no node ever had has one that nobody has.
const (
	sharedTrait = 1 << 62
	noTrait     = 1 << 63
)

// mark returns the bit of what a node has.
func (v *View) mark(name, value string) uint64 {
	t := trait{name, value}
	bit, ok := v.traits[t]
	if !ok {
		bit = sharedTrait
		if n := len(v.traits); n < 62 {
			bit = 1 << n
		}
		v.traits[t] = bit
	}
	return bit
}

// wanted returns the bit of what a request asks for.
func (v *View) wanted(name, value string) uint64 {
	if bit, ok := v.traits[trait{name, value}]; ok {
		return bit
	}
	return noTrait
}

// tree is a row of nodes that finds one which has enough. cells[1] is the root; cells[width+i] is node i.
type tree struct {
	row   []*node
	cells []amounts
	width int
}

// set puts x at the end of the row, or changes what it has.
func (t *tree) set(i int, x *node, has amounts) {
	if i == len(t.row) {
		t.row = append(t.row, x)
		if len(t.row) > t.width {
			t.grow()
		}
	}
	at := t.width + i
	t.cells[at] = has
	t.climb(at)
}

func (t *tree) grow() {
	width := max(1, 2*t.width)
	cells := make([]amounts, 2*width)
	if t.width > 0 {
		copy(cells[width:], t.cells[t.width:])
	}
	t.cells, t.width = cells, width
	for at := width - 1; at > 0; at-- {
		t.merge(at)
	}
}

// remove takes node i out; the last one takes its place, which is returned, nil if there is none.
func (t *tree) remove(i int) *node {
	last := len(t.row) - 1
	moved := t.row[last]
	t.row[i] = moved
	t.cells[t.width+i] = t.cells[t.width+last]
	t.climb(t.width + i)
	t.row[last] = nil
	t.row = t.row[:last]
	t.cells[t.width+last] = amounts{}
	t.climb(t.width + last)
	if i == last {
		return nil
	}
	return moved
}

func (t *tree) climb(at int) {
	for at /= 2; at > 0; at /= 2 {
		was := t.cells[at]
		if t.merge(at); t.cells[at] == was {
			return
		}
	}
}

func (t *tree) merge(at int) {
	a, b := &t.cells[2*at], &t.cells[2*at+1]
	t.cells[at] = amounts{max(a.cpu, b.cpu), max(a.whole, b.whole), max(a.part, b.part), max(a.memory, b.memory), a.marks | b.marks}
}

// from returns the first node from place i on, and then from the beginning, that covers w and that ok accepts; nil if there
// is none.
func (t *tree) from(i int, w *want, ok func(*node) bool) *node {
	if len(t.row) == 0 {
		return nil
	}
	if x := t.search(1, 0, t.width, i, len(t.row), w, ok); x != nil {
		return x
	}
	return t.search(1, 0, t.width, 0, i, w, ok)
}

// search looks at places low to low+size-1 as far as they are within from and to.
func (t *tree) search(at, low, size, from, to int, w *want, ok func(*node) bool) *node {
	if low+size <= from || low >= to || !t.cells[at].covers(w) {
		return nil
	}
	if size == 1 {
		if x := t.row[low]; ok(x) {
			return x
		}
		return nil
	}
	if x := t.search(2*at, low, size/2, from, to, w, ok); x != nil {
		return x
	}
	return t.search(2*at+1, low+size/2, size/2, from, to, w, ok)
}
