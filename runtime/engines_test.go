package wasmrt_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmtime"
	"github.com/raywasm/raywasm/runtime/wazero"
	"github.com/raywasm/raywasm/spec"
)

// engines are those that every suite of this package runs over.
var engines = []struct {
	name string
	open engine.Open
}{
	{"wazero", wazero.Open},
	{"wasmtime", wasmtime.Open},
}

// everyEngine runs a test under each engine that this program was built with.
func everyEngine(t *testing.T, test func(t *testing.T, open engine.Open)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			needEngine(t, e.open)
			test(t, e.open)
		})
	}
}

// needEngine skips a test whose engine this program was built without.
func needEngine(t testing.TB, open engine.Open) {
	t.Helper()
	e, err := open(engine.Config{})
	if errors.Is(err, spec.Unsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	check(t, e.Close())
}

// openRuntime opens a runtime that is closed when the test ends. Its guests may import the functions of hostFuncs.
func openRuntime(t testing.TB, open engine.Open) *wasmrt.Runtime {
	t.Helper()
	dir, err := scratch()
	if err != nil {
		t.Fatal(err)
	}
	rt, err := wasmrt.New(wasmrt.Config{Engine: open, Imports: hostFuncs, CacheDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, rt.Close()) })
	return rt
}

// load loads a module into a runtime of its own.
func load(t testing.TB, open engine.Open, wasm []byte) *wasmrt.Module {
	t.Helper()
	m, err := openRuntime(t, open).Load(t.Context(), wasm, wasmrt.LoadConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sandbox opens a sandbox that is closed when the test ends, if not before.
func sandbox(t testing.TB, m *wasmrt.Module, cfg wasmrt.SandboxConfig) *wasmrt.Sandbox {
	t.Helper()
	s, err := m.NewSandbox(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

// call calls an export and wants no error.
func call(t testing.TB, s *wasmrt.Sandbox, export string, params ...uint64) uint64 {
	t.Helper()
	n, err := s.Call(t.Context(), export, params...)
	if err != nil {
		t.Fatalf("%s%v: %v", export, params, err)
	}
	return n
}

// want compares a result.
func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// faultOf returns the fault in an error of that very kind.
func faultOf(t testing.TB, err error, kind spec.Kind) *spec.Fault {
	t.Helper()
	wantKind(t, err, kind)
	var f *spec.Fault
	if !errors.As(err, &f) {
		t.Fatalf("there is no fault in: %v", err)
	}
	return f
}

// wantKind wants an error of that very kind, not one below it.
func wantKind(t testing.TB, err error, kind spec.Kind) {
	t.Helper()
	if spec.KindOf(err) != kind {
		t.Fatalf("got %v, want the kind %v", err, kind)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// scratch is the folder of this test binary: guests that were built, and compiled code.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "raywasm-runtime-test") })

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := scratch(); err == nil {
		_ = os.RemoveAll(dir) // what is left is in the system's folder for such things
	}
	os.Exit(status)
}

// counter counts the instances that an engine makes and frees, which tells what was used again.
type counter struct{ made, freed atomic.Int64 }

// open opens an engine whose instances are counted.
func (c *counter) open(open engine.Open) engine.Open {
	return func(cfg engine.Config) (engine.Engine, error) {
		e, err := open(cfg)
		return countedEngine{e, c}, err
	}
}

type countedEngine struct {
	engine.Engine
	counter *counter
}

func (e countedEngine) Compile(ctx context.Context, wasm []byte) (engine.Code, error) {
	code, err := e.Engine.Compile(ctx, wasm)
	return countedCode{code, e.counter}, err
}

type countedCode struct {
	engine.Code
	counter *counter
}

func (c countedCode) Instantiate(ctx context.Context, guest *engine.Guest, memory engine.Memory) (engine.Instance, error) {
	i, err := c.Code.Instantiate(ctx, guest, memory)
	if err != nil {
		return nil, err
	}
	c.counter.made.Add(1)
	return countedInstance{i, c.counter}, nil
}

type countedInstance struct {
	engine.Instance
	counter *counter
}

func (i countedInstance) Close() error {
	i.counter.freed.Add(1)
	return i.Instance.Close()
}
