package wasmrt_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// host is what the Owner of a sandbox is in these tests: what its guest's import env.ask does.
type host func(ctx context.Context, g *engine.Guest, question uint64) (uint64, error)

// nobody is the answer that a guest gets whose sandbox has no Owner.
const nobody = 0xdead

// hostFuncs are what the guests of these tests may import beside WASI.
var hostFuncs = []engine.HostFunc{{
	Module: "env", Name: "ask", Params: types(i64), Results: types(i64),
	Func: func(ctx context.Context, g *engine.Guest, stack []uint64) (err error) {
		owner, ok := g.Owner.(host)
		if !ok {
			stack[0] = nobody
			return nil
		}
		stack[0], err = owner(ctx, g, stack[0])
		return err
	},
}}

// importAsk imports env.ask.
func (a *assembly) importAsk() uint32 { return a.imp("env", "ask", types(i64), types(i64)) }

// waitForEnd waits until the call's context ends.
func waitForEnd(ctx context.Context, _ *engine.Guest, _ uint64) (uint64, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// failing is a host that ends the guest's call.
func failing(err error) host {
	return func(context.Context, *engine.Guest, uint64) (uint64, error) { return 0, err }
}

// The notebook is the guest of most tests. It does on demand what leaves traces, in every kind of state that there is.
// Its image is notebookImage: notebookPages pages, every one of them different from all zeros.
//
//	peek(addr) -> i32          one byte of memory
//	poke(addr, v)
//	fill(addr, v, n)           memory.fill
//	dirty(addr, step, n)       writes n bytes that are step bytes apart
//	size() -> i32, grow(n) -> i32
//	set_T(v), get_T() -> T     a global of type T
//	count() -> i64             how often it was called
//	ask(x) -> i64              what the host answers
//	trap(), exit(status), spin()
//	args(), environ()          how many there are; the texts are at notebookTexts then
//	open() -> i32              the descriptor of /secret.txt, opened, or minus the errno
//	read(fd, addr, n) -> i32   the errno
//	write(fd, addr, n) -> i32  the errno
//	sleep(ns)
//	clock(id) -> i64           nanoseconds
//	began(id) -> i64           what that was at the end of its initialisation, after a sleep of notebookSlept
const (
	notebookPages = 64
	notebookTexts = 2048
	notebookSlept = 90 * 60 * 1e9 // nanoseconds, more than frozen clocks move
	notebookText  = "the image of a notebook"
	notebookFile  = "secret.txt"

	// Where it keeps what it passes to WASI.
	notebookPath   = 512
	notebookBuffer = 1024 // an iovec
	notebookResult = 1032
	notebookPoll   = 1040 // a subscription
	notebookEvent  = 1088
)

var notebook = sync.OnceValue(func() []byte {
	var a assembly
	ask, exit := a.importAsk(), a.exit()
	argsSizes, args := a.wasi("args_sizes_get", i32, i32), a.wasi("args_get", i32, i32)
	environSizes, environ := a.wasi("environ_sizes_get", i32, i32), a.wasi("environ_get", i32, i32)
	open := a.wasi("path_open", i32, i32, i32, i32, i32, i64, i64, i32, i32)
	read, write := a.wasi("fd_read", i32, i32, i32, i32), a.wasi("fd_write", i32, i32, i32, i32)
	poll, clock := a.wasi("poll_oneoff", i32, i32, i32, i32), a.wasi("clock_time_get", i32, i64, i32)
	drop := op(wasmbin.OpDrop)
	result := join(const32(notebookResult), access(wasmbin.OpI32Load, 2))

	a.memory(notebookPages)
	a.bytes(const32(0), notebookText)
	a.bytes(const32(notebookPath), notebookFile)

	a.fn("peek", types(i32), types(i32), get(0), access(opI32Load8U, 0))
	a.fn("poke", types(i32, i32), nil, get(0), get(1), access(opI32Store8, 0))
	a.fn("fill", types(i32, i32, i32), nil, get(0), get(1), get(2), op(wasmbin.OpMemoryFill, 0))
	a.fn("dirty", types(i32, i32, i32), nil, block(wasmbin.OpLoop,
		get(0), const32(0xaa), access(opI32Store8, 0),
		get(0), get(1), op(wasmbin.OpI32Add), set(0),
		add32(2, -1), get(2), op(wasmbin.OpBrIf, 0)))
	a.fn("size", nil, types(i32), op(wasmbin.OpMemorySize, 0))
	a.fn("grow", types(i32), types(i32), get(0), op(wasmbin.OpMemoryGrow, 0))
	for _, g := range []struct {
		t    wasmbin.ValType
		init []byte
	}{{i32, const32(-1)}, {i64, const64(-1)}, {f32, constF32(-1)}, {f64, constF64(-1)}} {
		global := a.global(g.t, true, g.init)
		a.fn("set_"+g.t.String(), types(g.t), nil, get(0), setGlobal(global))
		a.fn("get_"+g.t.String(), nil, types(g.t), getGlobal(global))
	}
	n := a.global(i64, true, const64(1000))
	a.fn("count", nil, types(i64), getGlobal(n), const64(1), op(wasmbin.OpI64Add), setGlobal(n), getGlobal(n))

	a.fn("ask", types(i64), types(i64), get(0), callFunc(ask))
	a.fn("trap", nil, nil, op(wasmbin.OpUnreachable))
	a.fn("exit", types(i32), nil, get(0), callFunc(exit))
	a.fn("spin", nil, nil, forever())

	texts := func(name string, sizes, texts uint32) {
		a.fn(name, nil, types(i32),
			const32(notebookResult), const32(notebookResult+4), callFunc(sizes), drop,
			const32(notebookResult+8), const32(notebookTexts), callFunc(texts), drop,
			result)
	}
	texts("args", argsSizes, args)
	texts("environ", environSizes, environ)
	a.fnLocals("open", nil, types(i32), types(i32),
		const32(3), const32(0), const32(notebookPath), const32(int32(len(notebookFile))), const32(0),
		const64(2), const64(0), const32(0), const32(notebookResult), callFunc(open), set(0),
		get(0), block(wasmbin.OpIf, const32(0), get(0), op(wasmbin.OpI32Sub), op(wasmbin.OpReturn)),
		result)
	transfer := func(name string, f uint32) {
		a.fn(name, types(i32, i32, i32), types(i32),
			const32(notebookBuffer), get(1), access(opI32Store, 2),
			const32(notebookBuffer+4), get(2), access(opI32Store, 2),
			get(0), const32(notebookBuffer), const32(1), const32(notebookResult), callFunc(f))
	}
	transfer("read", read)
	transfer("write", write)
	sleep := a.fn("sleep", types(i64), nil,
		const32(notebookPoll+16), const32(1), access(opI32Store, 2), // the monotonic clock
		const32(notebookPoll+24), get(0), access(opI64Store, 3),
		const32(notebookPoll), const32(notebookEvent), const32(1), const32(notebookResult), callFunc(poll), drop)
	now := a.fn("clock", types(i32), types(i64),
		get(0), const64(0), const32(notebookResult), callFunc(clock), drop,
		const32(notebookResult), access(opI64Load, 3))
	began := []uint32{a.global(i64, true, const64(0)), a.global(i64, true, const64(0))}
	a.fn("began", types(i32), types(i64),
		get(0), block(wasmbin.OpIf, getGlobal(began[1]), op(wasmbin.OpReturn)), getGlobal(began[0]))

	a.fnLocals("_initialize", nil, nil, types(i32),
		const64(notebookSlept), callFunc(sleep),
		const32(0), callFunc(now), setGlobal(began[0]),
		const32(1), callFunc(now), setGlobal(began[1]),
		const32(notebookBuffer), const32(0), const32(page-notebookBuffer), op(wasmbin.OpMemoryFill, 0),
		const32(page), set(0),
		block(wasmbin.OpLoop,
			get(0), get(0), op(wasmbin.OpI64ExtendI32U), const64(notebookFactor), op(wasmbin.OpI64Mul), access(opI64Store, 3),
			add32(0, 8), get(0), const32(notebookPages*page), op(opI32LtU), op(wasmbin.OpBrIf, 0)))
	return a.wasm()
})

// notebookFactor times its address is every word of the notebook's image but the first page's.
const notebookFactor = 0x1e3779b97f4a7c15

// notebookImage is what the memory of every new notebook is.
var notebookImage = sync.OnceValue(func() []byte {
	image := make([]byte, notebookPages*page)
	copy(image, notebookText)
	copy(image[notebookPath:], notebookFile)
	for addr := uint64(page); addr < uint64(len(image)); addr += 8 {
		binary.LittleEndian.PutUint64(image[addr:], addr*notebookFactor)
	}
	return image
})

// join writes one piece of code after the other.
func join(code ...[]byte) (all []byte) {
	for _, c := range code {
		all = append(all, c...)
	}
	return all
}

// goGuest is testdata/guests/go, built.
var goGuest = buildGo("go")

// buildGo returns what builds a Go guest of testdata/guests, once.
func buildGo(name string) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		return build(name+".wasm", func(out string) *exec.Cmd {
			c := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./testdata/guests/"+name)
			c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
			return c
		})
	})
}

// clang builds C guests.
const clang = "clang-19"

// cGuest is testdata/guests/c, built.
var cGuest = sync.OnceValues(func() ([]byte, error) {
	return build("c.wasm", func(out string) *exec.Cmd {
		return exec.Command(clang, "--target=wasm32-wasi", "--sysroot=/usr", "-mexec-model=reactor", "-O2", "-Wall", "-Werror",
			"-o", out, "testdata/guests/c/main.c")
	})
})

// build runs a compiler that writes a guest to out.
func build(name string, compiler func(out string) *exec.Cmd) ([]byte, error) {
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, name)
	if text, err := compiler(out).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w: %s", name, err, text)
	}
	return os.ReadFile(out)
}

// guest is one of the built guests.
func guest(t testing.TB, built func() ([]byte, error)) []byte {
	t.Helper()
	wasm, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// needClang skips a test of C guests where none can be built.
func needClang(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath(clang); err != nil {
		t.Skipf("%s is not installed: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32", clang)
	}
}
