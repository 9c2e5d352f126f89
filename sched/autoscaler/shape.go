package autoscaler

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// The dimensions that every packing has.
const (
	dimCPU = iota
	dimGPU
	dimMemory
	dimCustom
)

// dimensions numbers the kinds of resources that somebody asks for or that a type has. A name that one node alone carries
// costs nothing.
type dimensions struct {
	index map[string]int
	names []string
}

func newDimensions() *dimensions {
	return &dimensions{index: make(map[string]int), names: []string{"CPU", "GPU", "memory"}}
}

// learn gives r's custom resources numbers; false if there are too many.
func (d *dimensions) learn(r *spec.Resources) bool {
	for _, name := range slices.Sorted(maps.Keys(r.Custom)) {
		if _, ok := d.index[name]; ok || r.Custom[name] == 0 {
			continue
		}
		if len(d.names) == maxDimensions {
			return false
		}
		d.index[name] = len(d.names)
		d.names = append(d.names, name)
	}
	return true
}

// vector returns r as one number per dimension.
func (d *dimensions) vector(r *spec.Resources) []int64 {
	v := make([]int64, len(d.names))
	v[dimCPU], v[dimGPU], v[dimMemory] = int64(r.CPU), int64(r.GPU), r.Memory
	for name, n := range r.Custom {
		if i, ok := d.index[name]; ok {
			v[i] = int64(n)
		}
	}
	return v
}

// amount is how much of one dimension is needed; never 0.
type amount struct {
	dim int
	n   int64
}

// need returns what r asks for, without zeros. Its names must have been learned.
func (d *dimensions) need(r *spec.Resources) []amount {
	var need []amount
	for dim, n := range [...]int64{int64(r.CPU), int64(r.GPU), r.Memory} {
		if n > 0 {
			need = append(need, amount{dim, n})
		}
	}
	for name, n := range r.Custom {
		if n > 0 {
			need = append(need, amount{d.index[name], int64(n)})
		}
	}
	slices.SortFunc(need, func(a, b amount) int { return a.dim - b.dim })
	return need
}

// fits reports whether need can be taken from free.
func fits(need []amount, free []int64) bool {
	for _, a := range need {
		if a.n > free[a.dim] {
			return false
		}
	}
	return true
}

// times returns how often need can be taken from free, at most limit.
func times(need []amount, free []int64, limit int) int {
	most := int64(limit)
	for _, a := range need {
		most = min(most, free[a.dim]/a.n)
	}
	return int(most)
}

// take takes need k times from free; a negative k gives it back.
func take(need []amount, free []int64, k int) {
	for _, a := range need {
		free[a.dim] -= a.n * int64(k)
	}
}

// shape is all demand that is alike.
type shape struct {
	need  []amount
	sel   selectors
	key   string
	count int // not placed yet
	of    Demand
}

// keyOf is equal for equal demands.
func keyOf(d *Demand) string {
	var b strings.Builder
	b.WriteString(strconv.FormatInt(int64(d.Need.CPU), 36) + "," + strconv.FormatInt(int64(d.Need.GPU), 36) + "," + strconv.FormatInt(d.Need.Memory, 36))
	if len(d.Need.Custom) > 0 {
		for _, name := range slices.Sorted(maps.Keys(d.Need.Custom)) {
			if n := d.Need.Custom[name]; n != 0 {
				b.WriteString("," + strconv.Quote(name) + strconv.FormatInt(int64(n), 36))
			}
		}
	}
	b.WriteString("|" + d.Select.String())
	return b.String()
}

// collapse adds up equal demands and puts the ones that are hardest to place first: GPUs, then many kinds of resources,
// then much of them. It gives the custom resources numbers and returns what has no room among them, or is over the limit
// of shapes, as left.
func collapse(demands []Demand, dims *dimensions) (shapes []*shape, left []Demand) {
	byKey := make(map[string]*shape, len(demands))
	for _, d := range demands {
		if d.Count <= 0 {
			continue
		}
		key := keyOf(&d)
		if s := byKey[key]; s != nil {
			s.count += d.Count
			continue
		}
		if len(shapes) == MaxShapes || !dims.learn(&d.Need) {
			left = append(left, d)
			continue
		}
		s := &shape{need: dims.need(&d.Need), sel: only(d.Select), key: key, count: d.Count, of: d}
		byKey[key] = s
		shapes = append(shapes, s)
	}
	slices.SortFunc(shapes, harder)
	return shapes, left
}

// harder orders shapes.
func harder(a, b *shape) int {
	if c := cmp.Compare(b.of.Need.GPU, a.of.Need.GPU); c != 0 {
		return c
	}
	if c := cmp.Compare(len(b.need), len(a.need)); c != 0 {
		return c
	}
	if c := cmp.Compare(b.of.Need.CPU, a.of.Need.CPU); c != 0 {
		return c
	}
	if c := cmp.Compare(b.of.Need.Memory, a.of.Need.Memory); c != 0 {
		return c
	}
	return strings.Compare(a.key, b.key)
}

// selectors accept what all of them accept. The bundles of a STRICT_PACK bring one each; otherwise there is one, or none.
type selectors []label.Selector

// only returns s as selectors.
func only(s label.Selector) selectors {
	if s.IsZero() {
		return nil
	}
	return selectors{s}
}

func (s selectors) matches(labels label.Set) bool {
	for _, one := range s {
		if !one.Matches(labels) {
			return false
		}
	}
	return true
}

func (s selectors) String() string {
	texts := make([]string, len(s))
	for i, one := range s {
		texts[i] = one.String()
	}
	return strings.Join(texts, " and ")
}
