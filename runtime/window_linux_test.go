package wasmrt_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/arena"
)

// viewer is a guest that asks the host, reads the byte at an address and writes another one there:
//
//	view(at, v) -> i32   what it read
//	look(at) -> i32      the same without asking and writing
//	crash(at)            asks and traps
func viewer() []byte {
	var a assembly
	ask := a.importAsk()
	drop := asm.Op(wasmbin.OpDrop)
	a.Memory(notebookPages)
	a.Bytes(asm.Const32(8192), "the image")
	extend := []byte{0xad} // i64.extend_i32_u
	asked := join(asm.Get(0), extend, asm.CallFunc(ask), drop)
	a.FuncLocals("view", asm.Types(asm.I32, asm.I32), asm.Types(asm.I32), asm.Types(asm.I32), asked, asm.Get(0), asm.Access(asm.OpI32Load8U, 0), asm.Set(2),
		asm.Get(0), asm.Get(1), asm.Access(asm.OpI32Store8, 0), asm.Get(2))
	a.Func("look", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Access(asm.OpI32Load8U, 0))
	a.Func("grow", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(wasmbin.OpMemoryGrow, 0))
	a.Func("crash", asm.Types(asm.I32), nil, asked, asm.Op(wasmbin.OpUnreachable))
	return a.Binary()
}

// shared is shared memory of size bytes, every one of them 0x77 to begin with.
func shared(tb testing.TB, size int64) *arena.Arena {
	tb.Helper()
	a, err := arena.Open(arena.Config{Size: size})
	check(tb, err)
	tb.Cleanup(func() { check(tb, a.Close()) })
	check(tb, a.Fill(0, bytes.Repeat([]byte{0x77}, int(size))))
	return a
}

// TestAWindowShowsAFileUntilTheCallEnds, wherever it is: in the image, across its end, and beyond. What the guest writes is
// its own, and the next sandbox finds no traces.
func TestAWindowShowsAFileUntilTheCallEnds(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		const grown = 400 // pages: headroom and more
		a := shared(t, 64*asm.Page)
		m := load(t, open, viewer())
		large := func(cfg wasmrt.SandboxConfig) *wasmrt.Sandbox {
			s := sandbox(t, m, cfg)
			call(t, s, "grow", grown)
			return s
		}
		for _, at := range []uint64{8192, notebookBytes - smallPage, notebookBytes + 4*asm.Page, notebookBytes + 250*asm.Page, notebookBytes + (grown-8)*asm.Page} {
			open, released := 0, 0
			owner := host(func(_ context.Context, g *engine.Guest, at uint64) (uint64, error) {
				open++
				return 0, g.Windows.Map(at, 7*asm.Page+5, int(a.File().Fd()), asm.Page, func() { released++ })
			})
			s := large(wasmrt.SandboxConfig{Owner: owner})
			was := call(t, s, "look", at)
			want(t, "what it reads in the window", call(t, s, "view", at, 0x55), 0x77)
			want(t, "how many windows were closed when the call ended", released, open)
			want(t, "what it reads afterwards", call(t, s, "look", at), was)
			want(t, "what it reads in another window", call(t, s, "view", at, 0x66), 0x77)
			if got := a.Readable(0, 64*asm.Page); !bytes.Equal(got, bytes.Repeat([]byte{0x77}, 64*asm.Page)) {
				t.Error("the file has changed")
			}
			want(t, "how many windows were closed", released, 2)
			check(t, s.Close())
			s = large(wasmrt.SandboxConfig{})
			want(t, "what the next sandbox reads", call(t, s, "look", at), was)
			want(t, "and one byte further", call(t, s, "look", at+1), call(t, large(wasmrt.SandboxConfig{}), "look", at+1))
			check(t, s.Close())
		}
	})
}

// TestAWindowIsClosedWhenItsGuestCrashes.
func TestAWindowIsClosedWhenItsGuestCrashes(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, 16*asm.Page)
		m := load(t, open, viewer())
		released := 0
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, at uint64) (uint64, error) {
			return 0, g.Windows.Map(at, 16*asm.Page, int(a.File().Fd()), 0, func() { released++ })
		})})
		_, err := s.Call(t.Context(), "crash", 8192)
		wantKind(t, err, spec.GuestTrap)
		check(t, s.Close())
		want(t, "how many windows were closed", released, 1)
		want(t, "what the next sandbox reads", call(t, sandbox(t, m, wasmrt.SandboxConfig{}), "look", 8192), 't')
	})
}

// TestWindowsThatCannotBe: none of these shows or releases anything.
func TestWindowsThatCannotBe(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, 16*asm.Page)
		fd := int(a.File().Fd())
		m := load(t, open, viewer())
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			end := uint64(len(g.Memory()))
			never := func() { t.Error("a window that was refused is released") }
			for _, w := range []struct {
				at, n uint64
				off   int64
			}{{1, asm.Page, 0}, {0, 0, 0}, {0, asm.Page, 1}, {0, asm.Page, -4096}, {end, 1, 0}, {end - 4096, 4097, 0}, {1 << 63, asm.Page, 0}, {0, 1 << 63, 0},
				{0, 1<<64 - 1, 0}, {1<<64 - 4096, 4096, 0}, {1<<64 - 4096, 8192, 0}} {
				if err := g.Windows.Map(w.at, w.n, fd, w.off, never); spec.KindOf(err) != spec.InvalidArgument {
					t.Errorf("%+v: %v", w, err)
				}
			}
			if err := g.Windows.Map(0, asm.Page, -1, 0, never); spec.KindOf(err) != spec.OutOfMemory {
				t.Errorf("no file: %v", err)
			}
			if err := g.Windows.Unmap(0); spec.KindOf(err) != spec.NotFound {
				t.Errorf("no window: %v", err)
			}
			released := 0
			for n := range uint64(spec.MaxWindows) {
				check(t, g.Windows.Map(n*2*smallPage, smallPage, fd, 0, func() { released++ }))
			}
			if err := g.Windows.Map(notebookBytes-smallPage, smallPage, fd, 0, never); spec.KindOf(err) != spec.LimitExceeded {
				t.Errorf("one more: %v", err)
			}
			check(t, g.Windows.Unmap(2*smallPage))
			want(t, "how many are closed", released, 1)
			for _, at := range []uint64{0, 3 * smallPage} {
				if err := g.Windows.Map(at, 2*smallPage, fd, 0, never); spec.KindOf(err) != spec.InvalidArgument {
					t.Errorf("over another at %d: %v", at, err)
				}
			}
			if g.Memory()[8192] != 't' || g.Memory()[0] != 0x77 {
				t.Errorf("in a closed window: %q, in an open one: %q", g.Memory()[8192], g.Memory()[0])
			}
			return 0, nil
		})})
		call(t, s, "view", 0, 0)
	})
}

// TestASandboxThatSawObjectsIsParked: what it wrote in a window is not part of its state.
func TestASandboxThatSawObjectsIsParked(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, 16*asm.Page)
		m := load(t, open, viewer())
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, at uint64) (uint64, error) {
			return 0, g.Windows.Map(at, 16*asm.Page, int(a.File().Fd()), 0, func() {})
		})})
		call(t, s, "view", 8192, 0x55)
		before, err := s.Checkpoint(wasmrt.CheckpointDelta)
		check(t, err)
		if len(before) > 8*smallPage {
			t.Errorf("its checkpoint has %d bytes", len(before))
		}
		s.Park()
		want(t, "what it reads when it goes on", call(t, s, "look", 8192), 't')
	})
}

// BenchmarkWindow compares an object in place with a copy of it, in a guest's memory.
func BenchmarkWindow(b *testing.B) {
	var a assembly
	ask := a.importAsk()
	a.Memory(1)
	a.Func("grow", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(wasmbin.OpMemoryGrow, 0))
	a.Func("ask", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.CallFunc(ask))
	for _, size := range []int{spec.MiB, 16 * spec.MiB, spec.GiB} {
		shared := shared(b, int64(size))
		fd := int(shared.File().Fd())
		for name, get := range map[string]host{
			"in place": func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
				return 0, g.Windows.Map(asm.Page, uint64(size), fd, 0, func() {})
			},
			"copy": func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
				return uint64(copy(g.Memory()[asm.Page:], shared.Readable(0, int64(size)))), nil
			},
		} {
			b.Run(fmt.Sprintf("%d MiB/%s", size/spec.MiB, name), func(b *testing.B) {
				s := sandbox(b, load(b, engines[0].open, a.Binary()), wasmrt.SandboxConfig{MemoryBytes: 2 * spec.GiB, Owner: get})
				want(b, "what it grew from", call(b, s, "grow", uint64(size/asm.Page)+1), 1)
				for b.Loop() {
					call(b, s, "ask", 0)
				}
			})
		}
	}
}
