package enginetest

import (
	"math"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// edges are values of each type whose bits are easily lost.
var edges = map[wasmbin.ValType][]uint64{
	asm.I32: {0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff},
	asm.I64: {0, 1, 0xffff_ffff, 1 << 32, math.MaxInt64, 1 << 63, math.MaxUint64},
	asm.F32: {0, 0x8000_0000, uint64(math.Float32bits(1.5)), 0x7f80_0000, 0xff80_0000, 1,
		0x7fc0_0000, 0xffc0_1234, 0x7f80_0001, 0xffa0_0001}, // the last two are signalling NaNs
	asm.F64: {0, 1 << 63, math.Float64bits(math.Pi), 0x7ff0_0000_0000_0000, 1,
		0x7ff8_0000_0000_0000, 0xfff8_0000_dead_beef, 0x7ff0_0000_0000_0001, 0xfff4_0000_0000_0001},
}

// numbers: values of all four numeric types go in and out with every bit they have.
func (s suite) numbers(t *testing.T) {
	var m module
	for t := range edges {
		g := m.global("global "+t.String(), t, true, map[wasmbin.ValType][]byte{asm.I32: asm.Const32(0), asm.I64: asm.Const64(0), asm.F32: asm.ConstF32(0), asm.F64: asm.ConstF64(0)}[t])
		m.Func("same "+t.String(), asm.Types(t), asm.Types(t), asm.Get(0))
		m.Func("keep "+t.String(), asm.Types(t), nil, asm.Get(0), asm.Op(wasmbin.OpGlobalSet, g))
		m.Func("kept "+t.String(), nil, asm.Types(t), asm.Op(wasmbin.OpGlobalGet, g))
	}
	i := s.run(t, m.Binary())
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
	ten := slices.Repeat(asm.Types(asm.I64), 10)
	var reversed, spread [][]byte
	for k := range uint32(10) {
		reversed = append(reversed, asm.Get(9-k))
		spread = append(spread, asm.Get(0))
	}
	var m module
	m.Func("swap", asm.Types(asm.I64, asm.F64), asm.Types(asm.F64, asm.I64), asm.Get(1), asm.Get(0))
	m.Func("reverse", ten, ten, reversed...)
	m.Func("last", ten, asm.Types(asm.I64), asm.Get(9))
	m.Func("spread", asm.Types(asm.I64), ten, spread...)
	i := s.run(t, m.Binary())
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
	g := m.global("n", asm.I64, true, asm.Const64(40))
	m.Func("increment", nil, nil, asm.Op(wasmbin.OpGlobalGet, g), asm.Const64(1), asm.Op(wasmbin.OpI64Add), asm.Op(wasmbin.OpGlobalSet, g))
	m.Export("alias", wasmbin.KindGlobal, g)
	i := s.run(t, m.Binary())
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
	m.Func("function", nil, nil)
	m.global("global", asm.I32, true, asm.Const32(0))
	m.global("reference", wasmbin.FuncRef, true, asm.Op(asm.OpRefNull, uint32(wasmbin.FuncRef)))
	i := s.run(t, m.Binary())
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
