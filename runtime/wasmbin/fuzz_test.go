package wasmbin

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
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

// Whatever bytes wazero and Parse accept, the passes keep their meaning.
func FuzzRewrite(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	compiler := newFuzzEngine(f, engines["compiler"])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Parse(b); err == nil && compiler.accepts(b) {
			compiler.checkVariants(t, b)
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

// checkVariants wants of a module that wazero accepts that it does so after
// every pass and after all of them, and that the guest then does the same.
// What is metered ends; what it does in the end is what all must do.
func (e *fuzzEngine) checkVariants(t *testing.T, b []byte) {
	var want outcome
	ends := false
	for _, v := range variants {
		m, _ := Parse(b)
		init, err := v.rewrite(m)
		if err != nil {
			continue
		}
		out := m.Encode()
		if _, err := Parse(out); err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		if !e.accepts(out) {
			t.Fatalf("%s: wazero refuses the result\n%x", v.name, out)
		}
		if v.name == "metered" {
			got := e.run(out, init)
			if ends = !got.spent; ends {
				want = e.run(b, Init{})
				got.compare(t, v.name, want)
			}
		} else if ends {
			e.run(out, init).compare(t, v.name, want)
		}
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

// compare reports where o differs from want.
func (o outcome) compare(t *testing.T, name string, want outcome) {
	t.Helper()
	if want.refused != o.refused || want.memory != o.memory || !slices.Equal(want.calls, o.calls) {
		t.Fatalf("the plain guest does %+v, %s %+v", want, name, o)
	}
}

// run instantiates b and calls every function it exports, with the same
// numbers each time. Results that are no integers are not looked at.
func (e *fuzzEngine) run(b []byte, init Init) (o outcome) {
	e.ticks = 0
	ctx := context.Background()
	mod, err := launch(ctx, e.rt, b, init)
	if err != nil {
		return outcome{refused: true, spent: errors.Is(err, errSpent)}
	}
	defer mod.Close(ctx)
	exports := mod.ExportedFunctionDefinitions()
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		f := exports[name]
		if strings.HasPrefix(name, privatePrefix) || !numeric(f.ParamTypes()) || !numeric(f.ResultTypes()) {
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
