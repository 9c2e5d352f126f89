package resource_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

func custom(kv ...any) spec.Resources {
	r := spec.Resources{Custom: map[string]spec.Quantity{}}
	for i := 0; i < len(kv); i += 2 {
		r.Custom[kv[i].(string)] = spec.Quantity(kv[i+1].(int))
	}
	return r
}

// TestVectorsAreResources: what a vector computes is what plain maps compute.
func TestVectorsAreResources(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	r := rand.New(rand.NewPCG(1, 2))
	draw := func() spec.Resources {
		s := spec.Resources{CPU: spec.Quantity(r.IntN(4)), GPU: spec.Quantity(r.IntN(4)), Memory: int64(r.IntN(4)), Custom: map[string]spec.Quantity{}}
		for _, name := range names {
			if r.IntN(2) == 0 {
				s.Custom[name] = spec.Quantity(r.IntN(3))
			}
		}
		return s
	}
	for range 5000 {
		a, b := draw(), draw()
		v, w := resource.Of(a), resource.Of(b)
		within, meets := a.CPU <= b.CPU && a.GPU <= b.GPU && a.Memory <= b.Memory, a.CPU > 0 && b.CPU > 0 || a.GPU > 0 && b.GPU > 0 || a.Memory > 0 && b.Memory > 0
		sum, lacks := v.Plus(w).Spec(), v.Lacks(w).Spec()
		for _, name := range names {
			x, y := a.Custom[name], b.Custom[name]
			within = within && x <= y
			meets = meets || x > 0 && y > 0
			if sum.Custom[name] != x+y || lacks.Custom[name] != max(0, x-y) {
				t.Fatalf("%v and %v: sum %v, lacks %v", a, b, sum, lacks)
			}
		}
		if v.Within(w) != within || v.Meets(w) != meets {
			t.Fatalf("%v and %v: within %t, meets %t", a, b, v.Within(w), v.Meets(w))
		}
		if back := v.Plus(w).Minus(w); !reflect.DeepEqual(back.Spec(), v.Spec()) || back.Shape() != v.Shape() {
			t.Fatalf("%v + %v - %v = %v", v, w, w, back)
		}
		if (v.Shape() == w.Shape()) != (v.Within(w) && w.Within(v)) {
			t.Fatalf("%v and %v: shapes", v, w)
		}
	}
}

func TestShare(t *testing.T) {
	whole := resource.Of(spec.Resources{CPU: 4 * spec.Unit, Memory: 100, Custom: map[string]spec.Quantity{"x": 10}})
	for _, test := range []struct {
		have spec.Resources
		want float64
	}{
		{spec.Resources{}, 0},
		{spec.Resources{CPU: spec.Unit, Memory: 50}, 0.5},
		{spec.Resources{CPU: spec.Unit, Memory: 10}, 0.25},
		{custom("x", 9, "unknown", 5), 0.9},
	} {
		if got := resource.Of(test.have).Share(whole); got != test.want {
			t.Errorf("%v of %v: %v, want %v", test.have, whole, got, test.want)
		}
	}
}

func TestPartsOfGPUs(t *testing.T) {
	gpu := func(n spec.Quantity) resource.Vector { return resource.Vector{GPU: n} }
	p := resource.NewPool(gpu(3 * spec.Unit))
	half := p.Take(gpu(spec.Unit / 2))
	if !slices.Equal(half, resource.Devices{0}) {
		t.Fatalf("half a GPU on %v", half)
	}
	if got := p.Take(gpu(spec.Unit / 4)); !slices.Equal(got, resource.Devices{0}) {
		t.Errorf("a quarter goes where a half is gone: got %v", got)
	}
	if p.Fits(gpu(3*spec.Unit)) || !p.Fits(gpu(2*spec.Unit)) || p.Fits(gpu(spec.Unit*3/2)) {
		t.Error("two GPUs are whole, and more than one must be whole")
	}
	two := p.Take(gpu(2 * spec.Unit))
	if !slices.Equal(two, resource.Devices{1, 2}) {
		t.Errorf("two GPUs on %v", two)
	}
	if p.Fits(gpu(spec.Unit / 2)) {
		t.Error("a quarter is left, a half fits")
	}
	if lacks := p.Lacks(gpu(spec.Unit / 2)); lacks.GPU != spec.Unit/4 {
		t.Errorf("lacks %v", lacks)
	}
	p.Give(gpu(spec.Unit/2), half)
	p.Give(gpu(2*spec.Unit), two)
	if p.Largest() != spec.Unit || p.Whole() != 2*spec.Unit || p.Free().GPU != spec.Unit*11/4 {
		t.Errorf("after giving back: %v free, %v whole", p.Free(), p.Whole())
	}
	bundle := resource.Part(gpu(2*spec.Unit), two)
	if got := bundle.Take(gpu(spec.Unit)); !slices.Equal(got, resource.Devices{1}) {
		t.Errorf("a bundle on GPUs 1 and 2 gave %v", got)
	}
}

// TestAPoolLosesNothing takes and gives at random; in the end all is free, device by device.
func TestAPoolLosesNothing(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 3))
		p := resource.NewPool(resource.Of(spec.Resources{CPU: 8 * spec.Unit, GPU: 4 * spec.Unit, Custom: map[string]spec.Quantity{"x": 5}}))
		type lease struct {
			v  resource.Vector
			on resource.Devices
		}
		var held []lease
		for range 200 {
			if len(held) > 0 && r.IntN(2) == 0 {
				i := r.IntN(len(held))
				p.Give(held[i].v, held[i].on)
				held = slices.Delete(held, i, i+1)
				continue
			}
			gpu := []spec.Quantity{0, 2500, 5000, 3333, spec.Unit, 2 * spec.Unit, 3 * spec.Unit}[r.IntN(7)]
			v := resource.Of(spec.Resources{CPU: spec.Quantity(r.IntN(3)) * spec.Unit, GPU: gpu, Custom: map[string]spec.Quantity{"x": spec.Quantity(r.IntN(2))}})
			if !p.Could(v) {
				t.Fatalf("%v could never fit", v)
			}
			if p.Fits(v) != p.Lacks(v).IsZero() {
				t.Fatalf("%v: fits %t, lacks %v", v, p.Fits(v), p.Lacks(v))
			}
			if p.Fits(v) {
				on := p.Take(v)
				if want := int((gpu + spec.Unit - 1) / spec.Unit); len(on) != want {
					t.Fatalf("%v is on %v", v, on)
				}
				held = append(held, lease{v, on})
			}
			var sum spec.Quantity
			for _, free := range p.GPUs() {
				if free < 0 || free > spec.Unit {
					t.Fatalf("a device has %v free", free)
				}
				sum += free
			}
			if f := p.Free(); sum != f.GPU || !(resource.Vector{}).Within(f) {
				t.Fatalf("free %v, devices %v", f, p.GPUs())
			}
			back := resource.Restore(p.Total(), p.Free(), p.GPUs())
			if !reflect.DeepEqual(back, p) {
				t.Fatalf("restored %+v, want %+v", back, p)
			}
		}
		for _, l := range held {
			p.Give(l.v, l.on)
		}
		if p.Free().Shape() != p.Total().Shape() || p.Whole() != 4*spec.Unit {
			t.Fatalf("seed %d: at the end %v free", seed, p.Free())
		}
	}
}
