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
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// What a module is and does is the same under every engine: results, traps, ends, refusals.

func TestCallsReturnWhatTheGuestReturns(t *testing.T) {
	var a assembly
	for _, n := range []wasmbin.ValType{i32, i64, f32, f64} {
		a.fn(n.String(), types(n), types(n), get(0))
	}
	a.fn("sum", types(i32, i64), types(i64), get(0), op(wasmbin.OpI64ExtendI32U), get(1), op(wasmbin.OpI64Add))
	a.fn("two", nil, types(i32, i64), const32(1), const64(2))
	a.fn("none", types(f64), nil)
	a.fn("neg32", types(f32), types(f32), get(0), op(opF32Neg))
	a.fn("neg64", types(f64), types(f64), get(0), op(opF64Neg))
	sixteen := slices.Repeat(types(i64), 16)
	a.fn("sixteen", sixteen, types(i64), get(15))
	wasm := a.wasm()
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
	write := a.wasi("fd_write", i32, i32, i32, i32)
	drop := op(wasmbin.OpDrop)
	a.memory(1, 1)
	a.tag()
	a.bytes(const32(0), "\x08\x00\x00\x00\x05\x00\x00\x00last ") // an iovec of what follows it
	other := a.fn("", types(i64), nil)
	a.table(3, other)
	indirect := op(wasmbin.OpCallIndirect, a.typ(nil, nil), 0)
	cases := []struct {
		name string
		want engine.TrapCode
		code [][]byte
	}{
		{"unreachable", engine.TrapUnreachable, [][]byte{op(wasmbin.OpUnreachable)}},
		{"load", engine.TrapMemoryOutOfBounds, [][]byte{const32(page - 3), access(wasmbin.OpI32Load, 2), drop}},
		{"load far", engine.TrapMemoryOutOfBounds, [][]byte{const32(-1), op(wasmbin.OpI32Load, 2, math.MaxUint32), drop}},
		{"store", engine.TrapMemoryOutOfBounds, [][]byte{const32(-4), const32(0), access(opI32Store, 2)}},
		{"fill", engine.TrapMemoryOutOfBounds, [][]byte{const32(1), const32(0), const32(page), op(wasmbin.OpMemoryFill, 0)}},
		{"call beyond the table", engine.TrapTableOutOfBounds, [][]byte{const32(3), indirect}},
		{"call of another type", engine.TrapIndirectCall, [][]byte{const32(0), indirect}},
		{"division by zero", engine.TrapDivideByZero, [][]byte{const32(1), const32(0), op(opI32DivS), drop}},
		{"division overflow", engine.TrapIntegerOverflow, [][]byte{const32(math.MinInt32), const32(-1), op(opI32DivS), drop}},
		{"float too large", engine.TrapIntegerOverflow, [][]byte{constF64(1e300), op(opI64TruncF64), drop}},
		{"not a number", engine.TrapInvalidConversion, [][]byte{constF32(float32(math.NaN())), op(opI32TruncF32), drop}},
		{"exception", engine.TrapException, [][]byte{op(wasmbin.OpThrow, 0)}},
	}
	for _, c := range cases {
		inner := a.fn("", nil, nil, c.code...)
		a.fn(c.name, nil, nil,
			const32(2), const32(0), const32(1), const32(32), callFunc(write), drop,
			callFunc(inner))
	}
	wasm := a.wasm()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		// Memory ends where its limit is, or else where its room does.
		cfg := wasmrt.SandboxConfig{MemoryBytes: page}
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
		const at, n = page, 3 * spec.StderrTail / 2
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
	a.memory(1)
	a.fn("add", types(i32, i32), types(i32), get(0), get(1), op(wasmbin.OpI32Add))
	a.fn("vector", types(v128), nil)
	a.fn("long", slices.Repeat(types(i64), 17), nil)
	a.fn("manifold", nil, slices.Repeat(types(i64), 17), slices.Repeat(const64(1), 17))
	a.fn("long enough", slices.Repeat(types(i64), 16), types(i64), get(15))
	a.fn("reference", nil, types(wasmbin.FuncRef), op(wasmbin.OpRefNull, uint32(wasmbin.FuncRef)))
	a.export("memory", wasmbin.KindMemory, 0)
	wasm := a.wasm()
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
		a.fn("f", nil, nil)
		return a.wasm()
	}
	whole := valid(func(*assembly) {})
	badType := valid(func(a *assembly) { a.fn("bad", nil, types(i32), const64(1)) })
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
		{"a table that is too large", valid(func(a *assembly) { a.table(wasmrt.MaxTableEntries + 1) }), spec.InvalidModule, nil},
		{"a data segment beyond the memory", valid(func(a *assembly) { a.memory(1); a.bytes(const32(page-1), "ab") }), spec.GuestTrap, []string{"out of bounds"}},
		{"unknown functions", valid(func(a *assembly) {
			a.imp("env", "missing", types(i32, i64), types(f32))
			a.imp("other", "gone", nil, nil)
			a.importAsk()
			a.imp("wasi_snapshot_preview1", "fd_read", types(i64), types(i32))
		}), spec.UnknownImport, []string{"env.missing (i32, i64) -> f32", "other.gone ()", "wasi_snapshot_preview1.fd_read (i64) -> i32 (this host's is (i32, i32, i32, i32) -> i32)"}},
		{"a memory from the host", valid(func(a *assembly) { a.importOther("m", wasmbin.KindMemory, 0, 1) }), spec.UnknownImport, []string{"env.m memory"}},
		{"a table from the host", valid(func(a *assembly) { a.importOther("t", wasmbin.KindTable, byte(wasmbin.FuncRef), 0, 1) }), spec.UnknownImport, []string{"env.t table"}},
		{"a global from the host", valid(func(a *assembly) { a.importOther("g", wasmbin.KindGlobal, byte(i32), 1) }), spec.UnknownImport, []string{"env.g global"}},
		{"many unknown functions", valid(func(a *assembly) {
			for n := range 25 {
				a.imp("env", "f"+strconv.Itoa(n), nil, nil)
			}
		}), spec.UnknownImport, []string{"env.f0 ()", "env.f19 ()", "and 5 more"}},
		{"the host's own function", valid(func(a *assembly) { a.imp("__ray", "tick", nil, nil) }), spec.UnknownImport, []string{"__ray.tick"}},
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
	a.exit()
	a.memory(2, 7)
	a.fn("f", types(i32, f64), types(i64), const64(0))
	a.export("m", wasmbin.KindMemory, 0)
	a.export("g", wasmbin.KindGlobal, a.global(i32, false, const32(1)))
	wasm := a.wasm()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, wasm)
		want(t, "the digest", m.Digest(), spec.DigestOf(wasm))
		info := m.Info()
		want(t, "the digest", info.Digest, spec.DigestOf(wasm).String())
		want(t, "the size", info.Bytes, int64(len(wasm)))
		want(t, "the smallest memory", info.MemoryMin, 2*page)
		want(t, "the largest memory", info.MemoryMax, 7*page)
		want(t, "the size of the image", info.ImageBytes, 2*page)
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
	a.memory(1)
	n := a.global(i32, true, const32(1))
	note := a.fn("", types(i32), nil, // writes letter and number
		getGlobal(n), get(0), access(opI32Store8, 0), getGlobal(n), const32(1), op(wasmbin.OpI32Add), setGlobal(n))
	start := a.fn("", nil, nil, const32('s'), callFunc(note))
	a.start = &start
	a.fn("_initialize", nil, nil, const32('i'), callFunc(note))
	a.fn("warm", nil, nil, const32('w'), callFunc(note))
	a.fn("call", nil, types(i32), const32('c'), callFunc(note), const32(0), access(wasmbin.OpI32Load, 2))
	a.bytes(const32(0), "d")
	return a.wasm()
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
		exit := a.exit()
		a.memory(1)
		a.fn("_initialize", nil, nil, slices.Concat(append(code, const32(4), callFunc(exit))...))
		return a.wasm()
	}
	var a assembly
	start := a.fn("", nil, nil, op(wasmbin.OpUnreachable))
	a.start = &start
	everyEngine(t, func(t *testing.T, open engine.Open) {
		rt := openRuntime(t, open)
		for _, c := range []struct {
			name string
			wasm []byte
			kind spec.Kind
		}{
			{"exit", initialise(), spec.GuestExit},
			{"trap", initialise(op(wasmbin.OpUnreachable)), spec.GuestTrap},
			{"trap in the start function", a.wasm(), spec.GuestTrap},
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
	n := a.global(i64, true, const64(1000))
	a.fn("count", nil, types(i64), getGlobal(n), const64(1), op(wasmbin.OpI64Add), setGlobal(n), getGlobal(n))
	a.fn("_initialize", nil, nil, const64(2000), setGlobal(n))
	wasm := a.wasm()
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
		n := a.global(i64, true, const64(0))
		count := a.fn("count", nil, types(i64), getGlobal(n), const64(1), op(wasmbin.OpI64Add), setGlobal(n), getGlobal(n))
		a.table(4, count)
		a.fn("_initialize", nil, nil, const64(1000), setGlobal(n))
		return a.wasm()
	}
	tableOp := func(code ...[]byte) func(a *assembly) {
		return func(a *assembly) { a.fn("change", nil, nil, code...) }
	}
	null := op(wasmbin.OpRefNull, uint32(wasmbin.FuncRef))
	drop, zero := op(wasmbin.OpDrop), const32(0)
	for _, c := range []struct {
		name, reason string
		change       func(a *assembly)
	}{
		{"table.set", "table.set", tableOp(zero, null, op(wasmbin.OpTableSet, 0))},
		{"table.grow", "table.grow", tableOp(null, zero, op(wasmbin.OpTableGrow, 0), drop)},
		{"table.copy", "table.copy", tableOp(zero, zero, zero, op(wasmbin.OpTableCopy, 0, 0))},
		{"table.fill", "table.fill", tableOp(zero, null, zero, op(wasmbin.OpTableFill, 0))},
		{"table.init", "table.init", tableOp(zero, zero, zero, op(wasmbin.OpTableInit, 0, 0))},
		{"elem.drop", "elem.drop", tableOp(op(wasmbin.OpElemDrop, 0))},
		{"a global of references", "funcref", func(a *assembly) { a.global(wasmbin.FuncRef, true, null) }},
		{"a global of vectors", "v128", func(a *assembly) { a.global(v128, true, append(op(wasmbin.OpV128Const), make([]byte, 16)...)) }},
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
		write, exit := a.wasi("fd_write", i32, i32, i32, i32), a.exit()
		a.memory(1)
		a.bytes(const32(0), "\x08\x00\x00\x00\x05\x00\x00\x00hello")
		a.fn("_start", nil, nil, const32(1), const32(0), const32(1), const32(32), callFunc(write), op(wasmbin.OpDrop), code(exit))
		return a.wasm()
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		for _, c := range []struct {
			name   string
			code   func(exit uint32) []byte
			status int32 // -1: none
		}{
			{"returns", func(uint32) []byte { return nil }, -1},
			{"exits with 0", func(exit uint32) []byte { return join(const32(0), callFunc(exit)) }, 0},
			{"exits with 3", func(exit uint32) []byte { return join(const32(3), callFunc(exit)) }, 3},
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
