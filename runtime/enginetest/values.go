package enginetest

import (
	"math"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// edges are values of each type whose bits are easily lost.
var edges = map[wasmbin.ValType][]uint64{
	i32: {0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff},
	i64: {0, 1, 0xffff_ffff, 1 << 32, math.MaxInt64, 1 << 63, math.MaxUint64},
	f32: {0, 0x8000_0000, uint64(math.Float32bits(1.5)), 0x7f80_0000, 0xff80_0000, 1,
		0x7fc0_0000, 0xffc0_1234, 0x7f80_0001, 0xffa0_0001}, // the last two are signalling NaNs
	f64: {0, 1 << 63, math.Float64bits(math.Pi), 0x7ff0_0000_0000_0000, 1,
		0x7ff8_0000_0000_0000, 0xfff8_0000_dead_beef, 0x7ff0_0000_0000_0001, 0xfff4_0000_0000_0001},
}

// numbers: values of all four numeric types go in and out with every bit they have.
func (s suite) numbers(t *testing.T) {
	var m module
	for t := range edges {
		g := m.global("global "+t.String(), t, true, map[wasmbin.ValType][]byte{i32: const32(0), i64: const64(0), f32: constF32(0), f64: constF64(0)}[t])
		m.fn("same "+t.String(), types(t), types(t), get(0))
		m.fn("keep "+t.String(), types(t), nil, get(0), op(wasmbin.OpGlobalSet, g))
		m.fn("kept "+t.String(), nil, types(t), op(wasmbin.OpGlobalGet, g))
	}
	i := s.run(t, m.wasm())
	for typ, values := range edges {
		global := i.Global("global " + typ.String())
		if global == nil {
			t.Fatalf("there is no global of type %s", typ)
		}
		for _, v := range values {
			if got := width(typ, result(t, i, "same "+typ.String(), v)); got != v {
				t.Errorf("%s %#x came back as %#x", typ, v, got)
			}
			result(t, i, "keep "+typ.String(), v)
			if got := width(typ, global.Get()); got != v {
				t.Errorf("the guest set a global to the %s %#x, the host reads %#x", typ, v, got)
			}
			global.Set(^v)
			global.Set(v)
			if got := width(typ, result(t, i, "kept "+typ.String())); got != v {
				t.Errorf("the host set a global to the %s %#x, the guest reads %#x", typ, v, got)
			}
		}
	}
}

// manyValues: parameters and results share the stack, whichever are more.
func (s suite) manyValues(t *testing.T) {
	ten := slices.Repeat(types(i64), 10)
	var reversed, spread [][]byte
	for k := range uint32(10) {
		reversed = append(reversed, get(9-k))
		spread = append(spread, get(0))
	}
	var m module
	m.fn("swap", types(i64, f64), types(f64, i64), get(1), get(0))
	m.fn("reverse", ten, ten, reversed...)
	m.fn("last", ten, types(i64), get(9))
	m.fn("spread", types(i64), ten, spread...)
	i := s.run(t, m.wasm())
	for _, c := range []struct {
		name     string
		in, want []uint64
	}{
		{"swap", []uint64{7, math.Float64bits(2.5)}, []uint64{math.Float64bits(2.5), 7}},
		{"reverse", []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []uint64{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		{"last", []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []uint64{9}},
		{"spread", []uint64{3, 0, 0, 0, 0, 0, 0, 0, 0, 0}, slices.Repeat([]uint64{3}, 10)},
	} {
		f := i.Func(c.name)
		for range 2 {
			stack := slices.Clone(c.in)
			if err := f.Call(t.Context(), stack); err != nil || !slices.Equal(stack[:len(c.want)], c.want) {
				t.Errorf("%s%v is %v, %v, want %v", c.name, c.in, stack[:len(c.want)], err, c.want)
			}
		}
	}
}

// globals: what the guest and the host do to a global the other one sees at once.
func (s suite) globals(t *testing.T) {
	var m module
	g := m.global("n", i64, true, const64(40))
	m.fn("increment", nil, nil, op(wasmbin.OpGlobalGet, g), const64(1), op(wasmbin.OpI64Add), op(wasmbin.OpGlobalSet, g))
	m.export("alias", wasmbin.KindGlobal, g)
	i := s.run(t, m.wasm())
	n, alias := i.Global("n"), i.Global("alias")
	if n == nil || alias == nil {
		t.Fatal("there is no global")
	}
	for want := uint64(40); want < 43; want++ {
		if n.Get() != want || alias.Get() != want {
			t.Errorf("the global is %d and %d, want %d", n.Get(), alias.Get(), want)
		}
		if _, err := call(t.Context(), i, "increment"); err != nil {
			t.Fatal(err)
		}
	}
	alias.Set(7)
	if n.Get() != 7 {
		t.Errorf("the global is %d after it was set to 7", n.Get())
	}
}

// exports: what is not there, or not what was asked for, is nil.
func (s suite) exports(t *testing.T) {
	var m module
	m.memory(1, 1)
	m.fn("function", nil, nil)
	m.global("global", i32, true, const32(0))
	m.global("reference", wasmbin.FuncRef, true, op(opRefNull, uint32(wasmbin.FuncRef)))
	i := s.run(t, m.wasm())
	for _, name := range []string{"", "no such", "global", "memory", "reference"} {
		if i.Func(name) != nil {
			t.Errorf("there is a function %q", name)
		}
	}
	for _, name := range []string{"", "no such", "function", "memory", "reference"} {
		if i.Global(name) != nil {
			t.Errorf("there is a global %q", name)
		}
	}
	if i.Func("function") == nil || i.Global("global") == nil {
		t.Error("an export is missing")
	}
}
