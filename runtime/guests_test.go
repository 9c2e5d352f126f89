package wasmrt_test

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/internal/guesttest"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// host is what the Owner of a sandbox is in these tests: what its guest's import env.ask does.
type host func(ctx context.Context, g *engine.Guest, question uint64) (uint64, error)

// nobody is the answer that a guest gets whose sandbox has no Owner.
const nobody = 0xdead

// hostFuncs are what the guests of these tests may import beside WASI.
var hostFuncs = []engine.HostFunc{{
	Module: "env", Name: "ask", Params: asm.Types(asm.I64), Results: asm.Types(asm.I64),
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

// assembly is a module under construction.
type assembly struct{ asm.Module }

// importAsk imports env.ask.
func (a *assembly) importAsk() uint32 {
	return a.Import("env", "ask", asm.Types(asm.I64), asm.Types(asm.I64))
}

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
	ask, exit := a.importAsk(), a.Exit()
	argsSizes, args := a.WASI("args_sizes_get", asm.I32, asm.I32), a.WASI("args_get", asm.I32, asm.I32)
	environSizes, environ := a.WASI("environ_sizes_get", asm.I32, asm.I32), a.WASI("environ_get", asm.I32, asm.I32)
	open := a.WASI("path_open", asm.I32, asm.I32, asm.I32, asm.I32, asm.I32, asm.I64, asm.I64, asm.I32, asm.I32)
	read, write := a.WASI("fd_read", asm.I32, asm.I32, asm.I32, asm.I32), a.WASI("fd_write", asm.I32, asm.I32, asm.I32, asm.I32)
	poll, clock := a.WASI("poll_oneoff", asm.I32, asm.I32, asm.I32, asm.I32), a.WASI("clock_time_get", asm.I32, asm.I64, asm.I32)
	drop := asm.Op(wasmbin.OpDrop)
	result := join(asm.Const32(notebookResult), asm.Access(wasmbin.OpI32Load, 2))

	a.Memory(notebookPages)
	a.Bytes(asm.Const32(0), notebookText)
	a.Bytes(asm.Const32(notebookPath), notebookFile)

	a.Func("peek", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Access(asm.OpI32Load8U, 0))
	a.Func("poke", asm.Types(asm.I32, asm.I32), nil, asm.Get(0), asm.Get(1), asm.Access(asm.OpI32Store8, 0))
	a.Func("fill", asm.Types(asm.I32, asm.I32, asm.I32), nil, asm.Get(0), asm.Get(1), asm.Get(2), asm.Op(wasmbin.OpMemoryFill, 0))
	a.Func("dirty", asm.Types(asm.I32, asm.I32, asm.I32), nil, asm.Block(wasmbin.OpLoop,
		asm.Get(0), asm.Const32(0xaa), asm.Access(asm.OpI32Store8, 0),
		asm.Get(0), asm.Get(1), asm.Op(wasmbin.OpI32Add), asm.Set(0),
		asm.Add32(2, -1), asm.Get(2), asm.Op(wasmbin.OpBrIf, 0)))
	a.Func("size", nil, asm.Types(asm.I32), asm.Op(wasmbin.OpMemorySize, 0))
	a.Func("grow", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(wasmbin.OpMemoryGrow, 0))
	for _, g := range []struct {
		t    wasmbin.ValType
		init []byte
	}{{asm.I32, asm.Const32(-1)}, {asm.I64, asm.Const64(-1)}, {asm.F32, asm.ConstF32(-1)}, {asm.F64, asm.ConstF64(-1)}} {
		global := a.Global(g.t, true, g.init)
		a.Func("set_"+g.t.String(), asm.Types(g.t), nil, asm.Get(0), asm.SetGlobal(global))
		a.Func("get_"+g.t.String(), nil, asm.Types(g.t), asm.GetGlobal(global))
	}
	n := a.Global(asm.I64, true, asm.Const64(1000))
	a.Func("count", nil, asm.Types(asm.I64), asm.GetGlobal(n), asm.Const64(1), asm.Op(wasmbin.OpI64Add), asm.SetGlobal(n), asm.GetGlobal(n))

	a.Func("ask", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.CallFunc(ask))
	a.Func("trap", nil, nil, asm.Op(wasmbin.OpUnreachable))
	a.Func("exit", asm.Types(asm.I32), nil, asm.Get(0), asm.CallFunc(exit))
	a.Func("spin", nil, nil, asm.Forever())

	texts := func(name string, sizes, texts uint32) {
		a.Func(name, nil, asm.Types(asm.I32),
			asm.Const32(notebookResult), asm.Const32(notebookResult+4), asm.CallFunc(sizes), drop,
			asm.Const32(notebookResult+8), asm.Const32(notebookTexts), asm.CallFunc(texts), drop,
			result)
	}
	texts("args", argsSizes, args)
	texts("environ", environSizes, environ)
	a.FuncLocals("open", nil, asm.Types(asm.I32), asm.Types(asm.I32),
		asm.Const32(3), asm.Const32(0), asm.Const32(notebookPath), asm.Const32(int32(len(notebookFile))), asm.Const32(0),
		asm.Const64(2), asm.Const64(0), asm.Const32(0), asm.Const32(notebookResult), asm.CallFunc(open), asm.Set(0),
		asm.Get(0), asm.Block(wasmbin.OpIf, asm.Const32(0), asm.Get(0), asm.Op(wasmbin.OpI32Sub), asm.Op(wasmbin.OpReturn)),
		result)
	transfer := func(name string, f uint32) {
		a.Func(name, asm.Types(asm.I32, asm.I32, asm.I32), asm.Types(asm.I32),
			asm.Const32(notebookBuffer), asm.Get(1), asm.Access(asm.OpI32Store, 2),
			asm.Const32(notebookBuffer+4), asm.Get(2), asm.Access(asm.OpI32Store, 2),
			asm.Get(0), asm.Const32(notebookBuffer), asm.Const32(1), asm.Const32(notebookResult), asm.CallFunc(f))
	}
	transfer("read", read)
	transfer("write", write)
	sleep := a.Func("sleep", asm.Types(asm.I64), nil,
		asm.Const32(notebookPoll+16), asm.Const32(1), asm.Access(asm.OpI32Store, 2), // the monotonic clock
		asm.Const32(notebookPoll+24), asm.Get(0), asm.Access(asm.OpI64Store, 3),
		asm.Const32(notebookPoll), asm.Const32(notebookEvent), asm.Const32(1), asm.Const32(notebookResult), asm.CallFunc(poll), drop)
	now := a.Func("clock", asm.Types(asm.I32), asm.Types(asm.I64),
		asm.Get(0), asm.Const64(0), asm.Const32(notebookResult), asm.CallFunc(clock), drop,
		asm.Const32(notebookResult), asm.Access(asm.OpI64Load, 3))
	began := []uint32{a.Global(asm.I64, true, asm.Const64(0)), a.Global(asm.I64, true, asm.Const64(0))}
	a.Func("began", asm.Types(asm.I32), asm.Types(asm.I64),
		asm.Get(0), asm.Block(wasmbin.OpIf, asm.GetGlobal(began[1]), asm.Op(wasmbin.OpReturn)), asm.GetGlobal(began[0]))

	a.FuncLocals("_initialize", nil, nil, asm.Types(asm.I32),
		asm.Const64(notebookSlept), asm.CallFunc(sleep),
		asm.Const32(0), asm.CallFunc(now), asm.SetGlobal(began[0]),
		asm.Const32(1), asm.CallFunc(now), asm.SetGlobal(began[1]),
		asm.Const32(notebookBuffer), asm.Const32(0), asm.Const32(asm.Page-notebookBuffer), asm.Op(wasmbin.OpMemoryFill, 0),
		asm.Const32(asm.Page), asm.Set(0),
		asm.Block(wasmbin.OpLoop,
			asm.Get(0), asm.Get(0), asm.Op(wasmbin.OpI64ExtendI32U), asm.Const64(notebookFactor), asm.Op(wasmbin.OpI64Mul), asm.Access(asm.OpI64Store, 3),
			asm.Add32(0, 8), asm.Get(0), asm.Const32(notebookPages*asm.Page), asm.Op(asm.OpI32LtU), asm.Op(wasmbin.OpBrIf, 0)))
	return a.Binary()
})

// notebookFactor times its address is every word of the notebook's image but the first page's.
const notebookFactor = 0x1e3779b97f4a7c15

// notebookImage is what the memory of every new notebook is.
var notebookImage = sync.OnceValue(func() []byte {
	image := make([]byte, notebookPages*asm.Page)
	copy(image, notebookText)
	copy(image[notebookPath:], notebookFile)
	for addr := uint64(asm.Page); addr < uint64(len(image)); addr += 8 {
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
var goGuest = guesttest.Go("testdata/guests/go")

// cGuest is testdata/guests/c, built.
var cGuest = guesttest.C("testdata/guests/c/main.c")

// guest is one of the built guests.
func guest(t testing.TB, built func() ([]byte, error)) []byte {
	t.Helper()
	wasm, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}
