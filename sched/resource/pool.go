package resource

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Pool is what somebody has to lend. The zero value has nothing. Taking and giving back allocates nothing, but for needs of
// several GPUs that do not lie side by side.
type Pool struct {
	total    Vector
	cpu, gpu spec.Quantity // free
	memory   int64
	custom   []Amount // free, one for each of total's, zeros included
	devices  []device // in order of id
	ids      []uint16 // of the devices, for handing out; never written to
}

// device is one GPU, or the part of one that the pool was given.
type device struct {
	id         uint16
	size, free spec.Quantity // at most Unit
}

// Devices are the ids of the GPUs that a need was given, in ascending order: a GPU need of at most one has one id, which
// others may share. They are not to be written to.
type Devices []uint16

// Kinds is a set of kinds of resources, as a pool numbers them. Pools of one total number them alike.
type Kinds uint64

// The kinds that every pool has; custom ones follow in order of name. Beyond the 61st, kinds share numbers.
const (
	KindCPU Kinds = 1 << iota
	KindGPU
	KindMemory
	firstCustom
)

const customKinds = 61

// NewPool returns a pool of total, all of it free, whose GPUs are numbered from 0.
func NewPool(total Vector) Pool {
	var ids Devices
	for left := total.GPU; left > 0; left -= spec.Unit {
		ids = append(ids, uint16(len(ids)))
	}
	p := Part(total, ids)
	if last := len(p.devices) - 1; last >= 0 {
		size := total.GPU - spec.Quantity(last)*spec.Unit
		p.devices[last].size, p.devices[last].free = size, size
	}
	return p
}

// Part returns a pool of total on the given devices: what a bundle makes of the lease it was given.
func Part(total Vector, on Devices) Pool {
	p := Pool{total: total, cpu: total.CPU, gpu: total.GPU, memory: total.Memory, custom: slices.Clone(total.custom), ids: on}
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
	p.cpu, p.gpu, p.memory = free.CPU, 0, free.Memory
	for i := range p.custom {
		p.custom[i].N = free.Get(p.custom[i].Name)
	}
	for i := range p.devices {
		p.devices[i].free = 0
		if i < len(gpus) {
			p.devices[i].free = max(0, min(gpus[i], p.devices[i].size))
		}
		p.gpu += p.devices[i].free
	}
	return p
}

// Total returns what the pool has.
func (p *Pool) Total() Vector { return p.total }

// Free returns what nobody holds.
func (p *Pool) Free() Vector {
	v := Vector{CPU: p.cpu, GPU: p.gpu, Memory: p.memory}
	for _, a := range p.custom {
		if a.N != 0 {
			v.custom = append(v.custom, a)
		}
	}
	return v
}

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
func (p *Pool) Fits(need Vector) bool { return p.Short(need) == 0 }

// Short returns the kinds of which too little is free for need, GPUs in the form that it needs. The pool must have all the
// kinds that need names.
func (p *Pool) Short(need Vector) Kinds {
	var short Kinds
	if need.CPU > p.cpu {
		short |= KindCPU
	}
	if need.Memory > p.memory {
		short |= KindMemory
	}
	switch {
	case need.GPU == 0:
	case need.GPU <= spec.Unit:
		if p.Largest() < need.GPU {
			short |= KindGPU
		}
	case need.GPU%spec.Unit != 0 || p.Whole() < need.GPU:
		short |= KindGPU
	}
	at := 0
	for _, a := range need.custom {
		for at < len(p.custom) && p.custom[at].Name != a.Name {
			at++
		}
		if at == len(p.custom) || p.custom[at].N < a.N {
			short |= firstCustom << (at % customKinds)
		}
	}
	return short
}

// Kinds returns the kinds that need wants some of. The pool must have them all.
func (p *Pool) Kinds(need Vector) Kinds {
	var kinds Kinds
	if need.CPU > 0 {
		kinds |= KindCPU
	}
	if need.GPU > 0 {
		kinds |= KindGPU
	}
	if need.Memory > 0 {
		kinds |= KindMemory
	}
	at := 0
	for _, a := range need.custom {
		for at < len(p.custom) && p.custom[at].Name != a.Name {
			at++
		}
		kinds |= firstCustom << (at % customKinds)
	}
	return kinds
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
	free := p.Free()
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
			got = p.ids[best : best+1 : best+1]
		}
	default:
		got = p.whole(int(need.GPU / spec.Unit))
	}
	p.add(need, -1)
	return got
}

// whole takes n whole GPUs, those with the lowest ids.
func (p *Pool) whole(n int) Devices {
	var got Devices
	for i := range p.devices {
		d := &p.devices[i]
		if d.free != spec.Unit || len(got) == n {
			continue
		}
		d.free = 0
		if at := i - len(got); len(got) == 0 || got[0] == p.ids[at] { // side by side
			got = p.ids[at : i+1 : i+1]
		} else {
			got = append(got, d.id) // which copies: there is no room behind it
		}
	}
	return got
}

// add adds v to what is free, times sign.
func (p *Pool) add(v Vector, sign spec.Quantity) {
	p.cpu += sign * v.CPU
	p.gpu += sign * v.GPU
	p.memory += int64(sign) * v.Memory
	at := 0
	for _, a := range v.custom {
		for at < len(p.custom) && p.custom[at].Name != a.Name {
			at++
		}
		if at < len(p.custom) {
			p.custom[at].N += sign * a.N
		}
	}
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
	p.add(held, 1)
}

// Clone returns a pool of its own.
func (p *Pool) Clone() Pool {
	q := *p
	q.devices, q.custom = slices.Clone(p.devices), slices.Clone(p.custom)
	return q
}

// CopyFrom makes p a copy of q, in the memory that it has.
func (p *Pool) CopyFrom(q *Pool) {
	devices, custom := append(p.devices[:0], q.devices...), append(p.custom[:0], q.custom...)
	*p = *q
	p.devices, p.custom = devices, custom
}
