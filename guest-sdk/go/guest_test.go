//go:build !wasip1

package ray

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/internal/guesttest"
	"github.com/raywasm/raywasm/spec"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// sample is testdata/sample compiled to WebAssembly, once for all tests.
var sample = guesttest.Go("testdata/sample")

// compiled keeps the sample's machine code from one test to the next.
var compiled = wazero.NewCompilationCache()

// wasmWorld is a fakeWorld whose tasks and actors are instances of a module.
type wasmWorld struct {
	*fakeWorld
	ctx     context.Context
	runtime wazero.Runtime
	module  wazero.CompiledModule
	output  bytes.Buffer // stdout and stderr of all instances
	env     map[string]string
}

func newWasmWorld(t testing.TB) *wasmWorld {
	if testing.Short() {
		t.Skip("builds a WebAssembly module")
	}
	wasm, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	w := &wasmWorld{fakeWorld: newWorld(t), ctx: ctx, runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(compiled)), env: map[string]string{}}
	t.Cleanup(func() { w.runtime.Close(ctx) })
	w.fakeWorld.serve = w.serve
	wasi_snapshot_preview1.MustInstantiate(ctx, w.runtime)
	if err := w.offerImports(); err != nil {
		t.Fatal(err)
	}
	if w.module, err = w.runtime.CompileModule(ctx, wasm); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *wasmWorld) instance() api.Module {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
		WithStdout(&w.output).WithStderr(&w.output).WithSysWalltime().WithSysNanotime()
	for k, v := range w.env {
		config = config.WithEnv(k, v)
	}
	m, err := w.runtime.InstantiateModule(w.ctx, w.module, config)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// serve runs a call in a new instance, or in the actor's.
func (w *wasmWorld) serve(kind spec.CallKind, nargs int, on *thing) int32 {
	var m api.Module
	switch {
	case on == nil:
		m = w.instance()
		defer m.Close(w.ctx)
	case on.state == nil:
		m = w.instance()
		on.state = m
	default:
		m = on.state.(api.Module)
	}
	return w.call(m, spec.ExportCall, uint64(kind), uint64(nargs))
}

func (w *wasmWorld) call(m api.Module, export string, args ...uint64) int32 {
	results, err := m.ExportedFunction(export).Call(w.ctx, args...)
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", export, err, w.output.String())
	}
	return int32(results[0])
}

// offerImports gives guests the module ray_v1, each function of which is the fakeWorld's of that name.
func (w *wasmWorld) offerImports() error {
	f := w.fakeWorld
	bytesAt := func(m api.Module, ptr, n uint32) []byte {
		b, ok := m.Memory().Read(ptr, n)
		if !ok {
			w.t.Errorf("%d bytes at %d are outside the guest's memory", n, ptr)
		}
		return b
	}
	numbersAt := func(m api.Module, ptr, n uint32) []uint32 {
		list := make([]uint32, n)
		for i := range list {
			list[i] = binary.LittleEndian.Uint32(bytesAt(m, ptr+4*uint32(i), 4))
		}
		return list
	}
	store := func(m api.Module, ptr uint32, list []uint32) {
		for i, v := range list {
			m.Memory().WriteUint32Le(ptr+4*uint32(i), v)
		}
	}
	type (
		ctx = context.Context
		mod = api.Module
	)
	functions := map[string]any{
		"name":  func(_ ctx, m mod, p, n uint32) int32 { return f.name(bytesAt(m, p, n)) },
		"frame": func(_ ctx, m mod, p, n uint32) int64 { return f.frame(bytesAt(m, p, n)) },
		"arg":   func(_ ctx, i int32) int32 { return f.arg(int(i)) },
		"size":  func(_ ctx, h uint32) int64 { return f.size(h) },
		"read":  func(_ ctx, m mod, h uint32, off int64, p, n uint32) int32 { return f.read(h, off, bytesAt(m, p, n)) },
		"links": func(_ ctx, m mod, h, p, n uint32) int32 {
			out := make([]uint32, n)
			count := f.links(h, out)
			if count <= int32(n) {
				store(m, p, out[:count])
			}
			return count
		},
		"ret": func(_ ctx, m mod, p, n, hs, nhs uint32) int32 {
			return f.ret(bytesAt(m, p, n), numbersAt(m, hs, nhs))
		},
		"fail": func(_ ctx, m mod, p, n uint32) int32 { return f.fail(bytesAt(m, p, n)) },
		"put": func(_ ctx, m mod, p, n, hs, nhs uint32) int32 {
			return f.put(bytesAt(m, p, n), numbersAt(m, hs, nhs))
		},
		"get": func(_ ctx, m mod, hs, n uint32, timeout int64) int32 { return f.get(numbersAt(m, hs, n), timeout) },
		"get_value": func(_ ctx, m mod, h uint32, timeout int64, p, n uint32) int64 {
			return f.getValue(h, timeout, bytesAt(m, p, n))
		},
		"wait": func(_ ctx, m mod, hs, n, count uint32, timeout int64, ready uint32) int32 {
			return f.wait(numbersAt(m, hs, n), int(count), timeout, bytesAt(m, ready, n))
		},
		"pass_value": func(_ ctx, m mod, p, n, hs, nhs uint32) int32 {
			return f.passValue(bytesAt(m, p, n), numbersAt(m, hs, nhs))
		},
		"pass_ref": func(_ ctx, h uint32) int32 { return f.passRef(h) },
		"submit": func(_ ctx, m mod, fn, fnn, opts, optsn, out, n uint32) int32 {
			list := make([]uint32, n)
			status := f.submit(string(bytesAt(m, fn, fnn)), bytesAt(m, opts, optsn), list)
			store(m, out, list)
			return status
		},
		"actor_create": func(_ ctx, m mod, class, classn, opts, optsn uint32) int32 {
			return f.actorCreate(string(bytesAt(m, class, classn)), bytesAt(m, opts, optsn))
		},
		"actor_call": func(_ ctx, m mod, h, name, namen, opts, optsn, out, n uint32) int32 {
			list := make([]uint32, n)
			status := f.actorCall(h, string(bytesAt(m, name, namen)), bytesAt(m, opts, optsn), list)
			store(m, out, list)
			return status
		},
		"actor_find": func(_ ctx, m mod, name, namen, ns, nsn uint32) int32 {
			return f.actorFind(string(bytesAt(m, name, namen)), string(bytesAt(m, ns, nsn)))
		},
		"group_create": func(_ ctx, m mod, p, n, id, idn uint32) int32 {
			return f.groupCreate(bytesAt(m, p, n), bytesAt(m, id, idn))
		},
		"group_find": func(_ ctx, m mod, name, namen, ns, nsn, id, idn uint32) int32 {
			return f.groupFind(string(bytesAt(m, name, namen)), string(bytesAt(m, ns, nsn)), bytesAt(m, id, idn))
		},
		"group_table": func(_ ctx, m mod, p, n, to, room uint32) int32 {
			return f.groupTable(string(bytesAt(m, p, n)), bytesAt(m, to, room))
		},
		"group_ready":     func(_ ctx, m mod, p, n uint32) int32 { return f.groupReady(string(bytesAt(m, p, n))) },
		"group_remove":    func(_ ctx, m mod, p, n uint32) int32 { return f.groupRemove(string(bytesAt(m, p, n))) },
		"actor_terminate": func(_ ctx, h uint32) int32 { return f.actorTerminate(h) },
		"serve":           func(_ ctx, call uint32) int32 { return f.serveCall(call) },
		"done":            func(_ ctx, _ int32) int32 { return -int32(spec.Unsupported) },
		"await":           func(_ ctx, _, _, _ uint32, _ uint64, _ uint32) int32 { return f.await(nil, 0, 0, 0) },
		"events":          func(_ ctx, _, _ uint32) int32 { return -int32(spec.Unsupported) },
		"actor_exit":      func(_ ctx) int32 { return f.actorExit() },
		"actor_kill":      func(_ ctx, h, noRestart uint32) int32 { return f.actorKill(h, noRestart != 0) },
		"cancel":          func(_ ctx, h, flags uint32) int32 { return f.cancel(h, flags) },
		"release":         func(_ ctx, h uint32) int32 { return f.release(h) },
		"pieces": func(_ ctx, m mod, list, n uint32) int32 {
			var pieces [][]byte
			for at := range slices.Chunk(numbersAt(m, list, 2*n), 2) {
				pieces = append(pieces, bytesAt(m, at[0], at[1]))
			}
			return f.pieces(pieces)
		},
		"yield": func(_ ctx, m mod, p, n, hs, nhs uint32) int32 {
			return f.yield(bytesAt(m, p, n), numbersAt(m, hs, nhs))
		},
		"next": func(_ ctx, h uint32, timeout int64) int32 { return f.next(h, timeout) },
		"log": func(_ ctx, m mod, level int32, p, n uint32) int32 {
			return f.log(spec.LogLevel(level), bytesAt(m, p, n))
		},
		"resources": func(_ ctx, m mod, p, n uint32) int32 { return f.resources(bytesAt(m, p, n)) },
		"self":      func(_ ctx, m mod, p, n uint32) int32 { return f.self(bytesAt(m, p, n)) },
		"error":     func(_ ctx, m mod, p, n uint32) int32 { return f.error(bytesAt(m, p, n)) },
	}
	b := w.runtime.NewHostModuleBuilder(spec.ABIModule)
	for name, function := range functions {
		b.NewFunctionBuilder().WithFunc(function).Export(name)
	}
	_, err := b.Instantiate(w.ctx)
	return err
}

func TestGuestDescribesItself(t *testing.T) {
	w := newWasmWorld(t)
	m := w.instance()
	d, err := w.describeModule(func() int32 { return w.call(m, spec.ExportDescribe) })
	if err != nil {
		t.Fatal(err)
	}
	f, ok := d.Function("move")
	if !ok || f.Result != "main.Point" || strings.Join(f.Params, " ") != "main.Point float64" {
		t.Errorf("move: %+v", f)
	}
	c, ok := d.Class("Counter")
	if !ok {
		t.Fatalf("no class Counter in %+v", d)
	}
	if _, ok := c.Method("Inc"); !ok {
		t.Errorf("Counter: %+v", c)
	}
}

func TestGuestServesCalls(t *testing.T) {
	w := newWasmWorld(t)
	encoded := func(v any) *thing {
		b, err := spec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return &thing{data: b}
	}
	r := w.run(spec.CallFunction, "countWords", []*thing{encoded("to be or not to be")}, nil)
	var counts map[string]int
	if err := spec.Unmarshal(r.data, &counts); err != nil || counts["be"] != 2 || len(counts) != 4 {
		t.Errorf("countWords gave %v, %v", counts, err)
	}
	r = w.run(spec.CallFunction, "explode", []*thing{encoded("here")}, nil)
	e, err := spec.UnmarshalError(r.err)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, e, TaskError, "call explode", "assignment to entry in nil map")
	var fault *Fault
	if !errors.As(error(e), &fault) || !strings.HasPrefix(fault.Stack, "main.explode(...)\n") || strings.Contains(fault.Stack, "go.Remote") {
		t.Errorf("fault: %s", fault.Detail())
	}
	r = w.run(spec.CallFunction, "explode", []*thing{encoded("there")}, nil)
	e, _ = spec.UnmarshalError(r.err)
	wantError(t, e, TaskError, "exploding there: boom")
}

func TestGuestRunsItsMain(t *testing.T) {
	w := newWasmWorld(t)
	if status := w.call(w.instance(), spec.ExportMain); status != 0 {
		t.Errorf("status %d", status)
	}
	if got, wanted := w.output.String(), "1 + 2 = 3 <nil>\n10 + 5 = 15 <nil>\n"; got != wanted {
		t.Errorf("it printed %q, not %q", got, wanted)
	}
}

func TestGuestMainsEndings(t *testing.T) {
	w := newWasmWorld(t)
	w.env["MODE"] = "panic"
	if status := w.call(w.instance(), spec.ExportMain); status != 2 {
		t.Errorf("a panic gives status %d", status)
	}
	if got := w.output.String(); !strings.HasPrefix(got, "panic: at the disco\n\ngoroutine ") || !strings.Contains(got, "main.main()") {
		t.Errorf("it printed\n%s", got)
	}
	w.env["MODE"] = "exit"
	_, err := w.instance().ExportedFunction(spec.ExportMain).Call(w.ctx)
	var exit *sys.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("os.Exit(7) gives %v", err)
	}
}
