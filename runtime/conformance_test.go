package wasmrt_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// What a module is and does is the same under every engine: results, traps, ends, refusals.

func TestCallsReturnWhatTheGuestReturns(t *testing.T) {
	var a assembly
	for _, n := range []wasmbin.ValType{asm.I32, asm.I64, asm.F32, asm.F64} {
		a.Func(n.String(), asm.Types(n), asm.Types(n), asm.Get(0))
	}
	a.Func("sum", asm.Types(asm.I32, asm.I64), asm.Types(asm.I64), asm.Get(0), asm.Op(wasmbin.OpI64ExtendI32U), asm.Get(1), asm.Op(wasmbin.OpI64Add))
	a.Func("two", nil, asm.Types(asm.I32, asm.I64), asm.Const32(1), asm.Const64(2))
	a.Func("none", asm.Types(asm.F64), nil)
	a.Func("neg32", asm.Types(asm.F32), asm.Types(asm.F32), asm.Get(0), asm.Op(asm.OpF32Neg))
	a.Func("neg64", asm.Types(asm.F64), asm.Types(asm.F64), asm.Get(0), asm.Op(asm.OpF64Neg))
	sixteen := slices.Repeat(asm.Types(asm.I64), 16)
	a.Func("sixteen", sixteen, asm.Types(asm.I64), asm.Get(15))
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		s := sandbox(t, load(t, open, wasm), wasmrt.SandboxConfig{})
		for _, v := range []int32{0, 1, -1, math.MinInt32, math.MaxInt32} {
			want(t, "an i32", int32(call(t, s, "i32", uint64(uint32(v)))), v)
		}
		for _, v := range []int64{0, -1, math.MinInt64, math.MaxInt64, 0x0123456789abcdef} {
			want(t, "an i64", int64(call(t, s, "i64", uint64(v))), v)
		}
		for _, v := range []float32{0, -1.5, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(-1))} {
			want(t, "an f32", math.Float32frombits(uint32(call(t, s, "f32", uint64(math.Float32bits(v))))), v)
			want(t, "-f32", math.Float32frombits(uint32(call(t, s, "neg32", uint64(math.Float32bits(v))))), -v)
		}
		for _, v := range []float64{0, -1.5, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1)} {
			want(t, "an f64", math.Float64frombits(call(t, s, "f64", math.Float64bits(v))), v)
			want(t, "-f64", math.Float64frombits(call(t, s, "neg64", math.Float64bits(v))), -v)
		}
		const nan64, nan32 = 0x7ff8_0000_dead_beef, 0x7fc0_beef
		want(t, "a NaN of 64 bits", call(t, s, "f64", nan64), nan64)
		want(t, "a NaN of 32 bits", uint32(call(t, s, "f32", nan32)), nan32)
		want(t, "the sum", call(t, s, "sum", 0xffff_ffff, 1), 1<<32)
		call(t, s, "i64", math.MaxUint64)
		want(t, "the first of two results", call(t, s, "two"), 1)
		want(t, "no result", call(t, s, "none", 0), 0)
		params := make([]uint64, 16)
		params[15] = 15
		want(t, "the last of sixteen parameters", call(t, s, "sixteen", params...), 15)
	})
}

func TestTrapsAreTold(t *testing.T) {
	var a assembly
	write := a.WASI("fd_write", asm.I32, asm.I32, asm.I32, asm.I32)
	drop := asm.Op(wasmbin.OpDrop)
	a.Memory(1, 1)
	a.Tag()
	a.Bytes(asm.Const32(0), "\x08\x00\x00\x00\x05\x00\x00\x00last ") // an iovec of what follows it
	other := a.Func("", asm.Types(asm.I64), nil)
	a.Table(3, other)
	indirect := asm.Op(wasmbin.OpCallIndirect, a.Type(nil, nil), 0)
	cases := []struct {
		name string
		want engine.TrapCode
		code [][]byte
	}{
		{"unreachable", engine.TrapUnreachable, [][]byte{asm.Op(wasmbin.OpUnreachable)}},
		{"load", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(asm.Page - 3), asm.Access(wasmbin.OpI32Load, 2), drop}},
		{"load far", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(-1), asm.Op(wasmbin.OpI32Load, 2, math.MaxUint32), drop}},
		{"store", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(-4), asm.Const32(0), asm.Access(asm.OpI32Store, 2)}},
		{"fill", engine.TrapMemoryOutOfBounds, [][]byte{asm.Const32(1), asm.Const32(0), asm.Const32(asm.Page), asm.Op(wasmbin.OpMemoryFill, 0)}},
		{"call beyond the table", engine.TrapTableOutOfBounds, [][]byte{asm.Const32(3), indirect}},
		{"call of another type", engine.TrapIndirectCall, [][]byte{asm.Const32(0), indirect}},
		{"division by zero", engine.TrapDivideByZero, [][]byte{asm.Const32(1), asm.Const32(0), asm.Op(asm.OpI32DivS), drop}},
		{"division overflow", engine.TrapIntegerOverflow, [][]byte{asm.Const32(math.MinInt32), asm.Const32(-1), asm.Op(asm.OpI32DivS), drop}},
		{"float too large", engine.TrapIntegerOverflow, [][]byte{asm.ConstF64(1e300), asm.Op(asm.OpI64TruncF64), drop}},
		{"not a number", engine.TrapInvalidConversion, [][]byte{asm.ConstF32(float32(math.NaN())), asm.Op(asm.OpI32TruncF32), drop}},
		{"exception", engine.TrapException, [][]byte{asm.Op(wasmbin.OpThrow, 0)}},
	}
	for _, c := range cases {
		inner := a.Func("", nil, nil, c.code...)
		a.Func(c.name, nil, nil,
			asm.Const32(2), asm.Const32(0), asm.Const32(1), asm.Const32(32), asm.CallFunc(write), drop,
			asm.CallFunc(inner))
	}
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		// Memory ends where its limit is, or else where its room does.
		cfg := wasmrt.SandboxConfig{MemoryBytes: asm.Page}
		m := load(t, open, wasm)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := sandbox(t, m, cfg)
				_, err := s.Call(t.Context(), c.name)
				f := faultOf(t, err, spec.GuestTrap)
				want(t, "the type", f.Type, "trap")
				want(t, "the message", f.Message, c.want.String())
				want(t, "the end of stderr", f.Stderr, "last ")
				want(t, "whether there is an exit status", f.Exit != nil, false)
				// Of an exception the stack is unwound when it is found that nobody catches.
				if frames := strings.Count(f.Stack, "\n") + 1; c.want != engine.TrapException && (f.Stack == "" || frames < 2) {
					t.Errorf("the stack is not that of two functions: %q", f.Stack)
				}
				if !errors.Is(err, spec.WorkerCrashed) || !strings.Contains(err.Error(), c.name) || !strings.Contains(err.Error(), m.Digest().Short()) {
					t.Errorf("the error does not say what failed: %v", err)
				}
				_, err = s.Call(t.Context(), c.name)
				wantKind(t, err, spec.WorkerCrashed)
			})
		}
	})
}

func TestTheFaultHasTheEndOfStderr(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var stdout, stderr bytes.Buffer
		s := sandbox(t, load(t, open, notebook()), wasmrt.SandboxConfig{Stdout: &stdout, Stderr: &stderr})
		const at, n = asm.Page, 3 * spec.StderrTail / 2
		call(t, s, "fill", at, 'a', n)
		call(t, s, "fill", at+n-1, 'z', 1)
		want(t, "the errno", call(t, s, "write", 2, at, n), 0)
		want(t, "the errno", call(t, s, "write", 1, at, 3), 0)
		_, err := s.Call(t.Context(), "trap")
		want(t, "what the fault has", faultOf(t, err, spec.GuestTrap).Stderr, strings.Repeat("a", spec.StderrTail-1)+"z")
		want(t, "stderr", stderr.String(), strings.Repeat("a", n-1)+"z")
		want(t, "stdout", stdout.String(), "aaa")
	})
}

func TestAGuestThatExits(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for _, status := range []int32{0, 1, 77, -1, math.MaxInt32} {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			_, err := s.Call(t.Context(), "exit", uint64(uint32(status)))
			f := faultOf(t, err, spec.GuestExit)
			want(t, "the type", f.Type, "exit")
			if f.Exit == nil || *f.Exit != status || !strings.Contains(f.Message, strconv.Itoa(int(status))) {
				t.Errorf("an exit with status %d is %+v", status, f)
			}
			_, err = s.Call(t.Context(), "count")
			wantKind(t, err, spec.WorkerCrashed)
		}
	})
}

func TestGoGuestsEnd(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, guest(t, goGuest))
		_, err := sandbox(t, m, wasmrt.SandboxConfig{}).Call(t.Context(), "panics")
		// A Go library crashes where a Go program would exit.
		if f := faultOf(t, err, spec.GuestTrap); !strings.HasPrefix(f.Stderr, "panic: boom\n\ngoroutine 1") {
			t.Errorf("a panic is %+v", f)
		}
		_, err = sandbox(t, m, wasmrt.SandboxConfig{}).Call(t.Context(), "exit", 3)
		want(t, "the status", *faultOf(t, err, spec.GuestExit).Exit, 3)
	})
}

func TestCallsThatCannotBe(t *testing.T) {
	var a assembly
	a.Memory(1)
	a.Func("add", asm.Types(asm.I32, asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Get(1), asm.Op(wasmbin.OpI32Add))
	a.Func("vector", asm.Types(asm.V128), nil)
	a.Func("long", slices.Repeat(asm.Types(asm.I64), 17), nil)
	a.Func("manifold", nil, slices.Repeat(asm.Types(asm.I64), 17), slices.Repeat(asm.Const64(1), 17))
	a.Func("long enough", slices.Repeat(asm.Types(asm.I64), 16), asm.Types(asm.I64), asm.Get(15))
	a.Func("reference", nil, asm.Types(wasmbin.FuncRef), asm.Op(wasmbin.OpRefNull, uint32(wasmbin.FuncRef)))
	a.Export("memory", wasmbin.KindMemory, 0)
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, wasm)
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		for _, name := range []string{"sub", "", "ADD", "memory", "vector", "reference", "long", "manifold"} {
			want(t, "that the module has "+strconv.Quote(name), m.HasExport(name), false)
			want(t, "that the sandbox has "+strconv.Quote(name), s.HasExport(name), false)
			_, err := s.Call(t.Context(), name)
			wantKind(t, err, spec.FunctionNotFound)
			if !strings.Contains(err.Error(), strconv.Quote(name)) {
				t.Errorf("the error does not name %q: %v", name, err)
			}
		}
		for _, params := range [][]uint64{nil, {1}, {1, 2, 3}} {
			_, err := s.Call(t.Context(), "add", params...)
			wantKind(t, err, spec.InvalidArgument)
			if !strings.Contains(err.Error(), "2 parameters, got "+strconv.Itoa(len(params))) {
				t.Errorf("the error does not say how many: %v", err)
			}
		}
		sixteen := make([]uint64, 16)
		sixteen[15] = 7
		want(t, "that there is a long enough one", m.HasExport("long enough"), true)
		want(t, "what one of 16 parameters returns", call(t, s, "long enough", sixteen...), 7)
		want(t, "that there is an add", m.HasExport("add") && s.HasExport("add"), true)
		want(t, "the sum after calls that could not be", call(t, s, "add", 1, 2), 3)
		check(t, s.Close())
		_, err := s.Call(t.Context(), "add", 1, 2)
		wantKind(t, err, spec.WorkerCrashed)
		check(t, s.Close())
	})
}

func TestTheHostsErrorIsTheCalls(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		own := errors.New("the host's own")
		for _, e := range []struct {
			err  error
			kind spec.Kind
		}{
			{spec.Errorf("serve", spec.ObjectLost, "object 1", "it is gone"), spec.ObjectLost},
			{own, spec.System},
		} {
			s := sandbox(t, m, wasmrt.SandboxConfig{Owner: failing(e.err)})
			_, err := s.Call(t.Context(), "ask", 1)
			wantKind(t, err, e.kind)
			if !errors.Is(err, e.err) {
				t.Errorf("%v is lost in %v", e.err, err)
			}
			_, err = s.Call(t.Context(), "count")
			wantKind(t, err, spec.WorkerCrashed)
		}
	})
}

func TestModulesAreRefused(t *testing.T) {
	valid := func(change func(a *assembly)) []byte {
		var a assembly
		change(&a)
		a.Func("f", nil, nil)
		return a.Binary()
	}
	whole := valid(func(*assembly) {})
	badType := valid(func(a *assembly) { a.Func("bad", nil, asm.Types(asm.I32), asm.Const64(1)) })
	cases := []struct {
		name string
		wasm []byte
		kind spec.Kind
		says []string
	}{
		{"nothing", nil, spec.InvalidModule, nil},
		{"text", []byte("(module)"), spec.InvalidModule, nil},
		{"cut short", whole[:len(whole)-1], spec.InvalidModule, nil},
		{"another version", append([]byte("\x00asm\x02\x00\x00\x00"), whole[8:]...), spec.InvalidModule, nil},
		{"code of the wrong type", badType, spec.InvalidModule, nil},
		{"too large", make([]byte, spec.MaxModuleBytes+1), spec.LimitExceeded, []string{"128 MiB"}},
		{"a table that is too large", valid(func(a *assembly) { a.Table(wasmrt.MaxTableEntries + 1) }), spec.InvalidModule, nil},
		{"a data segment beyond the memory", valid(func(a *assembly) { a.Memory(1); a.Bytes(asm.Const32(asm.Page-1), "ab") }), spec.GuestTrap, []string{"out of bounds"}},
		{"unknown functions", valid(func(a *assembly) {
			a.Import("env", "missing", asm.Types(asm.I32, asm.I64), asm.Types(asm.F32))
			a.Import("other", "gone", nil, nil)
			a.importAsk()
			a.Import("wasi_snapshot_preview1", "fd_read", asm.Types(asm.I64), asm.Types(asm.I32))
		}), spec.UnknownImport, []string{"env.missing (i32, i64) -> f32", "other.gone ()", "wasi_snapshot_preview1.fd_read (i64) -> i32 (this host's is (i32, i32, i32, i32) -> i32)"}},
		{"a memory from the host", valid(func(a *assembly) { a.ImportOther("m", wasmbin.KindMemory, 0, 1) }), spec.UnknownImport, []string{"env.m memory"}},
		{"a table from the host", valid(func(a *assembly) { a.ImportOther("t", wasmbin.KindTable, byte(wasmbin.FuncRef), 0, 1) }), spec.UnknownImport, []string{"env.t table"}},
		{"a global from the host", valid(func(a *assembly) { a.ImportOther("g", wasmbin.KindGlobal, byte(asm.I32), 1) }), spec.UnknownImport, []string{"env.g global"}},
		{"many unknown functions", valid(func(a *assembly) {
			for n := range 25 {
				a.Import("env", "f"+strconv.Itoa(n), nil, nil)
			}
		}), spec.UnknownImport, []string{"env.f0 ()", "env.f19 ()", "and 5 more"}},
		{"the host's own function", valid(func(a *assembly) { a.Import("__ray", "tick", nil, nil) }), spec.UnknownImport, []string{"__ray.tick"}},
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		rt := openRuntime(t, open)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				_, err := rt.Load(t.Context(), c.wasm, wasmrt.LoadConfig{})
				wantKind(t, err, c.kind)
				for _, text := range c.says {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%q is not in: %v", text, err)
					}
				}
			})
		}
	})
}

func TestWhatIsKnownOfAModule(t *testing.T) {
	var a assembly
	a.importAsk()
	a.Exit()
	a.Memory(2, 7)
	a.Func("f", asm.Types(asm.I32, asm.F64), asm.Types(asm.I64), asm.Const64(0))
	a.Export("m", wasmbin.KindMemory, 0)
	a.Export("g", wasmbin.KindGlobal, a.Global(asm.I32, false, asm.Const32(1)))
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, wasm)
		want(t, "the digest", m.Digest(), spec.DigestOf(wasm))
		info := m.Info()
		want(t, "the digest", info.Digest, spec.DigestOf(wasm).String())
		want(t, "the size", info.Bytes, int64(len(wasm)))
		want(t, "the smallest memory", info.MemoryMin, 2*asm.Page)
		want(t, "the largest memory", info.MemoryMax, 7*asm.Page)
		want(t, "the size of the image", info.ImageBytes, 2*asm.Page)
		want(t, "whether it is metered", info.Metered, true)
		want(t, "the reasons for no image", len(info.NoSnapshot), 0)
		if imports := []wasmrt.Import{
			{Module: "env", Name: "ask", Signature: "(i64) -> i64", Granted: true},
			{Module: "wasi_snapshot_preview1", Name: "proc_exit", Signature: "(i32)", Granted: true},
		}; !slices.Equal(info.Imports, imports) {
			t.Errorf("it imports %+v", info.Imports)
		}
		if exports := []wasmrt.Export{
			{Name: "f", Kind: "func", Signature: "(i32, f64) -> i64"},
			{Name: "m", Kind: "memory"},
			{Name: "g", Kind: "global"},
		}; !slices.Equal(info.Exports, exports) {
			t.Errorf("it exports %+v", info.Exports)
		}
	})
}

// order is a guest whose memory says in which order its parts ran.
func order() []byte {
	var a assembly
	a.Memory(1)
	n := a.Global(asm.I32, true, asm.Const32(1))
	note := a.Func("", asm.Types(asm.I32), nil, // writes letter and number
		asm.GetGlobal(n), asm.Get(0), asm.Access(asm.OpI32Store8, 0), asm.GetGlobal(n), asm.Const32(1), asm.Op(wasmbin.OpI32Add), asm.SetGlobal(n))
	start := a.Func("", nil, nil, asm.Const32('s'), asm.CallFunc(note))
	a.Start = &start
	a.Func("_initialize", nil, nil, asm.Const32('i'), asm.CallFunc(note))
	a.Func("warm", nil, nil, asm.Const32('w'), asm.CallFunc(note))
	a.Func("call", nil, asm.Types(asm.I32), asm.Const32('c'), asm.CallFunc(note), asm.Const32(0), asm.Access(wasmbin.OpI32Load, 2))
	a.Bytes(asm.Const32(0), "d")
	return a.Binary()
}

func TestTheOrderOfInitialisation(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		for text, cfg := range map[string]wasmrt.LoadConfig{
			"dsic": {},
			"dsiw": warm(do("warm")), // and then c
		} {
			m, err := openRuntime(t, open).Load(t.Context(), order(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				word := uint32(call(t, sandbox(t, m, wasmrt.SandboxConfig{}), "call"))
				want(t, "the order", string([]byte{byte(word), byte(word >> 8), byte(word >> 16), byte(word >> 24)}), text)
			}
		}
	})
}

func TestInitialisationFails(t *testing.T) {
	initialise := func(code ...[]byte) []byte {
		var a assembly
		exit := a.Exit()
		a.Memory(1)
		a.Func("_initialize", nil, nil, slices.Concat(append(code, asm.Const32(4), asm.CallFunc(exit))...))
		return a.Binary()
	}
	var a assembly
	start := a.Func("", nil, nil, asm.Op(wasmbin.OpUnreachable))
	a.Start = &start
	everyEngine(t, func(t *testing.T, open engine.Open) {
		rt := openRuntime(t, open)
		for _, c := range []struct {
			name string
			wasm []byte
			kind spec.Kind
		}{
			{"exit", initialise(), spec.GuestExit},
			{"trap", initialise(asm.Op(wasmbin.OpUnreachable)), spec.GuestTrap},
			{"trap in the start function", a.Binary(), spec.GuestTrap},
		} {
			_, err := rt.Load(t.Context(), c.wasm, wasmrt.LoadConfig{})
			faultOf(t, err, c.kind)
			if !strings.Contains(err.Error(), "initialise") {
				t.Errorf("%s: the error does not say what failed: %v", c.name, err)
			}
		}
		cold := errors.New("it stays cold")
		_, err := rt.Load(t.Context(), order(), wasmrt.LoadConfig{Warm: func(context.Context, *wasmrt.Sandbox) ([]byte, error) { return nil, cold }})
		if !errors.Is(err, cold) {
			t.Errorf("got %v", err)
		}
	})
}

func TestModulesWithoutMemory(t *testing.T) {
	var a assembly
	n := a.Global(asm.I64, true, asm.Const64(1000))
	a.Func("count", nil, asm.Types(asm.I64), asm.GetGlobal(n), asm.Const64(1), asm.Op(wasmbin.OpI64Add), asm.SetGlobal(n), asm.GetGlobal(n))
	a.Func("_initialize", nil, nil, asm.Const64(2000), asm.SetGlobal(n))
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, wasm)
		want(t, "the size of the image", m.Info().ImageBytes, 0)
		for range 3 {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			want(t, "the first count", call(t, s, "count"), 2001)
			want(t, "the second count", call(t, s, "count"), 2002)
			want(t, "the memory", s.Usage().Memory, 0)
			check(t, s.Close())
		}
	})
}

func TestModulesWithoutAnImage(t *testing.T) {
	counter := func(change func(a *assembly)) []byte {
		var a assembly
		change(&a)
		n := a.Global(asm.I64, true, asm.Const64(0))
		count := a.Func("count", nil, asm.Types(asm.I64), asm.GetGlobal(n), asm.Const64(1), asm.Op(wasmbin.OpI64Add), asm.SetGlobal(n), asm.GetGlobal(n))
		a.Table(4, count)
		a.Func("_initialize", nil, nil, asm.Const64(1000), asm.SetGlobal(n))
		return a.Binary()
	}
	tableOp := func(code ...[]byte) func(a *assembly) {
		return func(a *assembly) { a.Func("change", nil, nil, code...) }
	}
	null := asm.Op(wasmbin.OpRefNull, uint32(wasmbin.FuncRef))
	drop, zero := asm.Op(wasmbin.OpDrop), asm.Const32(0)
	for _, c := range []struct {
		name, reason string
		change       func(a *assembly)
	}{
		{"table.set", "table.set", tableOp(zero, null, asm.Op(wasmbin.OpTableSet, 0))},
		{"table.grow", "table.grow", tableOp(null, zero, asm.Op(wasmbin.OpTableGrow, 0), drop)},
		{"table.copy", "table.copy", tableOp(zero, zero, zero, asm.Op(wasmbin.OpTableCopy, 0, 0))},
		{"table.fill", "table.fill", tableOp(zero, null, zero, asm.Op(wasmbin.OpTableFill, 0))},
		{"table.init", "table.init", tableOp(zero, zero, zero, asm.Op(wasmbin.OpTableInit, 0, 0))},
		{"elem.drop", "elem.drop", tableOp(asm.Op(wasmbin.OpElemDrop, 0))},
		{"a global of references", "funcref", func(a *assembly) { a.Global(wasmbin.FuncRef, true, null) }},
		{"a global of vectors", "v128", func(a *assembly) { a.Global(asm.V128, true, append(asm.Op(wasmbin.OpV128Const), make([]byte, 16)...)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			wasm := counter(c.change)
			everyEngine(t, func(t *testing.T, open engine.Open) {
				warmed := 0
				m, err := openRuntime(t, open).Load(t.Context(), wasm, wasmrt.LoadConfig{Warm: func(ctx context.Context, s *wasmrt.Sandbox) ([]byte, error) {
					warmed++
					return nil, run(ctx, s, do("count"))
				}})
				if err != nil {
					t.Fatal(err)
				}
				info := m.Info()
				if len(info.NoSnapshot) != 1 || !strings.Contains(info.NoSnapshot[0], c.reason) {
					t.Errorf("the reasons are %q, want one that names %q", info.NoSnapshot, c.reason)
				}
				want(t, "the image", info.ImageDigest, "")
				want(t, "how often it was warmed", warmed, 1)
				for range 3 {
					s := sandbox(t, m, wasmrt.SandboxConfig{})
					want(t, "the first count", call(t, s, "count"), 1001)
					want(t, "the second count", call(t, s, "count"), 1002)
					check(t, s.Close())
				}
			})
		})
	}
}

func TestCommands(t *testing.T) {
	command := func(code func(exit uint32) []byte) []byte {
		var a assembly
		write, exit := a.WASI("fd_write", asm.I32, asm.I32, asm.I32, asm.I32), a.Exit()
		a.Memory(1)
		a.Bytes(asm.Const32(0), "\x08\x00\x00\x00\x05\x00\x00\x00hello")
		a.Func("_start", nil, nil, asm.Const32(1), asm.Const32(0), asm.Const32(1), asm.Const32(32), asm.CallFunc(write), asm.Op(wasmbin.OpDrop), code(exit))
		return a.Binary()
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		for _, c := range []struct {
			name   string
			code   func(exit uint32) []byte
			status int32 // -1: none
		}{
			{"returns", func(uint32) []byte { return nil }, -1},
			{"exits with 0", func(exit uint32) []byte { return join(asm.Const32(0), asm.CallFunc(exit)) }, 0},
			{"exits with 3", func(exit uint32) []byte { return join(asm.Const32(3), asm.CallFunc(exit)) }, 3},
		} {
			m := load(t, open, command(c.code))
			for range 2 {
				var out bytes.Buffer
				s := sandbox(t, m, wasmrt.SandboxConfig{Stdout: &out})
				want(t, "the output before _start is called", out.String(), "")
				_, err := s.Call(t.Context(), "_start")
				want(t, "the output", out.String(), "hello")
				switch {
				case c.status >= 0:
					want(t, "the status", *faultOf(t, err, spec.GuestExit).Exit, c.status)
				case err != nil:
					t.Errorf("%s: %v", c.name, err)
				}
				check(t, s.Close())
			}
		}
	})
}
