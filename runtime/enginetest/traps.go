package enginetest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// stackless are the traps of which an engine may not know the stack: one that has just run out, one that is unwound in
// the search for who catches.
var stackless = []engine.TrapCode{engine.TrapStackOverflow, engine.TrapException}

// traps: each trap is told by its code, with a stack, and leaves an instance that works.
func (s suite) traps(t *testing.T) {
	var m module
	m.memory(1, 1)
	m.tag()
	other := m.fn("other type", types(i64), nil)
	m.table(3, other)
	null := uint32(1)
	indirect := op(wasmbin.OpCallIndirect, m.typ(nil, nil), 0)
	drop := op(wasmbin.OpDrop)
	cases := []struct {
		name string
		want engine.TrapCode
		code [][]byte
	}{
		{"unreachable", engine.TrapUnreachable, [][]byte{op(wasmbin.OpUnreachable)}},
		{"load", engine.TrapMemoryOutOfBounds, [][]byte{const32(0x10000 - 3), op(wasmbin.OpI32Load, 0, 0), drop}},
		{"load far", engine.TrapMemoryOutOfBounds, [][]byte{const32(-1), op(wasmbin.OpI32Load, 0, math.MaxUint32), drop}},
		{"store", engine.TrapMemoryOutOfBounds, [][]byte{const32(-4), const32(0), op(opI32Store, 0, 0)}},
		{"fill", engine.TrapMemoryOutOfBounds, [][]byte{const32(1), const32(0), const32(0x10000), op(opMemoryFill, 0)}},
		{"table.get", engine.TrapTableOutOfBounds, [][]byte{const32(3), op(opTableGet, 0), drop}},
		{"call beyond the table", engine.TrapTableOutOfBounds, [][]byte{const32(3), indirect}},
		{"call of another type", engine.TrapIndirectCall, [][]byte{const32(0), indirect}},
		{"division by zero", engine.TrapDivideByZero, [][]byte{const32(1), const32(0), op(opI32DivS), drop}},
		{"remainder by zero", engine.TrapDivideByZero, [][]byte{const32(1), const32(0), op(opI32RemU), drop}},
		{"division overflow", engine.TrapIntegerOverflow, [][]byte{const32(math.MinInt32), const32(-1), op(opI32DivS), drop}},
		{"float too large", engine.TrapIntegerOverflow, [][]byte{constF64(1e300), op(opI64TruncF64), drop}},
		{"not a number", engine.TrapInvalidConversion, [][]byte{constF32(float32(math.NaN())), op(opI32TruncF32), drop}},
		{"exception", engine.TrapException, [][]byte{op(wasmbin.OpThrow, 0)}},
	}
	for _, c := range cases {
		m.fn(c.name, nil, nil, c.code...)
	}
	m.fn("recursion", types(i64), types(i64), get(0), op(wasmbin.OpCall, m.count), const64(1), op(wasmbin.OpI64Add))
	m.fn("null", nil, nil, const32(int32(null)), indirect)
	m.fn("works", types(i32), types(i32), get(0), op(wasmbin.OpI32Load, 0, 0))
	m.bytes(0x10000-4, "\x2a\x00\x00\x00")
	i := s.run(t, m.wasm())

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
	m.fn("inner", nil, nil, op(wasmbin.OpUnreachable))
	m.fn("outer", nil, nil, op(wasmbin.OpCall, host))
	var i engine.Instance
	i = s.run(t, m.wasm(), hostFunc("host", nil, nil, func(ctx context.Context, _ *engine.Guest, _ []uint64) error {
		_, err := call(ctx, i, "inner")
		return err
	}))
	_, err := call(t.Context(), i, "outer")
	if trap := trapOf(t, err); trap.Code != engine.TrapUnreachable {
		t.Errorf("got %v", err)
	}
}
