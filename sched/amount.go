package sched

import (
	"maps"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// fits reports whether need can be taken from free.
func fits(need, free *spec.Resources) bool {
	if need.CPU > free.CPU || need.GPU > free.GPU || need.Memory > free.Memory {
		return false
	}
	for name, n := range need.Custom {
		if n > free.Custom[name] {
			return false
		}
	}
	return true
}

// add adds r to *to, times sign. The map of *to is its own.
func add(to, r *spec.Resources, sign int64) {
	to.CPU += spec.Quantity(sign) * r.CPU
	to.GPU += spec.Quantity(sign) * r.GPU
	to.Memory += sign * r.Memory
	for name, n := range r.Custom {
		if to.Custom == nil {
			to.Custom = make(map[string]spec.Quantity)
		}
		to.Custom[name] += spec.Quantity(sign) * n
	}
}

// minus returns a - b, never below zero.
func minus(a, b *spec.Resources) spec.Resources {
	d := spec.Resources{CPU: max(0, a.CPU-b.CPU), GPU: max(0, a.GPU-b.GPU), Memory: max(0, a.Memory-b.Memory)}
	for name, n := range a.Custom {
		if left := n - b.Custom[name]; left > 0 {
			if d.Custom == nil {
				d.Custom = make(map[string]spec.Quantity)
			}
			d.Custom[name] = left
		}
	}
	return d
}

// competes reports whether a request would take from what another one lacks.
func competes(need, lacks *spec.Resources) bool {
	if need.CPU > 0 && lacks.CPU > 0 || need.GPU > 0 && lacks.GPU > 0 || need.Memory > 0 && lacks.Memory > 0 {
		return true
	}
	for name, n := range need.Custom {
		if n > 0 && lacks.Custom[name] > 0 {
			return true
		}
	}
	return false
}

// clone returns r with a map of its own.
func clone(r spec.Resources) spec.Resources {
	r.Custom = maps.Clone(r.Custom)
	return r
}

// shape is the scheduling class of a request: equal for equal needs.
type shape struct {
	cpu, gpu spec.Quantity
	memory   int64
	custom   string
	priority int32
}

func shapeOf(need *spec.Resources, priority int32) shape {
	s := shape{cpu: need.CPU, gpu: need.GPU, memory: need.Memory, priority: priority}
	if len(need.Custom) > 0 {
		var b []byte
		for _, name := range slices.Sorted(maps.Keys(need.Custom)) {
			b = append(append(append(b, name...), 0), need.Custom[name].String()...)
			b = append(b, 0)
		}
		s.custom = string(b)
	}
	return s
}
