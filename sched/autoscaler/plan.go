package autoscaler

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// plan says which new nodes are wished for, in the order they are to be launched: for min_workers, for request_resources,
// for placement groups, for tasks and actors. What cannot be had is noted, with why.
func (r *round) plan() []*bin {
	dims := newDimensions()
	for i := range r.types {
		dims.learn(&r.types[i].Resources) // a resource over the limit is one that no demand can name
	}
	floor, left := collapse(r.in.Floor, dims)
	var gangs []*gang
	groups := r.in.Groups[:min(len(r.in.Groups), MaxGroups)]
	bundles := 0
	for i, g := range groups {
		for _, b := range g.Bundles {
			bundles += b.Count
		}
		if bundles > MaxBundles {
			groups = groups[:i]
			break
		}
		gang, ok := gangOf(g, dims)
		if !ok {
			r.unmet = append(r.unmet, Unmet{Group: g.Name, Count: 1, Why: WhyLimit, Text: limitText})
			continue
		}
		gangs = append(gangs, gang)
	}
	for _, g := range r.in.Groups[len(groups):] {
		r.unmet = append(r.unmet, Unmet{Group: g.Name, Count: 1, Why: WhyLater, Text: "older placement groups come first"})
	}
	demands, more := collapse(r.in.Demands, dims)
	for _, d := range append(left, more...) {
		r.unmet = append(r.unmet, Unmet{Need: d.Need, Count: d.Count, Why: WhyLimit, Text: limitText})
	}

	p := r.packing(dims)
	r.bins = r.standing()
	total := r.pack(p, func(b *bin) *spec.Resources { return r.totalOf(b) })
	r.minimum(p)
	p.place(floor)
	for _, b := range p.new {
		b.due = true
	}
	// Placed on paper against all that nodes have; from here on it is about what they have free.
	held := make([]bool, len(r.bins))
	for i, b := range r.bins {
		held[i], b.used = b.used, false
	}
	due := p.new
	for i, b := range r.bins {
		b.free = dims.vector(r.freeOf(b))
		b.used = held[i]
	}
	for _, b := range due {
		b.free = append(b.free[:0], b.kind.total...)
	}
	p.bins = newBins(len(dims.names), len(r.bins)+len(due)+p.room)
	p.bins.fill(append(slices.Clone(r.bins), due...))

	e := &explainer{round: r, packing: p, total: total}
	for _, g := range gangs {
		if !p.placeGang(g) {
			r.unmet = append(r.unmet, e.gang(g))
		}
	}
	p.place(demands)
	for _, s := range remaining(remaining(nil, floor), demands) {
		if u, waits := e.shape(s); waits {
			r.unmet = append(r.unmet, u)
		}
	}
	return append(p.new, p.held...)
}

// packing returns an empty packing with what room the limits leave. Machines that are on their way out count until they are
// gone.
func (r *round) packing(dims *dimensions) *packing {
	byType, all := r.count(there)
	p := &packing{dims: dims, room: min(max(0, r.in.Config.MaxWorkers-all), maxPlanned), accept: make(map[string]map[*kind]bool)}
	for _, t := range r.types {
		k := &kind{NodeType: t, total: dims.vector(&t.Resources), room: max(0, t.MaxWorkers-byType[t.Name])}
		if b := r.paused(t.Name, r.now); b != nil {
			k.backoff = "launches of " + t.Name + " pause until " + b.until.UTC().Format("15:04:05") + ": " + b.detail
		}
		p.kinds = append(p.kinds, k)
	}
	return p
}

// standing returns a bin for every node that there is or that comes, and that stays: those without GPU first, then
// those with work, so that first fit leaves idle nodes idle, then those that run.
func (r *round) standing() []*bin {
	var all []*bin
	for _, n := range r.static {
		if !n.Draining {
			all = append(all, &bin{labels: n.Labels, node: n})
		}
	}
	for _, inst := range r.instances {
		switch t := r.byName[inst.Type]; {
		case !stays(inst):
		case inst.node != nil:
			all = append(all, &bin{labels: inst.node.Labels, node: inst.node, instance: inst})
		case t != nil:
			all = append(all, &bin{labels: t.Labels, instance: inst})
		}
	}
	rank := func(b *bin) int {
		rank := 0
		if r.totalOf(b).GPU > 0 {
			rank += 4
		}
		switch {
		case b.node == nil:
			rank += 2
		case b.node.idle():
			rank++
		}
		return rank
	}
	slices.SortStableFunc(all, func(a, b *bin) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// totalOf returns what a bin's node has or will have.
func (r *round) totalOf(b *bin) *spec.Resources {
	switch {
	case b.node != nil:
		return &b.node.Total
	case b.kind != nil:
		return &b.kind.Resources
	}
	return &r.byName[b.instance.Type].Resources
}

// freeOf returns what a bin's node has free.
func (r *round) freeOf(b *bin) *spec.Resources {
	if b.node != nil {
		return &b.node.Free
	}
	return r.totalOf(b)
}

// pack fills p's bins with the totals of the standing nodes, and returns a copy to look up what fits an empty node.
func (r *round) pack(p *packing, amounts func(*bin) *spec.Resources) (total *bins) {
	copies := make([]*bin, len(r.bins))
	for i, b := range r.bins {
		b.free = p.dims.vector(amounts(b))
		copies[i] = &bin{labels: b.labels, free: slices.Clone(b.free)}
	}
	p.bins = newBins(len(p.dims.names), len(r.bins)+p.room)
	p.bins.fill(r.bins)
	total = newBins(len(p.dims.names), len(r.bins))
	total.fill(copies)
	return total
}

// minimum thinks of the nodes that min_workers is short of. Those of a paused type are wished for, but nothing is placed there:
// demand may find another type.
func (r *round) minimum(p *packing) {
	byType, _ := r.count(stays)
	for _, k := range p.kinds {
		for n := byType[k.Name]; n < k.MinWorkers && k.room > 0 && p.room > 0; n++ {
			if k.backoff == "" {
				p.add(k)
				continue
			}
			p.held = append(p.held, &bin{kind: k, due: true})
			k.room--
			p.room--
		}
	}
}
