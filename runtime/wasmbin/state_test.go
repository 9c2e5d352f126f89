package wasmbin

import (
	"context"
	"fmt"
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

// launch instantiates a module under no name, and does what DetachInit has
// left to the host.
func launch(ctx context.Context, rt wazero.Runtime, wasm []byte, init Init) (api.Module, error) {
	mod, err := rt.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	for _, d := range init.Data {
		if !mod.Memory().Write(d.Offset, d.Bytes) {
			mod.Close(ctx)
			return nil, fmt.Errorf("%d bytes at %d are out of bounds", len(d.Bytes), d.Offset)
		}
	}
	if init.Start {
		if _, err := mod.ExportedFunction(StartExport).Call(ctx); err != nil {
			mod.Close(ctx)
			return nil, err
		}
	}
	return mod, nil
}

// start launches a module that must start.
func start(t testing.TB, rt wazero.Runtime, wasm []byte, init ...Init) api.Module {
	t.Helper()
	mod, err := launch(t.Context(), rt, wasm, append(init, Init{})[0])
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

// What instantiation leaves in the globals of the state is what a reset puts
// back: for a guest that has run nothing, the declared values.
func TestExportStateReadsInitialValues(t *testing.T) {
	g := counter()
	g.global(I64, true, i64(-9))
	m := parse(t, g.wasm())
	if err := m.VirtualGrowth(); err != nil {
		t.Fatal(err)
	}
	if err := m.Meter(tick); err != nil {
		t.Fatal(err)
	}
	state, err := m.ExportState()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.DetachInit(); err != nil {
		t.Fatal(err)
	}
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		a := account{slice: 1 << 20, left: 1 << 20}
		a.host(t, rt)
		mod := start(t, rt, m.Encode())
		var got []string
		for _, sg := range state.Globals {
			got = append(got, fmt.Sprintf("%s %v %d", sg.Name, sg.Type, int64(mod.ExportedGlobal(sg.Name).Get())))
		}
		want := []string{"__ray_g0 i64 0", "__ray_g1 f32 0", "__ray_g2 i64 -9", "__ray_pages i32 1"}
		if !slices.Equal(got, want) {
			t.Errorf("the globals are %q, want %q", got, want)
		}
	})
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
		{with(func(g *guest) {
			g.imports = importing(KindGlobal, byte(I32), 0).imports
			g.memory(1, 1)
			g.bytes(0, "x")
			g.data = append(g.data, slices.Concat([]byte{dataActive}, op(OpGlobalGet, 0), op(OpEnd), vec()))
		}), "the offset of data segment 1 is not a constant"},
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
