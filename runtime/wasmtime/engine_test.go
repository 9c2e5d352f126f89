//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"testing"
	"time"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/enginetest"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

func TestEngine(t *testing.T) { enginetest.Test(t, Open) }

func TestVersionIsThatOfTheModule(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/bytecodealliance/wasmtime-go/v44 v" + version; !regexp.MustCompile(`\b` + regexp.QuoteMeta(want) + `\b`).Match(mod) {
		t.Errorf("go.mod does not require %s", want)
	}
}

// bare is an engine.Memory that asks for size bytes in all, and fails the test if it is asked to place memory.
type bare struct {
	t    testing.TB
	size uint64
}

func (b bare) Size(min uint64) uint64 { return max(min, b.size) }

func (b bare) Allocate(uint64) []byte {
	b.t.Error("Allocate was called")
	return nil
}

func (b bare) Grow(uint64) []byte {
	b.t.Error("Grow was called")
	return nil
}

func open(t testing.TB, cfg engine.Config) *wasmtimeEngine {
	t.Helper()
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e.(*wasmtimeEngine)
}

// TestACompilationIsGivenUp: wasmtime takes a second for this one, whatever happens; the caller does not wait for it, and the
// next one comes after it.
func TestACompilationIsGivenUp(t *testing.T) {
	e := open(t, engine.Config{})
	var m asm.Module
	m.Func("f", asm.Types(asm.I32), nil, bytes.Repeat(asm.Add32(0, 1), 20_000))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if c, err := e.Compile(ctx, m.Binary()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v, %v", c, err)
	}
	var small asm.Module
	small.Func("f", nil, nil)
	if _, err := e.Compile(ctx, small.Binary()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one without time ended with %v", err)
	}
	c, err := e.Compile(t.Context(), small.Binary())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// wasm assembles the text format.
func wasm(t testing.TB, text string) []byte {
	t.Helper()
	b, err := wt.Wat2Wasm(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compiled(t testing.TB, e engine.Engine, text string) engine.Code {
	t.Helper()
	c, err := e.Compile(t.Context(), wasm(t, text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// start makes an instance of a module whose memory is of size bytes.
func start(t testing.TB, text string, size uint64, imports ...engine.HostFunc) engine.Instance {
	t.Helper()
	c := compiled(t, open(t, engine.Config{Imports: imports}), text)
	i, err := c.Instantiate(t.Context(), &engine.Guest{}, bare{t, size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

// call calls a function of one parameter and result.
func call(t testing.TB, i engine.Instance, name string, arg uint64) uint64 {
	t.Helper()
	stack := []uint64{arg}
	if err := i.Func(name).Call(t.Context(), stack); err != nil {
		t.Fatal(err)
	}
	return stack[0]
}

func nop(context.Context, *engine.Guest, []uint64) error { return nil }

func TestOpenRefuses(t *testing.T) {
	f := engine.HostFunc{Module: "m", Name: "f", Func: nop}
	vector, two := f, f
	vector.Params = []wasmbin.ValType{wasmbin.V128}
	two.Results = []wasmbin.ValType{wasmbin.I32, wasmbin.I32}
	for name, imports := range map[string][]engine.HostFunc{"a vector": {vector}, "two results": {two}, "the same twice": {f, f}} {
		if _, err := Open(engine.Config{Imports: imports}); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	e := open(t, engine.Config{})
	if _, err := e.Compile(t.Context(), wasm(t, `(module (memory 1))`)); !errors.Is(err, spec.InvalidModule) {
		t.Errorf("a memory that is not exported: got %v", err)
	}
	if _, err := e.Compile(t.Context(), wasm(t, `(module (import "m" "f" (func)))`)); !errors.Is(err, spec.UnknownImport) {
		t.Errorf("an import that is not offered: got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := e.Compile(ctx, emptyModule); !errors.Is(err, stop) {
		t.Errorf("with a cancelled context: got %v", err)
	}
}

// TestTypesWithoutNumber: wasmtime's C API ends the process when it is asked what kind of type these are.
func TestTypesWithoutNumber(t *testing.T) {
	i := start(t, `(module
		(tag (export "tag"))
		(func (export "f") (param exnref) (result v128) (v128.const i64x2 0 0))
		(global (export "g") (mut exnref) (ref.null exn))
		(global (export "constant") i32 (i32.const 1)))`, 0)
	for _, name := range []string{"tag", "f", "g", "constant"} {
		if i.Func(name) != nil || i.Global(name) != nil {
			t.Errorf("%s is offered", name)
		}
	}
}

func TestTablesAreFenced(t *testing.T) {
	i := start(t, `(module (table 0 funcref)
		(func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))`, 0)
	if got := call(t, i, "grow", fenceTableEntries+1); uint32(got) != ^uint32(0) {
		t.Errorf("a table grew beyond the fence, it had %d entries", got)
	}
	if got := call(t, i, "grow", fenceTableEntries); got != 0 {
		t.Errorf("a table did not grow up to the fence: %d", int32(got))
	}
}

func TestMemoryStaysWithinItsMaximum(t *testing.T) {
	i := start(t, `(module (memory (export "memory") 1 3))`, 1<<30)
	if got := len(i.Memory()); got != 3*pageBytes {
		t.Errorf("the memory has %d bytes", got)
	}
}

// TestMemoryNeverMoves: not even when it becomes larger than any reservation but the largest.
func TestMemoryNeverMoves(t *testing.T) {
	i := start(t, `(module (memory (export "memory") 1)
		(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`, 100)
	before := i.Memory()
	before[7] = 42
	const pages = 1 << 14
	if got := call(t, i, "grow", pages); got != 1 {
		t.Fatalf("the memory had %d pages", int32(got))
	}
	after := i.Memory()
	if &before[0] != &after[0] || len(after) != (1+pages)*pageBytes || before[7] != 42 {
		t.Errorf("the memory of %d bytes moved, or has %d", len(before), len(after))
	}
	if inner := i.(*instance); inner.memory.Data(inner.store) != inner.base {
		t.Error("wasmtime's own address has changed")
	}
}
