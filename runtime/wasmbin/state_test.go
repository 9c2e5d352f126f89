package wasmbin

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// features is everything wazero can be asked for.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads | experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesExceptionHandling |
	experimental.CoreFeaturesTypedFunctionReferences

// engines are what every rewritten module must run on.
var engines = map[string]wazero.RuntimeConfig{
	"compiler":    wazero.NewRuntimeConfigCompiler().WithCoreFeatures(features).WithMemoryLimitPages(1024),
	"interpreter": wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithMemoryLimitPages(1024),
}

// onEngines runs f with a fresh runtime of every engine.
func onEngines(t *testing.T, f func(t *testing.T, rt wazero.Runtime)) {
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			rt := wazero.NewRuntimeWithConfig(t.Context(), config)
			defer rt.Close(context.Background())
			f(t, rt)
		})
	}
}

func parse(t testing.TB, b []byte) *Module {
	t.Helper()
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// start instantiates a module under no name.
func start(t testing.TB, rt wazero.Runtime, wasm []byte) api.Module {
	t.Helper()
	mod, err := rt.InstantiateWithConfig(t.Context(), wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// call calls an export that returns one value or none.
func call(t testing.TB, mod api.Module, name string, args ...uint64) uint64 {
	t.Helper()
	r, err := mod.ExportedFunction(name).Call(t.Context(), args...)
	if err != nil {
		t.Fatalf("%s%v: %v", name, args, err)
	}
	if len(r) == 0 {
		return 0
	}
	return r[0]
}

// counter has state in memory, in a global, and in a start function's effect.
func counter() *guest {
	g := &guest{}
	g.memory(1, 8)
	n := g.global(I64, true, i64(0))
	g.global(I32, false, i32(5))
	g.global(F32, true, []byte{byte(OpF32Const), 0, 0, 0, 0})
	g.bytes(8, "\x64\x00\x00\x00")
	void := g.fn(nil, nil, nil, i64(1000), op(OpGlobalSet, n))
	g.start = &void
	up := g.fn(nil, types(I64), nil,
		i32(8), i32(8), op(OpI32Load, 2, 0), i32(1), op(OpI32Add), op(0x36, 2, 0), // mem[8]++
		op(OpGlobalGet, n), i64(1), op(OpI64Add), op(OpGlobalSet, n),
		i32(8), op(OpI32Load, 2, 0), op(OpI64ExtendI32U), op(OpGlobalGet, n), op(OpI64Add))
	return g.export("up", KindFunc, up)
}

// A state taken from one instance and put into a resumed one goes on where
// the first left off.
func TestResumeGoesOnFromState(t *testing.T) {
	for name, g := range map[string]*guest{"dropped": counter(), "emptied": counter().passive("x")} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, rt wazero.Runtime) {
				m := parse(t, g.wasm())
				state, err := m.ExportState()
				if err != nil {
					t.Fatal(err)
				}
				want := []StateGlobal{{"__ray_g0", I64}, {"__ray_g1", F32}}
				if !slices.Equal(state.Globals, want) || state.Memory != "__ray_memory" {
					t.Fatalf("state is %v", state)
				}
				first := start(t, rt, m.Encode())
				call(t, first, "up")
				if got := call(t, first, "up"); got != 102+1002 {
					t.Fatalf("the second call returned %d", got)
				}

				if err := m.Resume(3); err != nil {
					t.Fatal(err)
				}
				second := start(t, rt, m.Encode())
				if got := second.ExportedMemory(state.Memory).Size(); got != 3<<16 {
					t.Errorf("the resumed memory has %d bytes", got)
				}
				if got := call(t, second, "up"); got != 1+1 {
					t.Errorf("the resumed variant is not empty: up returned %d", got)
				}
				image, _ := first.ExportedMemory(state.Memory).Read(0, 1<<16)
				second.ExportedMemory(state.Memory).Write(0, image)
				for _, sg := range state.Globals {
					v := first.ExportedGlobal(sg.Name).Get()
					second.ExportedGlobal(sg.Name).(api.MutableGlobal).Set(v)
				}
				if got := call(t, second, "up"); got != 103+1003 {
					t.Errorf("after the restore up returned %d", got)
				}
			})
		})
	}
}

func TestExportStateUsesTheGuestsOwnMemoryName(t *testing.T) {
	m := parse(t, counter().export("mem", KindMemory, 0).wasm())
	state, err := m.ExportState()
	if err != nil || state.Memory != "mem" {
		t.Errorf("state is %v, %v", state, err)
	}
}

func TestExportStateRefusesReservedNames(t *testing.T) {
	m := parse(t, counter().export("__ray_g7", KindGlobal, 0).wasm())
	if _, err := m.ExportState(); err == nil || !strings.Contains(err.Error(), "reserved") {
		t.Errorf("error is %v", err)
	}
}

func TestResumeRefusesMoreThanTheMaximum(t *testing.T) {
	if err := parse(t, counter().wasm()).Resume(9); err == nil {
		t.Error("9 pages of 8 are accepted")
	}
}

func TestSnapshotable(t *testing.T) {
	if reasons := parse(t, counter().wasm()).Snapshotable(); reasons != nil {
		t.Errorf("a plain guest has reasons: %q", reasons)
	}
	importing := func(kind Kind, desc ...byte) *guest {
		g := &guest{}
		g.imports = append(g.imports, slices.Concat(appendName(nil, "env"), appendName(nil, "it"), []byte{byte(kind)}, desc))
		return g
	}
	table := func(code ...[]byte) *guest {
		g := &guest{}
		g.table(FuncRef, 1, 2)
		g.elems = append(g.elems, []byte{1, 0, 0})
		g.fn(nil, nil, nil, code...)
		return g
	}
	null := []byte{byte(OpRefNull), byte(FuncRef)}
	zero := i32(0)
	with := func(change func(g *guest)) *guest {
		g := &guest{}
		change(g)
		return g
	}
	for _, c := range []struct {
		guest *guest
		says  string
	}{
		{importing(KindMemory, 0, 1), "the memory env.it is imported"},
		{importing(KindTable, 0x70, 0, 1), "the table env.it is imported"},
		{importing(KindGlobal, byte(I32), 1), "the mutable global env.it is imported"},
		{new(guest).memory(1, 1).memory(1, 1), "2 memories"},
		{with(func(g *guest) { g.mems = append(g.mems, []byte{3, 1, 1}) }), "shared"},
		{with(func(g *guest) { g.mems = append(g.mems, []byte{4, 1}) }), "64-bit"},
		{with(func(g *guest) { g.global(FuncRef, true, null) }), "global 0 is mutable and of type funcref"},
		{table(zero, null, op(OpTableSet, 0)), "table.set"},
		{table(null, zero, op(OpTableGrow, 0), op(OpDrop)), "table.grow"},
		{table(zero, zero, zero, op(OpTableCopy, 0, 0)), "table.copy"},
		{table(zero, zero, zero, op(OpTableInit, 0, 0)), "table.init"},
		{table(zero, null, zero, op(OpTableFill, 0)), "table.fill"},
		{table(op(OpElemDrop, 0)), "elem.drop"},
	} {
		reasons := parse(t, c.guest.wasm()).Snapshotable()
		if len(reasons) != 1 || !strings.Contains(reasons[0], c.says) {
			t.Errorf("reasons are %q, want one that says %q", reasons, c.says)
		}
	}
	if reasons := parse(t, importing(KindGlobal, byte(I32), 0).wasm()).Snapshotable(); reasons != nil {
		t.Errorf("an immutable import is a reason: %q", reasons)
	}
}

// Growing by chance, the virtual memory must answer as the real one does.
func TestVirtualGrowthAnswersAsRealMemory(t *testing.T) {
	g := &guest{}
	g.memory(2, 20)
	g.export("size", KindFunc, g.fn(nil, types(I32), nil, op(OpMemorySize, 0)))
	g.export("grow", KindFunc, g.fn(types(I32), types(I32), nil, op(OpLocalGet, 0), op(OpMemoryGrow, 0)))
	plain := g.wasm()
	for _, pages := range []uint32{20, 100} { // 100: the declared maximum is lower
		m := parse(t, plain)
		if err := m.VirtualGrowth(pages); err != nil {
			t.Fatal(err)
		}
		state, err := m.ExportState()
		if err != nil || len(state.Globals) != 1 {
			t.Fatalf("state is %v, %v: want the size", state, err)
		}
		onEngines(t, func(t *testing.T, rt wazero.Runtime) {
			real, virtual := start(t, rt, plain), start(t, rt, m.Encode())
			deltas := []uint64{0, 1, 17, 1, 0, 1, 1 << 16, 0xffffffff, 0x80000000, 0}
			for _, d := range deltas {
				a, b := call(t, real, "grow", d), call(t, virtual, "grow", d)
				if a != b || call(t, real, "size") != call(t, virtual, "size") {
					t.Errorf("grow(%d): real memory says %d, virtual %d", d, int32(a), int32(b))
				}
			}
			virtual.ExportedGlobal(state.Globals[0].Name).(api.MutableGlobal).Set(2)
			if got := call(t, virtual, "size"); got != 2 {
				t.Errorf("after the reset the size is %d", got)
			}
			for i := range 100 {
				call(t, virtual, "grow", uint64(i%3))
			}
			if got := call(t, virtual, "size"); got != 20 {
				t.Errorf("the size went to %d, past or short of the cap of 20", got)
			}
		})
	}
}

func TestVirtualGrowthRefuses(t *testing.T) {
	for name, g := range map[string]*guest{
		"no memory":   {},
		"two":         new(guest).memory(1, 2).memory(1, 2),
		"a small cap": new(guest).memory(9, 20),
	} {
		if err := parse(t, g.wasm()).VirtualGrowth(8); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
