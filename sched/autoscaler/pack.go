package autoscaler

import "slices"

// kind is a node type as the packing sees it.
type kind struct {
	NodeType
	total   []int64
	room    int    // new nodes that it may still have; the cluster's room is the packing's
	backoff string // why none is launched now; "" if nothing forbids it
}

// packing places demand: first into the nodes there are, then into new ones of the types that suit best.
type packing struct {
	dims   *dimensions
	kinds  []*kind // by name
	bins   *bins
	room   int    // new nodes that the cluster may still have
	new    []*bin // in the order they were thought of
	held   []*bin // wished for, but not to be had now: no place for demand
	undo   []placement
	accept map[string]map[*kind]bool // by a selector's string: whether it accepts the labels of a type
}

// placement is k times a need in a bin.
type placement struct {
	bin  int
	need []amount
	k    int
	used bool // what the bin's mark was before
}

// selects returns what first asks of a bin for a selector, nil for no selector.
func selects(sel selectors) func(*bin) bool {
	if sel == nil {
		return nil
	}
	return func(b *bin) bool { return sel.matches(b.labels) }
}

// suits reports whether one of a shape can ever run on a node of type k.
func (p *packing) suits(need []amount, sel selectors, k *kind) bool {
	if !fits(need, k.total) {
		return false
	}
	if sel == nil {
		return true
	}
	key := sel.String()
	byKind := p.accept[key]
	if byKind == nil {
		byKind = make(map[*kind]bool)
		p.accept[key] = byKind
	}
	ok, known := byKind[k]
	if !known {
		ok = sel.matches(k.Labels)
		byKind[k] = ok
	}
	return ok
}

// put places k of a need in bin i.
func (p *packing) put(i int, need []amount, k int) {
	b := p.bins.row[i]
	p.undo = append(p.undo, placement{i, need, k, b.used})
	take(need, b.free, k)
	b.used = true
	p.bins.changed(i)
}

// add thinks of one more node of type k, empty.
func (p *packing) add(k *kind) int {
	b := &bin{labels: k.Labels, free: slices.Clone(k.total), kind: k}
	p.new = append(p.new, b)
	p.bins.push(b)
	k.room--
	p.room--
	return len(p.bins.row) - 1
}

// try runs f, and makes undone what it placed and thought of if it says false.
func (p *packing) try(f func() bool) bool {
	p.undo = p.undo[:0]
	row, thought := len(p.bins.row), len(p.new)
	if f() {
		return true
	}
	for _, u := range slices.Backward(p.undo) {
		b := p.bins.row[u.bin]
		take(u.need, b.free, -u.k)
		b.used = u.used
		if u.bin < row {
			p.bins.changed(u.bin)
		}
	}
	for _, b := range p.new[thought:] {
		b.kind.room++
		p.room++
	}
	p.new = p.new[:thought]
	p.bins.cut(row)
	return false
}

// place puts shapes into the bins there are, then into new ones. What is left keeps its count.
//
// A visit of a bin takes as many of the shape as fit: it ends the shape, or leaves less than half of what a dimension of the
// bin had. So there are at most shapes + bins × Σ log2(capacity) visits, each with one walk down the tree.
func (p *packing) place(shapes []*shape) {
	for _, s := range shapes {
		p.intoBins(s)
	}
	p.intoNew(shapes)
}

// intoBins puts as many of s as fit into the bins there are, first fit.
func (p *packing) intoBins(s *shape) {
	ok := selects(s.sel)
	for from := 0; s.count > 0; {
		i := p.bins.first(s.need, from, ok)
		if i < 0 {
			return
		}
		k := times(s.need, p.bins.row[i].free, s.count)
		p.put(i, s.need, k)
		s.count -= k
		from = i + 1
	}
}

// intoNew thinks of new nodes for shapes, again and again of the type whose node would be filled best, until all is placed
// or no type has room.
func (p *packing) intoNew(shapes []*shape) {
	left := remaining(nil, shapes)
	var best, other filling
	for len(left) > 0 && p.room > 0 {
		best.kind = nil
		for _, k := range p.kinds {
			if k.room <= 0 || k.backoff != "" {
				continue
			}
			if p.fill(&other, k, left); len(other.placed) > 0 && (best.kind == nil || other.score.better(&best.score)) {
				best, other = other, best
			}
		}
		if best.kind == nil {
			return
		}
		// The same again while there is enough for the same filling.
		n := min(best.kind.room, p.room)
		for _, f := range best.placed {
			n = min(n, f.shape.count/f.k)
		}
		for range n {
			i := p.add(best.kind)
			for _, f := range best.placed {
				take(f.shape.need, p.bins.row[i].free, f.k)
				f.shape.count -= f.k
			}
			p.bins.row[i].used = true
			p.bins.changed(i)
		}
		left = remaining(left[:0], left)
	}
}

// remaining appends those of shapes that have something left to place.
func remaining(to, shapes []*shape) []*shape {
	for _, s := range shapes {
		if s.count > 0 {
			to = append(to, s)
		}
	}
	return to
}

// filling is an empty node with what would be placed there.
type filling struct {
	kind   *kind
	placed []filled
	free   []int64
	score  score
}

type filled struct {
	shape *shape
	k     int
}

// fill fills an empty node of type k, hardest first.
func (p *packing) fill(f *filling, k *kind, shapes []*shape) {
	f.kind, f.placed = k, f.placed[:0]
	f.free = append(f.free[:0], k.total...)
	for _, s := range shapes {
		if !fits(s.need, f.free) || !p.suits(s.need, s.sel, k) {
			continue
		}
		n := s.count
		if len(s.need) > 0 {
			n = times(s.need, f.free, s.count)
			take(s.need, f.free, n)
		}
		f.placed = append(f.placed, filled{s, n})
	}
	f.score = scoreOf(f)
}

// score says how well a node would be used. It is Ray's tuple: compared in this order, more is better.
type score struct {
	noWaste int     // 0: the node has GPUs and nothing placed there needs one
	kinds   int     // of resources that are used
	least   float64 // used part of the resource that is used least
	average float64 // of the used parts
}

func scoreOf(f *filling) score {
	s := score{noWaste: 1, least: 1}
	has := 0
	for d, total := range f.kind.total {
		if total == 0 {
			continue
		}
		part := float64(total-f.free[d]) / float64(total)
		if part > 0 {
			s.kinds++
		} else if d == dimGPU {
			s.noWaste = 0
		}
		has++
		s.least = min(s.least, part)
		s.average += part
	}
	if has > 0 {
		s.average /= float64(has)
	}
	return s
}

func (s *score) better(t *score) bool {
	switch {
	case s.noWaste != t.noWaste:
		return s.noWaste > t.noWaste
	case s.kinds != t.kinds:
		return s.kinds > t.kinds
	case s.least != t.least:
		return s.least > t.least
	}
	return s.average > t.average
}
