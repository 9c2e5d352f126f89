package wasmrt_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/internal/guesttest"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// What a guest can make its host hold is bounded: memory, tables, stack, output.

const refusal = math.MaxUint32 // what memory.grow and table.grow return, as u32

func TestMemoryIsCapped(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for _, limit := range []int64{notebookBytes, notebookBytes + asm.Page, notebookBytes + 2*asm.Page - 1, 32 << 20, 100 << 20} {
			pages := uint32(limit / asm.Page)
			grows := pages - notebookPages
			cfg := wasmrt.SandboxConfig{MemoryBytes: limit}
			s := sandbox(t, m, cfg)
			want(t, "growth over the limit", uint32(call(t, s, "grow", uint64(grows+1))), refusal)
			want(t, "growth by all pages there are", uint32(call(t, s, "grow", 65536)), refusal)
			want(t, "growth by more pages than there are", uint32(call(t, s, "grow", math.MaxUint32)), refusal)
			want(t, "growth up to the limit", uint32(call(t, s, "grow", uint64(grows))), notebookPages)
			want(t, "growth by a page more", uint32(call(t, s, "grow", 1)), refusal)
			want(t, "growth by nothing", uint32(call(t, s, "grow", 0)), pages)
			want(t, "the size", uint32(call(t, s, "size")), pages)
			want(t, "the memory used", s.Usage().Memory, int64(pages)*asm.Page)
			end := uint64(pages) * asm.Page
			call(t, s, "poke", end-1, 0x55)
			want(t, "the last byte", uint32(call(t, s, "peek", end-1)), 0x55)
			check(t, s.Close())

			for name, write := range map[string]step{
				"the byte after the limit":  do("poke", end, 1),
				"a byte far after it":       do("poke", math.MaxUint32, 1),
				"bytes around it":           do("fill", end-1, 1, 2),
				"all that can be addressed": do("fill", 0, 1, math.MaxUint32),
			} {
				s = sandbox(t, m, cfg)
				if err := run(t.Context(), s, write); spec.KindOf(err) != spec.GuestTrap || !strings.Contains(err.Error(), engine.TrapMemoryOutOfBounds.String()) {
					t.Errorf("limit %d, a write to %s: %v", limit, name, err)
				}
				check(t, s.Close())
			}
			check(t, findTraces(t.Context(), m))
		}
	})
}

// Sandboxes with different limits do not take each other's place.
func TestLimitsAreTheSandboxs(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for range 2 {
			for _, pages := range []uint64{80, 70, 90} {
				s := sandbox(t, m, wasmrt.SandboxConfig{MemoryBytes: int64(pages) * asm.Page})
				want(t, "growth up to the limit", uint32(call(t, s, "grow", pages-notebookPages)), notebookPages)
				want(t, "growth by a page more", uint32(call(t, s, "grow", 1)), refusal)
				check(t, s.Close())
			}
		}
	})
}

func TestMemoryThatIsTooSmallForTheImage(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for _, limit := range []int64{-1, -1 << 20, -1 << 62, 1, asm.Page, notebookBytes - 1} {
			_, err := m.NewSandbox(t.Context(), wasmrt.SandboxConfig{MemoryBytes: limit})
			wantKind(t, err, spec.OutOfMemory)
			if !strings.Contains(err.Error(), "raise the memory option") {
				t.Errorf("a limit of %d: the error does not say what to do: %v", limit, err)
			}
		}
	})
}

// A module's own maximum holds, whatever the sandbox may have.
func TestTheDeclaredMaximumHolds(t *testing.T) {
	for _, c := range []struct{ min, max uint32 }{{0, 0}, {1, 1}, {1, 3}} {
		var a assembly
		a.Memory(c.min, c.max)
		a.Func("grow", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(wasmbin.OpMemoryGrow, 0))
		wasm := a.Binary()
		t.Run(fmt.Sprintf("%d to %d", c.min, c.max), func(t *testing.T) {
			everyEngine(t, func(t *testing.T, open engine.Open) {
				s := sandbox(t, load(t, open, wasm), wasmrt.SandboxConfig{})
				want(t, "growth over the maximum", uint32(call(t, s, "grow", uint64(c.max-c.min+1))), refusal)
				want(t, "growth to the maximum", uint32(call(t, s, "grow", uint64(c.max-c.min))), c.min)
				want(t, "growth by a page more", uint32(call(t, s, "grow", 1)), refusal)
			})
		})
	}
}

// A guest that dies because it got no more memory is out of memory, however it dies. One that can do without is not.
func TestOutOfMemory(t *testing.T) {
	const limit = 48 << 20
	cfg := wasmrt.SandboxConfig{MemoryBytes: limit}
	wantHunger := func(t *testing.T, err error) {
		t.Helper()
		f := faultOf(t, err, spec.OutOfMemory)
		if !strings.Contains(f.Message, "its limit of 48 MiB") {
			t.Errorf("the message does not name the limit: %s", f.Message)
		}
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		t.Run("notebook", func(t *testing.T) {
			m := load(t, open, notebook())
			s := sandbox(t, m, cfg)
			want(t, "growth over the limit", uint32(call(t, s, "grow", limit/asm.Page)), refusal)
			want(t, "the first count", call(t, s, "count"), 1001)
			_, err := s.Call(t.Context(), "trap")
			faultOf(t, err, spec.GuestTrap) // another call was refused memory, and got over it
		})
		t.Run("one call", func(t *testing.T) {
			var a assembly
			exit := a.Exit()
			a.Memory(1)
			grow := join(asm.Const32(limit/asm.Page), asm.Op(wasmbin.OpMemoryGrow, 0), asm.Op(wasmbin.OpDrop))
			a.Func("trap", nil, nil, grow, asm.Op(wasmbin.OpUnreachable))
			a.Func("exit", nil, nil, grow, asm.Const32(1), asm.CallFunc(exit))
			a.Func("return", nil, nil, grow)
			m := load(t, open, a.Binary())
			for _, end := range []string{"trap", "exit"} {
				_, err := sandbox(t, m, cfg).Call(t.Context(), end)
				wantHunger(t, err)
			}
			call(t, sandbox(t, m, cfg), "return")
		})
		t.Run("go", func(t *testing.T) {
			m := load(t, open, guest(t, goGuest))
			s := sandbox(t, m, cfg)
			_, err := s.Call(t.Context(), "hoard")
			wantHunger(t, err)
			if used := s.Usage().Memory; used <= limit/2 || used > limit {
				t.Errorf("it had %d bytes", used)
			}
			call(t, sandbox(t, m, cfg), "use", 10)
		})
		t.Run("c", func(t *testing.T) {
			guesttest.NeedClang(t)
			m := load(t, open, guest(t, cGuest))
			s := sandbox(t, m, cfg)
			if got := call(t, s, "hoard"); got < limit>>20/2 || got >= limit>>20 {
				t.Errorf("it got %d MiB of %d", got, limit>>20)
			}
			want(t, "the first count", call(t, s, "count"), 1001)
			_, err := sandbox(t, m, cfg).Call(t.Context(), "hoard_and_die")
			wantHunger(t, err)
		})
	})
}

func TestTablesAreCapped(t *testing.T) {
	var a assembly
	a.Table(1)
	null := asm.Op(wasmbin.OpRefNull, uint32(wasmbin.FuncRef))
	a.Func("grow", asm.Types(asm.I32), asm.Types(asm.I32), null, asm.Get(0), asm.Op(wasmbin.OpTableGrow, 0))
	a.Func("size", nil, asm.Types(asm.I32), asm.Op(wasmbin.OpTableSize, 0))
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		s := sandbox(t, load(t, open, wasm), wasmrt.SandboxConfig{})
		want(t, "growth over the limit", uint32(call(t, s, "grow", wasmrt.MaxTableEntries)), refusal)
		want(t, "growth by all entries there are", uint32(call(t, s, "grow", math.MaxUint32)), refusal)
		want(t, "growth up to the limit", uint32(call(t, s, "grow", wasmrt.MaxTableEntries-1)), 1)
		want(t, "growth by an entry more", uint32(call(t, s, "grow", 1)), refusal)
		want(t, "the size", uint32(call(t, s, "size")), wasmrt.MaxTableEntries)
	})
}

// deep is a guest that recurses: directly, through a table, through other functions, with large frames, and as deep as
// it is told to.
func deep() []byte {
	var a assembly
	one := func() []byte { return join(asm.Const64(1), asm.Op(wasmbin.OpI64Add)) }
	a.Func("direct", nil, asm.Types(asm.I64), asm.CallFunc(a.Next()), one())
	indirect := a.Func("indirect", nil, asm.Types(asm.I64), asm.Const32(0), asm.Op(wasmbin.OpCallIndirect, a.Type(nil, asm.Types(asm.I64)), 0), one())
	a.Table(1, indirect)
	a.Func("ping", nil, asm.Types(asm.I64), asm.CallFunc(a.Next()+1), one())
	a.Func("pong", nil, asm.Types(asm.I64), asm.CallFunc(a.Next()-1), one())
	a.FuncLocals("large", nil, asm.Types(asm.I64), slices.Repeat(asm.Types(asm.I64), 1000), asm.CallFunc(a.Next()), one())
	a.Func("down", asm.Types(asm.I32), asm.Types(asm.I64), asm.Get(0), asm.Op(asm.OpI32Eqz),
		asm.Block(wasmbin.OpIf, asm.Const64(0), asm.Op(wasmbin.OpReturn)),
		asm.Get(0), asm.Const32(1), asm.Op(wasmbin.OpI32Sub), asm.CallFunc(a.Next()), one())
	return a.Binary()
}

func TestRecursionWithoutEnd(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, deep())
		for _, export := range []string{"direct", "indirect", "ping", "large"} {
			for range 3 {
				s := sandbox(t, m, wasmrt.SandboxConfig{})
				_, err := s.Call(t.Context(), export)
				f := faultOf(t, err, spec.StackOverflow)
				if !strings.Contains(f.Message, "too deep") {
					t.Errorf("%s: the message does not say what happened: %s", export, f.Message)
				}
				check(t, s.Close())
			}
		}
		const depth = 20_000
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		for range 3 { // what has returned takes no stack
			want(t, "a recursion with an end", call(t, s, "down", depth), depth)
		}
	})
}

func TestGoRecursionWithoutEnd(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, guest(t, goGuest))
		_, err := sandbox(t, m, wasmrt.SandboxConfig{}).Call(t.Context(), "recurse", 1<<40)
		faultOf(t, err, spec.StackOverflow)
		want(t, "a recursion with an end", call(t, sandbox(t, m, wasmrt.SandboxConfig{}), "recurse", 10_000), 10_000*1000)
	})
}

// volume counts bytes.
type volume int64

func (v *volume) Write(b []byte) (int, error) { *v += volume(len(b)); return len(b), nil }

func TestOutputIsCapped(t *testing.T) {
	const most = 64 << 20 // of stdout and stderr together
	const edquot = 19
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for range 2 { // it is counted anew in every sandbox
			var stdout, stderr volume
			s := sandbox(t, m, wasmrt.SandboxConfig{Stdout: &stdout, Stderr: &stderr})
			const n = 4 << 20
			for k := range uint64(most / n) {
				want(t, "the errno", call(t, s, "write", 1+k%2, 0, n), 0)
			}
			for fd := range uint64(2) {
				want(t, "the errno of too much", call(t, s, "write", 1+fd, 0, 1), edquot)
			}
			want(t, "stdout", stdout, most/2)
			want(t, "stderr", stderr, most/2)
			check(t, s.Close())
		}
	})
}

// After any number of attacks the host holds no more than before.
func TestAttacksLeaveNothing(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		rt := openRuntime(t, open)
		var modules []*wasmrt.Module
		for _, wasm := range [][]byte{notebook(), attacker(), deep()} {
			m, err := rt.Load(t.Context(), wasm, wasmrt.LoadConfig{})
			if err != nil {
				t.Fatal(err)
			}
			modules = append(modules, m)
		}
		note, attack, recurse := modules[0], modules[1], modules[2]
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		list := []struct {
			m     *wasmrt.Module
			ctx   context.Context
			steps []step
		}{
			{note, nil, []step{do("trap")}},
			{note, nil, []step{do("exit", 1)}},
			{note, nil, []step{do("grow", 2000), do("dirty", 0, asm.Page, 2000), do("trap")}},
			{note, nil, []step{do("write", 2, 0, 4<<20), do("write", 2, 0, 4<<20), do("trap")}},
			{note, ctx, []step{do("spin")}},
			{attack, nil, []step{do("loop")}},
			{attack, nil, []step{do("random numbers")}},
			{attack, nil, []step{do("exceptions")}},
			{recurse, nil, []step{do("direct")}},
			{recurse, nil, []step{do("large")}},
		}
		round := func() {
			for _, c := range list {
				s, err := c.m.NewSandbox(t.Context(), wasmrt.SandboxConfig{MemoryBytes: 200 << 20})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				if c.ctx != nil {
					ctx = c.ctx
				}
				if err := run(ctx, s, c.steps...); err == nil {
					t.Errorf("%v did not fail", c.steps)
				}
				cancel()
				check(t, s.Close())
			}
		}
		round()
		before := heap()
		for range rounds {
			round()
		}
		const most = 16 << 20
		if grown := heap() - before; grown > most {
			t.Errorf("%d attacks left %s on the heap", rounds*len(list), spec.FormatBytes(grown))
		}
		check(t, findTraces(t.Context(), note))
	})
}

// heap returns how many bytes of the host's heap are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what has a finalizer is gone after the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
