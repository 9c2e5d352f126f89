package resource

import (
	"encoding/binary"
	"maps"
	"slices"
	"unique"

	"github.com/raywasm/raywasm/spec"
)

// Name is the interned name of a custom resource.
type Name = unique.Handle[string]

// Vector is an amount of each kind of resource. The zero value is nothing. Vectors are values: no method writes to one.
type Vector struct {
	CPU, GPU spec.Quantity
	Memory   int64    // bytes
	custom   []Amount // sorted by name, none zero
}

// Amount is a quantity of one custom resource.
type Amount struct {
	Name Name
	N    spec.Quantity
}

// Of returns r as a vector.
func Of(r spec.Resources) Vector {
	v := Vector{CPU: r.CPU, GPU: r.GPU, Memory: r.Memory}
	if len(r.Custom) == 0 {
		return v
	}
	for _, name := range slices.Sorted(maps.Keys(r.Custom)) {
		if n := r.Custom[name]; n != 0 {
			v.custom = append(v.custom, Amount{unique.Make(name), n})
		}
	}
	return v
}

// Spec returns v in the form for people and the wire.
func (v Vector) Spec() spec.Resources {
	r := spec.Resources{CPU: v.CPU, GPU: v.GPU, Memory: v.Memory}
	for _, a := range v.custom {
		if r.Custom == nil {
			r.Custom = make(map[string]spec.Quantity, len(v.custom))
		}
		r.Custom[a.Name.Value()] = a.N
	}
	return r
}

// String prints v as Ray's status does: {CPU: 1, memory: 500 MiB, x86: 1}.
func (v Vector) String() string { return v.Spec().String() }

// IsZero reports whether v is nothing.
func (v Vector) IsZero() bool { return v.CPU == 0 && v.GPU == 0 && v.Memory == 0 && len(v.custom) == 0 }

// Custom returns the custom resources, sorted by name. It is not to be written to.
func (v Vector) Custom() []Amount { return v.custom }

// Get returns how much v has of a custom resource.
func (v Vector) Get(name Name) spec.Quantity {
	for _, a := range v.custom { // short
		if a.Name == name {
			return a.N
		}
	}
	return 0
}

// Within reports whether v is at most limit in every kind.
func (v Vector) Within(limit Vector) bool {
	if v.CPU > limit.CPU || v.GPU > limit.GPU || v.Memory > limit.Memory {
		return false
	}
	for _, a := range v.custom {
		if a.N > limit.Get(a.Name) {
			return false
		}
	}
	return true
}

// Plus returns v + w.
func (v Vector) Plus(w Vector) Vector { return v.combine(w, 1) }

// Minus returns v - w, which may be negative.
func (v Vector) Minus(w Vector) Vector { return v.combine(w, -1) }

// Lacks returns what v wants beyond limit: in no kind below zero.
func (v Vector) Lacks(limit Vector) Vector {
	d := Vector{CPU: max(0, v.CPU-limit.CPU), GPU: max(0, v.GPU-limit.GPU), Memory: max(0, v.Memory-limit.Memory)}
	for _, a := range v.custom {
		if left := a.N - limit.Get(a.Name); left > 0 {
			d.custom = append(d.custom, Amount{a.Name, left})
		}
	}
	return d
}

// Over returns what of v is too much on top of used: beyond limit, in the kinds of which limit has some.
func (v Vector) Over(used, limit Vector) Vector {
	var d Vector
	if limit.CPU > 0 {
		d.CPU = max(0, min(v.CPU, v.CPU+used.CPU-limit.CPU))
	}
	if limit.GPU > 0 {
		d.GPU = max(0, min(v.GPU, v.GPU+used.GPU-limit.GPU))
	}
	if limit.Memory > 0 {
		d.Memory = max(0, min(v.Memory, v.Memory+used.Memory-limit.Memory))
	}
	if len(limit.custom) > 0 {
		for _, a := range v.custom {
			if most := limit.Get(a.Name); most > 0 {
				if n := min(a.N, a.N+used.Get(a.Name)-most); n > 0 {
					d.custom = append(d.custom, Amount{a.Name, n})
				}
			}
		}
	}
	return d
}

// Meets reports whether v and w both have some of one kind: whether taking v takes from what w wants.
func (v Vector) Meets(w Vector) bool {
	if v.CPU > 0 && w.CPU > 0 || v.GPU > 0 && w.GPU > 0 || v.Memory > 0 && w.Memory > 0 {
		return true
	}
	if len(w.custom) > 0 {
		for _, a := range v.custom {
			if a.N > 0 && w.Get(a.Name) > 0 {
				return true
			}
		}
	}
	return false
}

// Share returns the largest fraction that v is of whole, over the kinds that whole has: v's dominant share.
func (v Vector) Share(whole Vector) float64 {
	share := 0.0
	if whole.CPU > 0 {
		share = float64(v.CPU) / float64(whole.CPU)
	}
	if whole.GPU > 0 {
		share = max(share, float64(v.GPU)/float64(whole.GPU))
	}
	if whole.Memory > 0 {
		share = max(share, float64(v.Memory)/float64(whole.Memory))
	}
	for _, a := range v.custom {
		if n := whole.Get(a.Name); n > 0 {
			share = max(share, float64(a.N)/float64(n))
		}
	}
	return share
}

// Equal reports whether v and w are the same amounts.
func (v Vector) Equal(w Vector) bool {
	return v.CPU == w.CPU && v.GPU == w.GPU && v.Memory == w.Memory && slices.Equal(v.custom, w.custom)
}

// AppendKey appends to b what equal vectors have equal, and no other.
func (v Vector) AppendKey(b []byte) []byte {
	b = binary.AppendVarint(b, int64(v.CPU))
	b = binary.AppendVarint(b, int64(v.GPU))
	b = binary.AppendVarint(b, v.Memory)
	b = binary.AppendUvarint(b, uint64(len(v.custom)))
	for _, a := range v.custom {
		name := a.Name.Value()
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
		b = binary.AppendVarint(b, int64(a.N))
	}
	return b
}

// Shape is what equal vectors have equal. It is a key for maps.
type Shape struct {
	cpu, gpu spec.Quantity
	memory   int64
	custom   string
}

// Shape returns v's shape.
func (v Vector) Shape() Shape {
	s := Shape{cpu: v.CPU, gpu: v.GPU, memory: v.Memory}
	if len(v.custom) > 0 {
		s.custom = string(Vector{custom: v.custom}.AppendKey(nil))
	}
	return s
}

// combine returns v + sign*w.
func (v Vector) combine(w Vector, sign spec.Quantity) Vector {
	sum := Vector{CPU: v.CPU + sign*w.CPU, GPU: v.GPU + sign*w.GPU, Memory: v.Memory + int64(sign)*w.Memory, custom: v.custom}
	if len(w.custom) == 0 {
		return sum
	}
	sum.custom = make([]Amount, 0, len(v.custom)+len(w.custom))
	a, b := v.custom, w.custom
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Name != b[0].Name && a[0].Name.Value() < b[0].Name.Value():
			sum.custom, a = append(sum.custom, a[0]), a[1:]
		case len(a) == 0 || a[0].Name != b[0].Name:
			sum.custom, b = append(sum.custom, Amount{b[0].Name, sign * b[0].N}), b[1:]
		default:
			if n := a[0].N + sign*b[0].N; n != 0 {
				sum.custom = append(sum.custom, Amount{a[0].Name, n})
			}
			a, b = a[1:], b[1:]
		}
	}
	return sum
}
