package wasmbin

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// seeds are modules that between them have every section, every form of
// segment and every family of instructions.
func seeds() [][]byte {
	all := [][]byte{everything().wasm(), counter().wasm(), counter().passive("x").wasm(), instructions().wasm()}
	for _, build := range spinners {
		g := &guest{}
		g.export("run", KindFunc, build(g))
		all = append(all, g.wasm())
	}
	for _, build := range divers {
		g := &guest{}
		g.export("run", KindFunc, build(g))
		all = append(all, g.wasm())
	}
	return all
}

// Whatever the bytes are, Parse must not panic, and what it accepts must come
// back byte for byte, as it was and written anew.
func FuzzParse(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Offset < 0 || pe.Offset > len(b) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		if got := m.Encode(); !bytes.Equal(got, b) {
			t.Fatalf("got %x", got)
		}
		for _, s := range m.sections {
			if s.id != secCustom {
				m.changed(s.id)
			}
		}
		anew := m.Encode()
		again, err := Parse(anew)
		if err != nil {
			t.Fatalf("written anew: %v", err)
		}
		if !bytes.Equal(again.Encode(), anew) {
			t.Fatal("written anew, it does not come back")
		}
		m.Snapshotable()
	})
}

// What wazero accepts and Parse accepts, wazero must accept after every pass
// and after all of them, and the guest must still do the same.
func FuzzRewrite(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	compiler := newFuzzEngine(f, engines["compiler"])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Parse(b); err != nil {
			return
		}
		if !compiler.accepts(b) {
			return
		}
		for name, rewrite := range map[string]func(m *Module) error{
			"Meter":         func(m *Module) error { return m.Meter(tick) },
			"LimitDepth":    func(m *Module) error { return m.LimitDepth(1 << 20) },
			"VirtualGrowth": func(m *Module) error { return m.VirtualGrowth(64) },
			"ExportState":   func(m *Module) error { _, err := m.ExportState(); return err },
			"Resume":        func(m *Module) error { return m.Resume(0) },
			"all":           everyPass,
		} {
			m, _ := Parse(b)
			if err := rewrite(m); err != nil {
				continue
			}
			out := m.Encode()
			if _, err := Parse(out); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !compiler.accepts(out) {
				t.Fatalf("%s: wazero refuses the result\n%x", name, out)
			}
			if name == "Meter" {
				compiler.compare(t, b, out)
			}
		}
	})
}

// fuzzEngine is one runtime for all inputs of a fuzzing process.
type fuzzEngine struct {
	rt    wazero.Runtime
	ticks int
}

func newFuzzEngine(t testing.TB, config wazero.RuntimeConfig) *fuzzEngine {
	ctx := context.Background()
	e := &fuzzEngine{rt: wazero.NewRuntimeWithConfig(ctx, config)}
	t.Cleanup(func() { e.rt.Close(ctx) })
	_, err := e.rt.NewHostModuleBuilder(tick.Module).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, mod api.Module, _ []uint64) {
			if e.ticks++; e.ticks > 50 {
				panic(errSpent)
			}
			g := mod.ExportedGlobal(BudgetExport).(api.MutableGlobal)
			g.Set(g.Get() + 1000)
		}), nil, nil).Export(tick.Name).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// accepts says whether wazero compiles b.
func (e *fuzzEngine) accepts(b []byte) bool {
	c, err := e.rt.CompileModule(context.Background(), b)
	if err != nil {
		return false
	}
	c.Close(context.Background())
	return true
}

// compare runs the exports of a metered guest and, where they end, those of
// the plain one, which must then end the same way.
func (e *fuzzEngine) compare(t *testing.T, plain, metered []byte) {
	got := e.run(metered)
	if got.spent {
		return // the plain guest may never end
	}
	if want := e.run(plain); want.refused != got.refused || want.memory != got.memory || !slices.Equal(want.calls, got.calls) {
		t.Fatalf("the plain guest does %+v, the metered one %+v", want, got)
	}
}

// outcome is all that can be seen of a guest's doings.
type outcome struct {
	spent   bool // it was stopped by the budget
	refused bool // it could not be instantiated
	calls   []ending
	memory  uint32 // checksum
}

// ending is how the call of an export ended.
type ending struct {
	export string
	trap   bool
	result uint64
}

// run instantiates b and calls every function it exports, with the same
// numbers each time. Results that are no integers are not looked at.
func (e *fuzzEngine) run(b []byte) (o outcome) {
	e.ticks = 0
	ctx := context.Background()
	mod, err := e.rt.InstantiateWithConfig(ctx, b, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return outcome{refused: true, spent: errors.Is(err, errSpent)}
	}
	defer mod.Close(ctx)
	exports := mod.ExportedFunctionDefinitions()
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		f := exports[name]
		if !numeric(f.ParamTypes()) || !numeric(f.ResultTypes()) {
			continue
		}
		args := slices.Repeat([]uint64{3}, len(f.ParamTypes()))
		end := ending{export: name}
		results, err := mod.ExportedFunction(name).Call(ctx, args...)
		end.trap = err != nil
		o.spent = o.spent || errors.Is(err, errSpent)
		if t := f.ResultTypes(); len(t) == 1 && len(results) == 1 && (t[0] == api.ValueTypeI32 || t[0] == api.ValueTypeI64) {
			end.result = results[0]
		}
		o.calls = append(o.calls, end)
	}
	if m, err := Parse(b); err == nil && len(m.Memories) > 0 { // without, mod.Memory is a nil in disguise
		bytes, _ := mod.Memory().Read(0, mod.Memory().Size())
		o.memory = crc32.ChecksumIEEE(bytes)
	}
	return o
}

// numeric says whether every type is a number.
func numeric(types []api.ValueType) bool {
	return !slices.ContainsFunc(types, func(t api.ValueType) bool { return !ValType(t).IsNumeric() })
}
