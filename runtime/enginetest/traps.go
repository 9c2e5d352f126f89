package enginetest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// stackless are the traps of which an engine may not know the stack: one that has just run out, one that is unwound in
// the search for who catches.
var stackless = []engine.TrapCode{engine.TrapStackOverflow, engine.TrapException}

// traps: each trap is told by its code, with a stack, and leaves an instance that works.
func (s suite) traps(t *testing.T) {
	var m module
	m.memory(1, 1)
	m.Tag()
	other := m.Func("other type", asm.Types(asm.I64), nil)
	m.Table(3, other)
	null := uint32(1)
	indirect := asm.Op(wasmbin.OpCallIndirect, m.Type(nil, nil), 0)
	drop := asm.Op(wasmbin.OpDrop)
	cases := []struct {
		name string
		want engine.TrapCode
		code [][]byte
	}{
		{"unreachable", engine.TrapUnreachable, [][]byte{asm.Op(wasmbin.OpUnreachable)}},
		{"load", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(0x10000 - 3), asm.Op(wasmbin.OpI32Load, 0, 0), drop}},
		{"load far", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(-1), asm.Op(wasmbin.OpI32Load, 0, math.MaxUint32), drop}},
		{"store", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(-4), asm.Const32(0), asm.Op(asm.OpI32Store, 0, 0)}},
		{"fill", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(1), asm.Const32(0), asm.Const32(0x10000), asm.Op(asm.OpMemoryFill, 0)}},
		{"table.get", engine.TrapTableOutOfBounds, [][]byte{asm.Const32(3), asm.Op(wasmbin.OpTableGet, 0), drop}},
		{"call beyond the table", engine.TrapTableOutOfBounds, [][]byte{asm.Const32(3), indirect}},
		{"call of another type", engine.TrapIndirectCall, [][]byte{asm.Const32(0), indirect}},
		{"division by zero", engine.TrapDivideByZero, [][]byte{asm.Const32(1), asm.Const32(0), asm.Op(asm.OpI32DivS), drop}},
		{"remainder by zero", engine.TrapDivideByZero, [][]byte{asm.Const32(1), asm.Const32(0), asm.Op(asm.OpI32RemU), drop}},
		{"division overflow", engine.TrapIntegerOverflow, [][]byte{asm.Const32(math.MinInt32), asm.Const32(-1), asm.Op(asm.OpI32DivS), drop}},
		{"float too large", engine.TrapIntegerOverflow, [][]byte{asm.ConstF64(1e300), asm.Op(asm.OpI64TruncF64), drop}},
		{"not a number", engine.TrapInvalidConversion, [][]byte{asm.ConstF32(float32(math.NaN())), asm.Op(asm.OpI32TruncF32), drop}},
		{"exception", engine.TrapException, [][]byte{asm.Op(wasmbin.OpThrow, 0)}},
	}
	for _, c := range cases {
		m.Func(c.name, nil, nil, c.code...)
	}
	m.Func("recursion", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.Op(wasmbin.OpCall, m.Next()), asm.Const64(1), asm.Op(wasmbin.OpI64Add))
	m.Func("null", nil, nil, asm.Const32(int32(null)), indirect)
	m.Func("works", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(wasmbin.OpI32Load, 0, 0))
	m.Bytes(asm.Const32(0x10000-4), "\x2a\x00\x00\x00")
	i := s.run(t, m.Binary())

	check := func(name string, want ...engine.TrapCode) {
		t.Helper()
		for range 2 {
			_, err := call(t.Context(), i, name, 0)
			trap := trapOf(t, err)
			if !slices.Contains(want, trap.Code) {
				t.Errorf("%s is the trap %q (%s), want %v", name, trap.Code, trap.Text, want)
			}
			if trap.Stack == "" && !slices.Contains(stackless, trap.Code) {
				t.Errorf("%s: the trap has no stack", name)
			}
			if got := result(t, i, "works", 0x10000-4); got != 42 {
				t.Fatalf("after %s the instance gives %d", name, got)
			}
		}
	}
	for _, c := range cases {
		check(c.name, c.want)
	}
	// wazero cannot tell an entry that is null from one that is not there.
	check("null", engine.TrapIndirectCall, engine.TrapTableOutOfBounds)
	check("recursion", engine.TrapStackOverflow)
}

// trapInHostCall: a trap below a host function's call is that of the call inside, and the one outside returns what the host
// function made of it.
func (s suite) trapInHostCall(t *testing.T) {
	var m module
	host := m.imp("host", nil, nil)
	m.Func("inner", nil, nil, asm.Op(wasmbin.OpUnreachable))
	m.Func("outer", nil, nil, asm.Op(wasmbin.OpCall, host))
	var i engine.Instance
	i = s.run(t, m.Binary(), hostFunc("host", nil, nil, func(ctx context.Context, _ *engine.Guest, _ []uint64) error {
		_, err := call(ctx, i, "inner")
		return err
	}))
	_, err := call(t.Context(), i, "outer")
	if trap := trapOf(t, err); trap.Code != engine.TrapUnreachable {
		t.Errorf("got %v", err)
	}
}
