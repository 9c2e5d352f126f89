package resource

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Pool is what somebody has to lend. The zero value has nothing.
type Pool struct {
	total, free Vector
	devices     []device // in order of id
}

// device is one GPU, or the part of one that the pool was given.
type device struct {
	id         uint16
	size, free spec.Quantity // at most Unit
}

// Devices are the ids of the GPUs that a need was given, in ascending order. They belong to who holds them: a GPU need of
// at most one has one id, which others may share.
type Devices []uint16

// NewPool returns a pool of total, all of it free, whose GPUs are numbered from 0.
func NewPool(total Vector) Pool {
	p := Pool{total: total, free: total}
	for left := total.GPU; left > 0; left -= spec.Unit {
		size := min(left, spec.Unit)
		p.devices = append(p.devices, device{uint16(len(p.devices)), size, size})
	}
	return p
}

// Part returns a pool of total on the given devices: what a bundle makes of the lease it was given.
func Part(total Vector, on Devices) Pool {
	p := Pool{total: total, free: total}
	for _, id := range on {
		size := min(total.GPU, spec.Unit)
		p.devices = append(p.devices, device{id, size, size})
	}
	return p
}

// Restore returns a pool of total of which free is left, and of each of its GPUs what gpus says. It is how one node
// believes what another one told it; total and free are taken as they are, and missing devices as having nothing free.
func Restore(total, free Vector, gpus []spec.Quantity) Pool {
	p := NewPool(total)
	p.free = free
	p.free.GPU = 0
	for i := range p.devices {
		p.devices[i].free = 0
		if i < len(gpus) {
			p.devices[i].free = max(0, min(gpus[i], p.devices[i].size))
		}
		p.free.GPU += p.devices[i].free
	}
	return p
}

// Total returns what the pool has.
func (p *Pool) Total() Vector { return p.total }

// Free returns what nobody holds.
func (p *Pool) Free() Vector { return p.free }

// GPUs returns what is free of each device, in order of id.
func (p *Pool) GPUs() []spec.Quantity {
	if len(p.devices) == 0 {
		return nil
	}
	free := make([]spec.Quantity, len(p.devices))
	for i, d := range p.devices {
		free[i] = d.free
	}
	return free
}

// Largest returns the largest free part of one GPU.
func (p *Pool) Largest() spec.Quantity {
	var most spec.Quantity
	for _, d := range p.devices {
		most = max(most, d.free)
	}
	return most
}

// Whole returns how many GPUs are wholly free, as a quantity.
func (p *Pool) Whole() spec.Quantity {
	var n spec.Quantity
	for _, d := range p.devices {
		if d.free == spec.Unit {
			n += spec.Unit
		}
	}
	return n
}

// Fits reports whether need can be taken now.
func (p *Pool) Fits(need Vector) bool {
	if !need.Within(p.free) {
		return false
	}
	switch {
	case need.GPU == 0:
		return true
	case need.GPU <= spec.Unit:
		return p.Largest() >= need.GPU
	default:
		return need.GPU%spec.Unit == 0 && p.Whole() >= need.GPU
	}
}

// Could reports whether need could be taken if everything were free.
func (p *Pool) Could(need Vector) bool {
	if !need.Within(p.total) {
		return false
	}
	if need.GPU <= spec.Unit {
		return need.GPU == 0 || slices.ContainsFunc(p.devices, func(d device) bool { return d.size >= need.GPU })
	}
	var whole spec.Quantity
	for _, d := range p.devices {
		if d.size == spec.Unit {
			whole += spec.Unit
		}
	}
	return need.GPU%spec.Unit == 0 && whole >= need.GPU
}

// Lacks returns what need wants beyond what is free; for GPUs, beyond what is free in the form that it needs.
func (p *Pool) Lacks(need Vector) Vector {
	free := p.free
	if need.GPU > spec.Unit {
		free.GPU = p.Whole()
	} else {
		free.GPU = p.Largest()
	}
	return need.Lacks(free)
}

// Take takes need, which must fit. Part of a GPU is taken from the device with the least left that has enough, so that
// whole ones stay whole; among equals, the lowest id.
func (p *Pool) Take(need Vector) Devices {
	var got Devices
	switch {
	case need.GPU == 0:
	case need.GPU <= spec.Unit:
		best := -1
		for i, d := range p.devices {
			if d.free >= need.GPU && (best < 0 || d.free < p.devices[best].free) {
				best = i
			}
		}
		if best >= 0 {
			p.devices[best].free -= need.GPU
			got = Devices{p.devices[best].id}
		}
	default:
		for i := range p.devices {
			if d := &p.devices[i]; d.free == spec.Unit && spec.Quantity(len(got))*spec.Unit < need.GPU {
				d.free = 0
				got = append(got, d.id)
			}
		}
	}
	p.free = p.free.Minus(need)
	return got
}

// Give gives back what was taken, with the devices that Take returned.
func (p *Pool) Give(held Vector, on Devices) {
	for _, id := range on {
		for i := range p.devices {
			if p.devices[i].id == id {
				p.devices[i].free += min(held.GPU, spec.Unit)
			}
		}
	}
	p.free = p.free.Plus(held)
}

// Clone returns a pool of its own.
func (p *Pool) Clone() Pool {
	q := *p
	q.devices = slices.Clone(p.devices)
	return q
}

// CopyFrom makes p a copy of q, in the memory that it has.
func (p *Pool) CopyFrom(q *Pool) {
	devices := append(p.devices[:0], q.devices...)
	*p = *q
	p.devices = devices
}
