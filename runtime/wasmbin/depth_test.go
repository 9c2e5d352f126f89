package wasmbin

import (
	"context"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func limited(t testing.TB, b []byte, limit uint32) []byte {
	t.Helper()
	m := parse(t, b)
	if err := m.LimitDepth(limit); err != nil {
		t.Fatal(err)
	}
	out := m.Encode()
	parse(t, out)
	return out
}

// divers are functions that call themselves as often as their parameter says
// and return it, by various ways.
var divers = map[string]func(g *guest) (run uint32){
	"directly": func(g *guest) uint32 {
		self := g.nfuncs
		return g.fn(types(I32), types(I32), nil, dive(op(OpCall, self)))
	},
	"by way of another": func(g *guest) uint32 {
		self := g.nfuncs
		g.fn(types(I32), types(I32), nil, op(OpLocalGet, 0), op(OpCall, self+1))
		return g.fn(types(I32), types(I32), nil, dive(op(OpCall, self)))
	},
	"through a table": func(g *guest) uint32 {
		t := g.typ(types(I32), types(I32))
		g.table(FuncRef, 1, 1)
		f := g.fn(types(I32), types(I32), nil, dive(i32(0), op(OpCallIndirect, t, 0)))
		g.elem(0, f)
		return f
	},
	"by reference": func(g *guest) uint32 {
		t := g.typ(types(I32), types(I32))
		self := g.nfuncs
		g.elems = append(g.elems, slices.Concat([]byte{3, 0}, vec(appendU32(nil, self))))
		return g.fn(types(I32), types(I32), nil, dive(op(OpRefFunc, self), op(OpCallRef, t)))
	},
	"in a loop": func(g *guest) uint32 {
		self := g.nfuncs
		return g.fn(types(I32), types(I32), types(I32), blk(OpLoop,
			op(OpLocalGet, 0), op(OpLocalGet, 1), op(opI32GtS),
			blk(OpIf, op(OpLocalGet, 0), i32(1), op(OpI32Sub), op(OpCall, self), i32(1), op(OpI32Add), op(OpLocalSet, 1),
				op(OpBr, 1))),
			op(OpLocalGet, 0))
	},
}

// dive is: if n == 0 { return 0 }; return call(n-1) + 1.
func dive(call ...[]byte) []byte {
	return slices.Concat(
		op(OpLocalGet, 0), op(opI32Eqz), blk(OpIf, i32(0), op(OpReturn)),
		op(OpLocalGet, 0), i32(1), op(OpI32Sub), slices.Concat(call...), i32(1), op(OpI32Add))
}

const (
	opI32Eqz Op = 0x45
	opI32GtS Op = 0x4a
)

func TestLimitDepthTrapsAtTheLimit(t *testing.T) {
	for name, build := range divers {
		t.Run(name, func(t *testing.T) {
			g := &guest{}
			g.export("run", KindFunc, build(g))
			const limit = 100_000 // bytes: some 700 to 1500 frames
			b := limited(t, g.wasm(), limit)
			onEngines(t, func(t *testing.T, rt wazero.Runtime) {
				mod := start(t, rt, b)
				depth := mod.ExportedGlobal(DepthExport).(api.MutableGlobal)
				if got := call(t, mod, "run", 600); got != 600 {
					t.Errorf("run(600) = %d", got)
				}
				if got := depth.Get(); got != 0 {
					t.Errorf("the depth is %d after a call", got)
				}
				if _, err := mod.ExportedFunction("run").Call(t.Context(), 1_600); err == nil {
					t.Error("1600 frames fit in the limit")
				}
				if got := depth.Get(); got <= limit || got > limit+200 {
					t.Errorf("the depth is %d after the trap", got)
				}
				depth.Set(0)
				if got := call(t, mod, "run", 600); got != 600 {
					t.Errorf("after the trap run(600) = %d", got)
				}
			})
		})
	}
}

// An exception leaves many calls at once: the depth must be right after it,
// however often that happens.
func TestLimitDepthSurvivesExceptions(t *testing.T) {
	g := &guest{}
	g.tags = append(g.tags, []byte{0, byte(g.typ(nil, nil))})
	self := g.nfuncs
	g.fn(types(I32), types(I32), nil, // dives, then throws
		op(OpLocalGet, 0), op(opI32Eqz), blk(OpIf, op(OpThrow, 0)),
		op(OpLocalGet, 0), i32(1), op(OpI32Sub), op(OpCall, self))
	catcher := g.fn(types(I32), types(I32), nil,
		blk(OpBlock,
			[]byte{byte(OpTryTable), 0x40, 1, catchAll, 0},
			op(OpLocalGet, 0), op(OpCall, self), op(OpReturn), op(OpEnd)),
		i32(7))
	g.export("run", KindFunc, g.fn(types(I32), types(I32), types(I32),
		blk(OpLoop, op(OpLocalGet, 0), op(OpCall, catcher), op(opDrop),
			op(OpLocalGet, 1), i32(1), op(OpI32Add), op(OpLocalTee, 1), i32(50), op(opI32LtS), op(OpBrIf, 0)),
		op(OpLocalGet, 0), op(OpCall, catcher)))
	b := limited(t, g.wasm(), 20_000)
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		mod := start(t, rt, b)
		if got := call(t, mod, "run", 100); got != 7 {
			t.Errorf("run(100) = %d", got)
		}
		if got := mod.ExportedGlobal(DepthExport).Get(); got != 0 {
			t.Errorf("the depth is %d after the call", got)
		}
	})
}

// The depth goes on where the host calls back, and is right again afterwards,
// however the exports end.
func TestLimitDepthGoesOnThroughTheHost(t *testing.T) {
	g := &guest{}
	again := g.imp("env", "again", types(I32), types(I32))
	self := g.nfuncs
	g.fn(types(I32), types(I32), nil,
		op(OpLocalGet, 0), op(opI32Eqz), blk(OpIf, i32(0), op(OpCall, again), op(OpReturn)),
		op(OpLocalGet, 0), i32(1), op(OpI32Sub), op(OpCall, self), i32(1), op(OpI32Add))
	g.export("run", KindFunc, g.fn(types(I32), types(I32), nil, op(OpLocalGet, 0), op(OpReturnCall, self)))
	g.export("more", KindFunc, divers["directly"](g))
	b := limited(t, g.wasm(), 100_000) // bytes: some 1400 frames
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		more := uint64(0)
		_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
			WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
				results, err := mod.ExportedFunction("more").Call(ctx, more)
				if err != nil {
					panic(err)
				}
				stack[0] = results[0]
			}), []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}).Export("again").Instantiate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mod := start(t, rt, b)
		depth := mod.ExportedGlobal(DepthExport).(api.MutableGlobal)
		for _, c := range []struct {
			run, more uint64
			fits      bool
		}{{1000, 0, true}, {0, 1000, true}, {1000, 1000, false}, {500, 500, true}} {
			more = c.more
			results, err := mod.ExportedFunction("run").Call(t.Context(), c.run)
			if c.fits != (err == nil) || err == nil && results[0] != c.run+c.more {
				t.Errorf("run(%d) and %d more is %v, %v", c.run, c.more, results, err)
			}
			if got := depth.Get(); c.fits && got != 0 {
				t.Errorf("the depth is %d after run(%d)", got, c.run)
			}
			depth.Set(0)
		}
	})
}

// A function that code refers to may be known by its export alone.
func TestLimitDepthKeepsReferencesDeclared(t *testing.T) {
	g := &guest{}
	self := g.nfuncs
	g.export("run", KindFunc, g.fn(types(I32), types(I32), nil,
		dive(op(OpRefFunc, self), op(OpCallRef, g.typ(types(I32), types(I32))))))
	b := limited(t, g.wasm(), 100_000)
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		if got := call(t, start(t, rt, b), "run", 9); got != 9 {
			t.Errorf("run(9) = %d", got)
		}
	})
}

// What cannot recur is not touched.
func TestLimitDepthLeavesOtherFunctionsAlone(t *testing.T) {
	g := &guest{}
	leaf := g.fn(nil, nil, nil)
	g.fn(nil, nil, nil, op(OpCall, leaf), op(OpCall, leaf))
	m := parse(t, g.wasm())
	before := []string{string(m.Bodies[0].Raw), string(m.Bodies[1].Raw)}
	if err := m.LimitDepth(1000); err != nil {
		t.Fatal(err)
	}
	if string(m.Bodies[0].Raw) != before[0] || string(m.Bodies[1].Raw) != before[1] {
		t.Error("a body has changed")
	}
}
