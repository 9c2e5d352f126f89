package autoscaler

import (
	"slices"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// gang is a placement group as the packing sees it.
type gang struct {
	of      Group
	bundles []*shape // equal ones added up, hardest first; a STRICT_PACK has one, their sum
}

// gangOf makes bundles of a group shapes; false if it has resources beyond the limit.
func gangOf(g Group, dims *dimensions) (*gang, bool) {
	if g.Strategy != spec.StrictPack {
		bundles, left := collapse(g.Bundles, dims)
		return &gang{of: g, bundles: bundles}, len(left) == 0
	}
	sum := Demand{Count: 1}
	var sel selectors
	for _, b := range g.Bundles {
		sum.Need = plus(sum.Need, b.Need, b.Count)
		if !b.Select.IsZero() && !slices.ContainsFunc(sel, func(s label.Selector) bool { return s.String() == b.Select.String() }) {
			sel = append(sel, b.Select)
		}
	}
	bundles, left := collapse([]Demand{sum}, dims)
	for _, s := range bundles {
		s.sel = sel
	}
	return &gang{of: g, bundles: bundles}, len(left) == 0
}

// plus returns a + k·b, with a map of its own.
func plus(a, b spec.Resources, k int) spec.Resources {
	sum := spec.Resources{
		CPU: a.CPU + spec.Quantity(k)*b.CPU, GPU: a.GPU + spec.Quantity(k)*b.GPU, Memory: a.Memory + int64(k)*b.Memory,
	}
	if len(a.Custom)+len(b.Custom) > 0 {
		sum.Custom = make(map[string]spec.Quantity, len(a.Custom)+len(b.Custom))
		for name, n := range a.Custom {
			sum.Custom[name] += n
		}
		for name, n := range b.Custom {
			sum.Custom[name] += spec.Quantity(k) * n
		}
	}
	return sum
}

// placeGang places all bundles of a group, or none.
func (p *packing) placeGang(g *gang) bool {
	counts := make([]int, len(g.bundles))
	for i, s := range g.bundles {
		counts[i] = s.count
	}
	ok := p.try(func() bool {
		switch g.of.Strategy {
		case spec.StrictSpread:
			return p.spread(g.bundles, true)
		case spec.Spread:
			p.spread(g.bundles, false)
		}
		p.place(g.bundles)
		return len(remaining(nil, g.bundles)) == 0
	})
	for i, s := range g.bundles {
		s.count = counts[i]
		if ok {
			s.count = 0
		}
	}
	return ok
}

// spread places each bundle on a node of its own. Where no node is left it thinks of a new one if it must, and says false
// if it cannot; a wish alone is not worth a node.
func (p *packing) spread(bundles []*shape, strict bool) bool {
	taken := make(map[*bin]bool)
	for _, s := range bundles {
		free := func(b *bin) bool { return !taken[b] && s.sel.matches(b.labels) }
		for from := 0; s.count > 0; {
			i := p.bins.first(s.need, from, free)
			if i < 0 && strict {
				if i = p.addFor(s); i < 0 {
					return false
				}
			} else if i < 0 {
				break
			}
			p.put(i, s.need, 1)
			taken[p.bins.row[i]] = true
			s.count--
			from = i + 1
		}
	}
	return true
}

// addFor thinks of a new node of the type that suits one of s best, or returns -1.
func (p *packing) addFor(s *shape) int {
	one := *s
	one.count = 1
	if p.room <= 0 {
		return -1
	}
	var best, other filling
	for _, k := range p.kinds {
		if k.room <= 0 || k.backoff != "" {
			continue
		}
		if p.fill(&other, k, []*shape{&one}); len(other.placed) > 0 && (best.kind == nil || other.score.better(&best.score)) {
			best, other = other, best
		}
	}
	if best.kind == nil {
		return -1
	}
	return p.add(best.kind)
}
