package enginetest

import (
	"context"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// tables: every instance has tables of its own, filled by the segments, whose functions are those of that instance.
func (s suite) tables(t *testing.T) {
	const (
		add     = iota // adds 1 to the instance's number and returns it
		twice          // adds 2
		asked          // asks the host, which answers with the instance's owner
		null           // is null
		typed          // is of another type
		entries = 6    // the last is twice's again
	)
	var m module
	ask := m.imp("ask", nil, asm.Types(asm.I64))
	number := m.global("number", asm.I64, true, asm.Const64(0))
	grow := func(n int64) [][]byte {
		return [][]byte{asm.Op(wasmbin.OpGlobalGet, number), asm.Const64(n), asm.Op(wasmbin.OpI64Add), asm.Op(wasmbin.OpGlobalSet, number), asm.Op(wasmbin.OpGlobalGet, number)}
	}
	one, two := m.Func("", nil, asm.Types(asm.I64), grow(1)...), m.Func("", nil, asm.Types(asm.I64), grow(2)...)
	other := m.Func("", asm.Types(asm.I32), nil)
	m.Table(entries, one, two, ask)
	m.Segment(typed, other, two)
	m.Func("invoke", asm.Types(asm.I32), asm.Types(asm.I64), asm.Get(0), asm.Op(wasmbin.OpCallIndirect, m.Type(nil, asm.Types(asm.I64)), 0))
	m.Func("install", asm.Types(asm.I32), nil, asm.Get(0), asm.Op(wasmbin.OpRefFunc, two), asm.Op(wasmbin.OpTableSet, 0))
	m.Export("one", wasmbin.KindFunc, one) // declares it, as ref.func wants
	m.Export("two", wasmbin.KindFunc, two)

	c := compile(t, s.engine(t, hostFunc("ask", nil, asm.Types(asm.I64), func(_ context.Context, g *engine.Guest, stack []uint64) error {
		stack[0] = g.Owner.(uint64)
		return nil
	})), m.Binary())
	const instances = 4
	var list [instances]engine.Instance
	for k := range list {
		list[k] = instantiate(t, c, &engine.Guest{Owner: uint64(100 + k)}, &memory{})
	}
	invoke := func(i engine.Instance, entry uint64) (uint64, error) {
		stack, err := call(t.Context(), i, "invoke", entry)
		return stack[0], err
	}
	for k, i := range list {
		want := uint64(0)
		for _, entry := range []uint64{add, twice, typed + 1, add, asked} {
			got, err := invoke(i, entry)
			switch entry {
			case asked:
				want = uint64(100 + k)
			case add:
				want++
			default:
				want += 2
			}
			if err != nil || got != want {
				t.Errorf("entry %d of instance %d returned %d, %v, want %d", entry, k, got, err, want)
			}
		}
		if _, err := invoke(i, typed); trapOf(t, err).Code != engine.TrapIndirectCall {
			t.Errorf("entry %d of instance %d: %v", typed, k, err)
		}
		if _, err := invoke(i, null); !isNull(t, err) {
			t.Errorf("entry %d of instance %d: %v", null, k, err)
		}
		if _, err := invoke(i, entries); trapOf(t, err).Code != engine.TrapTableOutOfBounds {
			t.Errorf("entry %d of instance %d: %v", entries, k, err)
		}
	}
	// What one puts into its table is in no other one's, nor in that of a new instance.
	if _, err := call(t.Context(), list[1], "install", null); err != nil {
		t.Fatal(err)
	}
	if _, err := invoke(list[1], null); err != nil {
		t.Errorf("what was put into the table: %v", err)
	}
	for k, i := range append(list[:1:1], list[2], instantiate(t, c, &engine.Guest{Owner: uint64(0)}, &memory{})) {
		if _, err := invoke(i, null); !isNull(t, err) {
			t.Errorf("what was put into another one's table, in instance %d: %v", k, err)
		}
	}
}

// isNull reports whether err is the trap of a call of null. wazero cannot tell it from one of an entry that is not there.
func isNull(t *testing.T, err error) bool {
	code := trapOf(t, err).Code
	return code == engine.TrapIndirectCall || code == engine.TrapTableOutOfBounds
}
