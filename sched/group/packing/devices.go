package packing

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// deal distributes GPU needs over devices of which free is left: a need of at most one goes to one device, a larger one to
// whole devices. It returns the order in which a pool that always takes the fullest device that has enough
// (resource.Pool.Take) gives each its place; false if there is no way, or none was found before the steps ran out.
//
// The order is: device by device, the fullest first, what lies on it, and the needs of whole devices last. Each device's needs
// fit the device itself, or one before it that has more left than was planned, so the pool never takes a later one.
func deal(free, needs []spec.Quantity, steps *int) (order []int, ok bool) {
	d := dealing{free: slices.Clone(free), steps: steps, on: make([]int, len(needs))}
	for i, n := range needs {
		switch {
		case n == 0:
			d.on[i] = -1
		case n >= spec.Unit:
			d.on[i] = len(free)
			d.whole += int(n / spec.Unit)
		default:
			d.parts = append(d.parts, i)
		}
	}
	slices.SortStableFunc(d.parts, func(a, b int) int { return cmp.Compare(needs[b], needs[a]) })
	if !d.next(0, needs) {
		return nil, false
	}
	for i := range needs {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := d.on[a], d.on[b]
		if x == y || x < 0 || y < 0 || x == len(free) || y == len(free) {
			return cmp.Compare(x, y)
		}
		return cmp.Or(cmp.Compare(free[x], free[y]), cmp.Compare(x, y))
	})
	return order, true
}

type dealing struct {
	free  []spec.Quantity
	parts []int // needs below one, largest first
	whole int   // devices that must stay whole
	on    []int // by need: the device; -1 for none, len(free) for whole ones
	steps *int
}

// next finds devices for the parts from k on.
func (d *dealing) next(k int, needs []spec.Quantity) bool {
	whole := 0
	for _, f := range d.free {
		if f == spec.Unit {
			whole++
		}
	}
	if whole < d.whole {
		return false
	}
	if k == len(d.parts) {
		return true
	}
	need := needs[d.parts[k]]
	var tried []spec.Quantity // devices with as much left are alike
	for {
		best := -1 // the fullest one that has enough and was not tried
		for i, f := range d.free {
			if f >= need && (best < 0 || f < d.free[best]) && !slices.Contains(tried, f) {
				best = i
			}
		}
		if best < 0 || *d.steps <= 0 {
			return false
		}
		*d.steps--
		tried = append(tried, d.free[best])
		d.free[best] -= need
		d.on[d.parts[k]] = best
		if d.next(k+1, needs) {
			return true
		}
		d.free[best] += need
	}
}
