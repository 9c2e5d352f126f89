package wazero

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/enginetest"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// warm is an engine that compiles everything into a cache first, and then hands out what it finds there.
type warm struct {
	*wazeroEngine
	t *testing.T
}

// openWarm is of type engine.Open but for t.
func openWarm(t *testing.T, cfg engine.Config) (engine.Engine, error) {
	if cfg.CacheDir == "" {
		dir, err := os.MkdirTemp("", "raywasm-wazero")
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		cfg.CacheDir = dir
	}
	e, err := Open(cfg)
	if err != nil {
		return nil, err
	}
	return warm{e.(*wazeroEngine), t}, nil
}

func (w warm) Compile(ctx context.Context, wasm []byte) (engine.Code, error) {
	c, err := w.wazeroEngine.Compile(ctx, wasm)
	if err != nil {
		return nil, err
	}
	if err := c.Close(); err != nil {
		return nil, err
	}
	if c = w.load(ctx, keptFor(w.cacheDir, wasm)); c == nil {
		w.t.Error("what was compiled was not kept")
		return w.wazeroEngine.Compile(ctx, wasm)
	}
	return c, nil
}

// TestWarmEngine: code from the cache passes the engines' suite.
func TestWarmEngine(t *testing.T) {
	needsCompiler(t)
	enginetest.Test(t, func(cfg engine.Config) (engine.Engine, error) { return openWarm(t, cfg) })
}

// needsCompiler skips a test where wazero interprets: then there is no code to keep.
func needsCompiler(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("wazero has no compiler for this processor")
	}
}

// heap is a memory that grows.
type heap struct{ bytes []byte }

func (h *heap) Size(least uint64) uint64 { return least }

func (h *heap) Allocate(least uint64) []byte {
	h.bytes = make([]byte, 4<<16)
	return h.bytes[:least]
}

func (h *heap) Grow(size uint64) []byte {
	if size > uint64(len(h.bytes)) {
		return nil
	}
	return h.bytes[:size]
}

// calls are what outcomes calls of the kernel, in this order.
var calls = []struct {
	export string
	param  uint64
	want   string // "" for a trap
}{
	{"double", 4, "8"}, {"indirect", 0, "42"}, {"indirect", 1, "63"}, {"indirect", 2, ""}, {"by reference", 0, "21"},
	{"indirect", 2, "63"}, {"indirect", 3, ""}, {"grow", 1, "1"}, {"grow", 9, "4294967295"}, {"grow", 0, "2"},
	{"throws", 5, ""}, {"catches", 5, "6"}, {"inner", 0, ""}, {"outer", 0, ""}, {"ask", 5, "1005"}, {"ask", 0, "the host will not"},
	{"divide", 1, "1"}, {"divide", 0, ""}, {"count", 0, "101"}, {"count", 0, "102"}, {"read", 8, "42"}, {"read", 2<<16 - 3, ""},
}

var hostFunction = engine.HostFunc{
	Module: "env", Name: "host", Params: []wasmbin.ValType{wasmbin.I32}, Results: []wasmbin.ValType{wasmbin.I32},
	Func: func(_ context.Context, _ *engine.Guest, stack []uint64) error {
		if stack[0] == 0 {
			return errors.New("the host will not")
		}
		stack[0] += 1000
		return nil
	},
}

// outcomes makes an instance and returns what came of each of calls, for a trap its text and stack.
func outcomes(t *testing.T, c engine.Code) (list []string) {
	t.Helper()
	i, err := c.Instantiate(t.Context(), &engine.Guest{}, &heap{})
	if err != nil {
		t.Error(err)
		return nil
	}
	defer i.Close()
	for _, call := range calls {
		stack := []uint64{call.param}
		err := i.Func(call.export).Call(t.Context(), stack)
		got := fmt.Sprint(stack[0])
		var trap *engine.Trap
		if errors.As(err, &trap) {
			got = fmt.Sprintf("%v\n%s", trap, trap.Stack)
		} else if err != nil {
			got = err.Error()
		}
		if call.want != "" && got != call.want || call.want == "" && trap == nil {
			t.Errorf("%s(%d) = %s, want %q", call.export, call.param, got, call.want)
		}
		list = append(list, got)
	}
	return list
}

// opened opens an engine for the kernel, with a cache in dir.
func opened(dir string) *wazeroEngine {
	return &wazeroEngine{imports: []engine.HostFunc{hostFunction}, cacheDir: dir}
}

// run compiles the kernel and returns its outcomes.
func run(t *testing.T, e *wazeroEngine) []string {
	t.Helper()
	c, err := e.Compile(t.Context(), kernel())
	if err != nil {
		t.Error(err)
		return nil
	}
	defer c.Close()
	return outcomes(t, c)
}

// TestKeptCodeDoesTheSame: code that was loaded behind a stub does what the module does, down to the stacks of its traps.
func TestKeptCodeDoesTheSame(t *testing.T) {
	needsCompiler(t)
	want := run(t, opened(""))
	if !slices.Contains(want, "unreachable code was executed\ninner()\nouter()") {
		t.Errorf("there is no stack with names among %q", want)
	}
	e := opened(t.TempDir())
	run(t, e)
	c := e.load(t.Context(), keptFor(e.cacheDir, kernel()))
	if c == nil {
		t.Fatal("the code was not kept")
	}
	defer c.Close()
	for k, got := range outcomes(t, c) {
		if got != want[k] {
			t.Errorf("%s(%d): got %q from the cache, want %q", calls[k].export, calls[k].param, got, want[k])
		}
	}
}

// TestKeptCodeDamaged: whatever happened to the files, the module is compiled anew and kept again.
func TestKeptCodeDamaged(t *testing.T) {
	needsCompiler(t)
	write := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := opened(t.TempDir())
	k := keptFor(e.cacheDir, kernel())
	stubPath := filepath.Join(string(k), stubName)
	damages := map[string]func(path string, b []byte){
		"nothing left": func(path string, _ []byte) { write(path, nil) },
		"cut":          func(path string, b []byte) { write(path, b[:len(b)-1]) },
		"longer":       func(path string, b []byte) { write(path, append(b, 0)) },
		"removed":      func(path string, _ []byte) { _ = os.Remove(path) },
		"another name": func(path string, _ []byte) { _ = os.Rename(path, path+"0") }, // for wazero's file: another processor's
		"two of them":  func(path string, b []byte) { write(path+"0", b); write(stubPath+"0", b) },
	}
	for at := range 40 {
		damages[fmt.Sprintf("bit %d", at)] = func(path string, b []byte) { b[(len(b)-1)*at/39] ^= 1 << (at % 8); write(path, b) }
	}
	for name, damage := range damages {
		for _, which := range []string{"stub", "code"} {
			run(t, e)
			path := stubPath
			if which == "code" {
				var err error
				if path, err = codeFile(string(k)); err != nil {
					t.Fatal(err)
				}
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damage(path, b)
			if name != "two of them" || which == "code" {
				if c := e.load(t.Context(), k); c != nil {
					t.Errorf("%s, %s: loaded", which, name)
					_ = c.Close()
				}
			}
			run(t, e)
			if c := e.load(t.Context(), k); c == nil {
				t.Errorf("%s, %s: not kept again", which, name)
			} else {
				_ = c.Close()
			}
		}
	}
}

// TestStubNeverRuns: if wazero does not find the code, because it was removed when it had been checked, the stub that it
// compiles is thrown away.
func TestStubNeverRuns(t *testing.T) {
	needsCompiler(t)
	e := opened(t.TempDir())
	run(t, e)
	k := keptFor(e.cacheDir, kernel())
	stub, file, err := k.open()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !k.holds(file) {
		t.Fatal("the code is not there")
	}
	if err := os.Remove(file.Name()); err != nil {
		t.Fatal(err)
	}
	c, err := e.compileIn(t.Context(), string(k), stub)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if k.holds(file) {
		t.Error("a compiled stub passes for the code")
	}
	if c := e.load(t.Context(), k); c != nil {
		t.Error("a compiled stub was loaded")
		_ = c.Close()
	}
	run(t, e)
}

// TestKeptCodeConcurrently: engines that share a directory, and somebody who empties it, do not disturb each other.
func TestKeptCodeConcurrently(t *testing.T) {
	dir := t.TempDir()
	done := make(chan struct{})
	var users, prunes sync.WaitGroup
	prunes.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = os.RemoveAll(string(keptFor(dir, kernel())))
				runtime.Gosched()
			}
		}
	})
	for range 4 {
		users.Go(func() {
			for range 25 {
				run(t, opened(dir))
			}
		})
	}
	users.Wait()
	close(done)
	prunes.Wait()
	left, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
