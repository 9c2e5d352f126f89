//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// benchGuest has an export for each cost of a call, and loops that leave it out.
const benchGuest = `(module
	(import "env" "nop" (func $nop))
	(import "env" "fail" (func $fail))
	(import "env" "sum" (func $sum (param i32 i32) (result i64)))
	(memory (export "memory") 1)
	(global (export "n") (mut i64) (i64.const 0))
	(func (export "empty"))
	(func (export "add") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
	(func (export "trap") unreachable)
	(func (export "fail") (call $fail))
	(func (export "nops") (param i64) (loop
		(call $nop)
		(br_if 0 (i64.ne (i64.const 0) (local.tee 0 (i64.sub (local.get 0) (i64.const 1)))))))
	(func (export "sums") (param i64) (loop
		(drop (call $sum (i32.const 64) (i32.const 64)))
		(br_if 0 (i64.ne (i64.const 0) (local.tee 0 (i64.sub (local.get 0) (i64.const 1))))))))`

var benchImports = []engine.HostFunc{
	{Module: "env", Name: "nop", Func: nop},
	{Module: "env", Name: "fail", Func: func(context.Context, *engine.Guest, []uint64) error { return io.EOF }},
	{Module: "env", Name: "sum", Params: []wasmbin.ValType{wasmbin.I32, wasmbin.I32}, Results: []wasmbin.ValType{wasmbin.I64},
		Func: func(_ context.Context, g *engine.Guest, stack []uint64) error {
			b, _ := g.View(uint32(stack[0]), uint32(stack[1]))
			stack[0] = 0
			for _, c := range b {
				stack[0] += uint64(c)
			}
			return nil
		}},
}

func BenchmarkCall(b *testing.B) {
	i := start(b, benchGuest, 0, benchImports...)
	for _, c := range []struct {
		name  string
		stack []uint64
		fails bool
	}{{"empty", nil, false}, {"add", []uint64{1, 2}, false}, {"trap", nil, true}, {"fail", nil, true}} {
		b.Run(c.name, func(b *testing.B) {
			f := i.Func(c.name)
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Call(b.Context(), c.stack); (err != nil) != c.fails {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostCall measures a guest's call of the host and back; sum reads 64 bytes of memory.
func BenchmarkHostCall(b *testing.B) {
	i := start(b, benchGuest, 0, benchImports...)
	for _, name := range []string{"nop", "sum"} {
		b.Run(name, func(b *testing.B) {
			f := i.Func(name + "s")
			b.ReportAllocs()
			if err := f.Call(b.Context(), []uint64{uint64(b.N)}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkInstantiate(b *testing.B) {
	c := compiled(b, open(b, engine.Config{Imports: benchImports}), benchGuest)
	for _, size := range []uint64{0, 16 << 20} {
		name := "as declared"
		if size > 0 {
			name = "grown by 16 MiB"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				i, err := c.Instantiate(b.Context(), &engine.Guest{}, bare{b, size})
				if err != nil {
					b.Fatal(err)
				}
				i.Close()
			}
		})
	}
}

func BenchmarkGlobal(b *testing.B) {
	g := start(b, benchGuest, 0, benchImports...).Global("n")
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.Get()
		}
	})
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.Set(1 << 40)
		}
	})
}

// BenchmarkMemory measures the first look at the memory after a call, and those after it.
func BenchmarkMemory(b *testing.B) {
	i := start(b, benchGuest, 0, benchImports...)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			i.(*instance).view = nil
			i.Memory()
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			i.Memory()
		}
	})
}

// BenchmarkCompile measures a module of any size: RAYWASM_BENCH_MODULE names the file, otherwise it is benchGuest.
func BenchmarkCompile(b *testing.B) {
	module, imports := wasm(b, benchGuest), benchImports
	if path := os.Getenv("RAYWASM_BENCH_MODULE"); path != "" {
		var err error
		if module, err = os.ReadFile(path); err != nil {
			b.Fatal(err)
		}
		imports = importsOf(b, module)
	}
	for name, dir := range map[string]string{"anew": "", "kept": b.TempDir()} {
		b.Run(name, func(b *testing.B) {
			e := open(b, engine.Config{Imports: imports, CacheDir: dir})
			if c, err := e.Compile(b.Context(), module); err != nil { // now it is kept, if at all
				b.Fatal(err)
			} else {
				c.Close()
			}
			b.SetBytes(int64(len(module)))
			for b.Loop() {
				c, err := e.Compile(b.Context(), module)
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}

// importsOf offers what a module imports.
func importsOf(b *testing.B, wasm []byte) (list []engine.HostFunc) {
	m, err := wasmbin.ParseLimits(wasm, unlimited)
	if err != nil {
		b.Fatal(err)
	}
	seen := make(map[importName]bool)
	for _, im := range m.Imports {
		if name := (importName{im.Module, im.Name}); !seen[name] {
			seen[name] = true
			t := m.Types[im.Type]
			list = append(list, engine.HostFunc{Module: im.Module, Name: im.Name, Params: t.Params, Results: t.Results, Func: nop})
		}
	}
	return list
}
