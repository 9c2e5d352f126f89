package wasmbin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

var tick = Tick{Module: "ray_host", Name: "tick"}

// errSpent is what the tests' host stops a guest with.
var errSpent = errors.New("the budget is spent")

// account is the tests' host side of a meter.
type account struct {
	slice int64 // added at every tick
	left  int   // ticks until the guest is stopped
	ticks int
	spent int64 // by the time of the last tick
}

// host gives rt the function that metered modules import.
func (a *account) host(t testing.TB, rt wazero.Runtime) {
	t.Helper()
	_, err := rt.NewHostModuleBuilder(tick.Module).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, mod api.Module, _ []uint64) {
			if a.ticks++; a.ticks > a.left {
				panic(errSpent)
			}
			g := mod.ExportedGlobal(BudgetExport).(api.MutableGlobal)
			a.spent = int64(a.ticks-1)*a.slice - int64(g.Get())
			g.Set(uint64(int64(g.Get()) + a.slice))
		}), nil, nil).Export(tick.Name).Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
}

// total returns what mod has spent by now.
func (a *account) total(mod api.Module) int64 {
	return int64(a.ticks)*a.slice - int64(mod.ExportedGlobal(BudgetExport).Get())
}

func metered(t testing.TB, b []byte) []byte {
	t.Helper()
	m := parse(t, b)
	if err := m.Meter(tick); err != nil {
		t.Fatal(err)
	}
	out := m.Encode()
	parse(t, out)
	return out
}

// fib is recursion without a loop.
func fib(g *guest) uint32 {
	self := g.nfuncs
	return g.fn(types(I32), types(I32), nil,
		op(OpLocalGet, 0), i32(2), op(opI32LtS), blk(OpIf, op(OpLocalGet, 0), op(OpReturn)),
		op(OpLocalGet, 0), i32(1), op(OpI32Sub), op(OpCall, self),
		op(OpLocalGet, 0), i32(2), op(OpI32Sub), op(OpCall, self), op(OpI32Add))
}

// Opcodes that only the tests write.
const (
	opI32LtS   Op = 0x48
	opI32Store Op = 0x36
	opI32Load8 Op = 0x2d
	opDrop        = OpDrop
)

// spinners are guests that never end; run takes nothing and returns nothing.
var spinners = map[string]func(g *guest) (run uint32){
	"loop": func(g *guest) uint32 {
		return g.fn(nil, nil, nil, blk(OpLoop, op(OpBr, 0)))
	},
	"loop around a block": func(g *guest) uint32 {
		return g.fn(nil, nil, nil, blk(OpLoop, blk(OpBlock, i32(1), op(OpBrIf, 1)), op(OpBr, 0)))
	},
	"loop by br_table": func(g *guest) uint32 {
		return g.fn(nil, nil, nil, blk(OpLoop, i32(7), []byte{byte(OpBrTable), 1, 0, 0}))
	},
	"loop with parameters": func(g *guest) uint32 {
		t := g.typ(types(I32, I64), nil)
		return g.fn(nil, nil, nil, i32(1), i64(2), []byte{byte(OpLoop), byte(t)}, op(OpBr, 0), op(OpEnd))
	},
	"loop with parameters and a result": func(g *guest) uint32 {
		t := g.typ(types(I32), types(I32))
		return g.fn(nil, nil, nil, i32(1), []byte{byte(OpLoop), byte(t)}, i32(1), op(OpI32Add), i32(1), op(OpBrIf, 0),
			op(OpEnd), op(opDrop))
	},
	"inner loop": func(g *guest) uint32 {
		return g.fn(nil, nil, types(I32), blk(OpLoop,
			i32(3), op(OpLocalSet, 0),
			blk(OpLoop, op(OpLocalGet, 0), i32(1), op(OpI32Sub), op(OpLocalTee, 0), op(OpBrIf, 0)),
			op(OpBr, 0)))
	},
	"loop with a call": func(g *guest) uint32 {
		leaf := g.fn(nil, nil, nil)
		return g.fn(nil, nil, nil, blk(OpLoop, op(OpCall, leaf), op(OpBr, 0)))
	},
	"recursion as wide as deep": func(g *guest) uint32 {
		f := fib(g)
		return g.fn(nil, nil, nil, i32(60), op(OpCall, f), op(opDrop))
	},
	"a tail call of itself": func(g *guest) uint32 {
		self := g.nfuncs
		return g.fn(nil, nil, nil, op(OpReturnCall, self))
	},
	"tail calls of each other through a table": func(g *guest) uint32 {
		void := g.typ(nil, nil)
		g.table(FuncRef, 2, 2)
		a := g.fn(nil, nil, nil, i32(1), op(OpReturnCallIndirect, void, 0))
		b := g.fn(nil, nil, nil, i32(0), op(OpReturnCallIndirect, void, 0))
		g.elem(0, a, b)
		return b
	},
	"a chain of doublings": func(g *guest) uint32 {
		f := g.fn(nil, nil, nil)
		for range 60 {
			f = g.fn(nil, nil, nil, op(OpCall, f), op(OpCall, f))
		}
		return f
	},
	"a chain of doublings through a table": func(g *guest) uint32 {
		void := g.typ(nil, nil)
		g.table(FuncRef, 60, 60)
		var funcs []uint32
		for i := range int32(60) {
			call := slices.Concat(i32(i-1), op(OpCallIndirect, void, 0))
			if i == 0 {
				call = nil
			}
			funcs = append(funcs, g.fn(nil, nil, nil, call, call))
		}
		g.elem(0, funcs...)
		return funcs[59]
	},
	"filling memory": func(g *guest) uint32 {
		g.memory(64, 64)
		return g.fn(nil, nil, nil, blk(OpLoop, i32(0), i32(1), i32(64<<16), op(OpMemoryFill, 0), op(OpBr, 0)))
	},
	"copying memory": func(g *guest) uint32 {
		g.memory(64, 64)
		return g.fn(nil, nil, nil, blk(OpLoop, i32(0), i32(1<<16), i32(63<<16), op(OpMemoryCopy, 0, 0), op(OpBr, 0)))
	},
	"calling a leaf that fills memory": func(g *guest) uint32 {
		g.memory(64, 64)
		leaf := g.fn(nil, nil, nil, i32(0), i32(1), i32(1<<18), op(OpMemoryFill, 0))
		return g.fn(nil, nil, types(I32), blk(OpLoop, op(OpLocalGet, 0), op(OpBrIf, 0)),
			blk(OpLoop, op(OpCall, leaf), op(OpBr, 0)))
	},
	"growing memory in vain": func(g *guest) uint32 {
		g.memory(1, 1)
		return g.fn(nil, nil, nil, blk(OpLoop, i32(-1), op(OpMemoryGrow, 0), op(opDrop), op(OpBr, 0)))
	},
	"throwing and catching": func(g *guest) uint32 {
		g.tags = append(g.tags, []byte{0, byte(g.typ(nil, nil))})
		thrower := g.fn(nil, nil, nil, op(OpThrow, 0))
		return g.fn(nil, nil, nil, blk(OpLoop,
			[]byte{byte(OpTryTable), 0x40, 1, catchAll, 0}, op(OpCall, thrower), op(OpEnd), op(OpBr, 0)))
	},
	"a call of a reference to itself": func(g *guest) uint32 {
		void := g.typ(nil, nil)
		self := g.nfuncs
		g.elems = append(g.elems, slices.Concat([]byte{3, 0}, vec(appendU32(nil, self))))
		return g.fn(nil, nil, nil, op(OpRefFunc, self), op(OpReturnCallRef, void))
	},
}

func TestMeterStopsEveryKindOfSpinning(t *testing.T) {
	for name, build := range spinners {
		t.Run(name, func(t *testing.T) {
			g := &guest{}
			g.export("run", KindFunc, build(g))
			b := metered(t, g.wasm())
			onEngines(t, func(t *testing.T, rt wazero.Runtime) {
				a := account{slice: 100_000, left: 3}
				a.host(t, rt)
				mod := start(t, rt, b)
				if _, err := mod.ExportedFunction("run").Call(t.Context()); !errors.Is(err, errSpent) {
					t.Errorf("the guest ended with %v", err)
				}
			})
		})
	}
}

func TestMeterStopsASpinningStartFunction(t *testing.T) {
	g := &guest{}
	run := spinners["loop"](g)
	g.start = &run
	b := metered(t, g.wasm())
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		a := account{slice: 1000, left: 3}
		a.host(t, rt)
		if _, err := rt.Instantiate(t.Context(), b); !errors.Is(err, errSpent) {
			t.Errorf("the guest ended with %v", err)
		}
	})
}

// What a host adds may be less than what one step costs: the tick is called
// until the debt is paid, and the guest goes on.
func TestMeterGoesOnAfterSmallSlices(t *testing.T) {
	g := &guest{}
	g.memory(64, 64)
	f := fib(g)
	run := g.fn(types(I32), types(I32), types(I32),
		blk(OpLoop,
			i32(0), i32(1), i32(1<<20), op(OpMemoryFill, 0),
			op(OpLocalGet, 1), i32(1), op(OpI32Add), op(OpLocalTee, 1), i32(10), op(opI32LtS), op(OpBrIf, 0)),
		op(OpLocalGet, 0), op(OpCall, f))
	g.export("run", KindFunc, run)
	b := metered(t, g.wasm())
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		a := account{slice: 7, left: 1 << 30}
		a.host(t, rt)
		if got := call(t, start(t, rt, b), "run", 10); got != 55 {
			t.Errorf("run(10) = %d", got)
		}
	})
}

// What is spent must follow the work that is done: about one unit for one
// instruction, and for eight bytes.
func TestMeterChargesByTheWork(t *testing.T) {
	g := &guest{}
	g.memory(128, 128)
	g.table(FuncRef, 100, 1<<20)
	g.elems = append(g.elems, slices.Concat([]byte{1, 0}, vec()))
	body := slices.Repeat(slices.Concat(op(OpLocalGet, 0), op(opDrop)), 20)
	count := slices.Concat(op(OpLocalGet, 0), i32(1), op(OpI32Sub), op(OpLocalTee, 0), op(OpBrIf, 0))
	g.export("loop", KindFunc, g.fn(types(I32), nil, nil, blk(OpLoop, body, count)))
	leaf := g.fn(types(I32), nil, nil, body)
	g.export("calls", KindFunc, g.fn(types(I32), nil, nil, blk(OpLoop, op(OpLocalGet, 0), op(OpCall, leaf), count)))
	big := g.fn(types(I32), nil, nil, slices.Repeat(body, 10))
	g.export("bigcalls", KindFunc, g.fn(types(I32), nil, nil, blk(OpLoop, op(OpLocalGet, 0), op(OpCall, big), count)))
	g.export("fill", KindFunc, g.fn(types(I32), nil, nil, i32(0), i32(1), op(OpLocalGet, 0), op(OpMemoryFill, 0)))
	piece := g.fn(nil, nil, nil, i32(0), i32(1), i32(1<<18), op(OpMemoryFill, 0))
	g.export("fills", KindFunc, g.fn(types(I32), nil, types(I32),
		blk(OpLoop, op(OpLocalGet, 1), op(OpBrIf, 0)), blk(OpLoop, op(OpCall, piece), count)))
	g.export("copy", KindFunc, g.fn(types(I32), nil, nil, i32(4<<20), i32(0), op(OpLocalGet, 0), op(OpMemoryCopy, 0, 0)))
	g.export("table", KindFunc, g.fn(types(I32), nil, nil,
		[]byte{byte(OpRefNull), byte(FuncRef)}, op(OpLocalGet, 0), op(OpTableGrow, 0), op(opDrop)))
	// Far jumps over code must not be paid as if the code ran.
	skip := blk(OpBlock, op(OpLocalGet, 0), op(OpBrIf, 0), slices.Repeat(body, 100))
	g.export("skips", KindFunc, g.fn(types(I32), nil, nil, blk(OpLoop, skip, count)))
	b := metered(t, g.wasm())
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		a := account{slice: 1 << 20, left: 1 << 30}
		a.host(t, rt)
		mod := start(t, rt, b)
		for _, c := range []struct {
			name     string
			arg      uint64
			min, max int64
		}{
			{"loop", 1000, 45_000, 45_100},
			{"calls", 1000, 46_000, 47_100},
			{"bigcalls", 1000, 406_000, 410_000},
			{"fill", 8 << 20, 1 << 20, 1<<20 + 200},
			{"fills", 10, 10 << 15, 10<<15 + 500},
			{"copy", 4 << 20, 1 << 19, 1<<19 + 200},
			{"table", 1000, 1000, 1200},
			{"skips", 1000, 7_000, 300_000},
		} {
			before := a.total(mod)
			call(t, mod, c.name, c.arg)
			if got := a.total(mod) - before; got < c.min || got > c.max {
				t.Errorf("%s(%d) spent %d units, want %d to %d", c.name, c.arg, got, c.min, c.max)
			}
		}
	})
}

// Fills and copies in pieces must do what the instructions do, at every seam,
// overlapping either way, and must not touch anything before a trap.
func TestMeterKeepsBulkMemoryMeaning(t *testing.T) {
	g := &guest{}
	g.memory(32, 32)
	three := types(I32, I32, I32)
	args := slices.Concat(op(OpLocalGet, 0), op(OpLocalGet, 1), op(OpLocalGet, 2))
	g.export("memory", KindMemory, 0)
	g.export("fill", KindFunc, g.fn(three, nil, nil, args, op(OpMemoryFill, 0)))
	g.export("copy", KindFunc, g.fn(three, nil, nil, args, op(OpMemoryCopy, 0, 0)))
	plain := g.wasm()
	b := metered(t, plain)
	const size, p = 32 << 16, bulkPiece
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		a := account{slice: 1 << 20, left: 1 << 30}
		a.host(t, rt)
		want, got := start(t, rt, plain), start(t, rt, b)
		for _, c := range []struct {
			name string
			args []uint64
		}{
			{"fill", []uint64{0, 1, 0}}, {"fill", []uint64{0, 1, p}}, {"fill", []uint64{3, 2, p + 1}},
			{"fill", []uint64{1, 3, 3*p - 1}}, {"fill", []uint64{0, 4, size}}, {"fill", []uint64{1, 5, size}},
			{"fill", []uint64{size, 6, 1}}, {"fill", []uint64{size - p, 7, p + 1}}, {"fill", []uint64{1 << 31, 8, 1 << 31}},
			{"copy", []uint64{0, 5, 3 * p}}, {"copy", []uint64{5, 0, 3 * p}}, {"copy", []uint64{p, 0, 4 * p}},
			{"copy", []uint64{0, p + 1, 4*p + 7}}, {"copy", []uint64{9, 9, 2*p + 1}}, {"copy", []uint64{0, 0, size}},
			{"copy", []uint64{1, 0, size}}, {"copy", []uint64{0, 1, size}}, {"copy", []uint64{size, size, 0}},
			{"copy", []uint64{0, size - p, p + 1}}, {"copy", []uint64{1<<32 - 1, 0, p + 1}},
		} {
			for _, mod := range []api.Module{want, got} {
				bytes, _ := mod.Memory().Read(0, size)
				for i := range bytes {
					bytes[i] = byte(i * 7)
				}
			}
			_, wantErr := want.ExportedFunction(c.name).Call(t.Context(), c.args...)
			_, gotErr := got.ExportedFunction(c.name).Call(t.Context(), c.args...)
			if (wantErr == nil) != (gotErr == nil) {
				t.Errorf("%s%v: error is %v, want %v", c.name, c.args, gotErr, wantErr)
			}
			x, _ := want.Memory().Read(0, size)
			y, _ := got.Memory().Read(0, size)
			if !slices.Equal(x, y) {
				t.Errorf("%s%v: the memories differ", c.name, c.args)
			}
		}
	})
}

func TestMeterShiftsEveryFunctionIndex(t *testing.T) {
	g := everything()
	g.globals[3] = slices.Concat([]byte{byte(FuncRef), 0}, op(OpRefFunc, 1), op(OpEnd))
	g.custom(".debug_info", "positions").custom("metadata.code.branch_hint", "too")
	m := parse(t, g.wasm())
	if err := m.Meter(tick); err != nil {
		t.Fatal(err)
	}
	m = parse(t, m.Encode())
	if f, _ := m.ExportedFunc("f"); f != 2 {
		t.Errorf("f is function %d, want 2", f)
	}
	if *m.Start != 3 {
		t.Errorf("the start function is %d, want 3", *m.Start)
	}
	if n := m.Names(); n.Funcs[2] != "f" || n.Funcs[0] != "host" || n.Module != "everything" {
		t.Errorf("names are %v", n)
	}
	var funcs []uint32
	for _, e := range m.Elements {
		funcs = append(funcs, e.Funcs...)
		for _, x := range e.Exprs {
			if x[0] == byte(OpRefFunc) {
				funcs = append(funcs, uint32(x[1]))
			}
		}
	}
	if want := []uint32{2, 3, 2, 3, 2, 2, 2, 2}; !slices.Equal(funcs, want) {
		t.Errorf("functions of the element segments are %v, want %v", funcs, want)
	}
	if x := m.Globals[3].Init; x[1] != 2 {
		t.Errorf("the global's initial value is %x", x)
	}
	for _, c := range m.Customs {
		if c.Name != "name" && c.Name != "producers" {
			t.Errorf("custom section %q is still there", c.Name)
		}
	}
}

func TestMeterRefuses(t *testing.T) {
	g := new(guest).memory(1, 2)
	g.export(BudgetExport, KindMemory, 0)
	waits := &guest{mems: [][]byte{{3, 1, 1}}}
	waits.fn(nil, nil, nil, i32(0), i32(0), i64(-1), op(OpAtomicWait32, 2, 0), op(opDrop))
	for says, g := range map[string]*guest{
		"reserved":         g,
		"memory.atomic":    waits,
		"several memories": new(guest).memory(1, 2).memory(1, 2),
		"64-bit":           {mems: [][]byte{{5, 1, 1}}},
	} {
		if err := parse(t, g.wasm()).Meter(tick); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want one that says %q", err, says)
		}
	}
	m := parse(t, new(guest).wasm())
	if err := m.Meter(tick); err != nil {
		t.Fatal(err)
	}
	if err := m.Meter(tick); err == nil || !strings.Contains(err.Error(), "run before") {
		t.Errorf("metering twice: error is %v", err)
	}
}
