package wasmrt_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/arena"
)

// viewer is a guest that asks the host, gets an address, reads the byte there and writes another one:
//
//	view(n, v) -> asm.I32     what it read
//	look(at) -> asm.I32       the byte at an address, without asking
//	grow(pages) -> asm.I32    as memory.grow, when it has asked
//	crash(n)              asks and traps
func viewer() []byte {
	var a assembly
	ask := a.importAsk()
	a.Memory(notebookPages)
	a.Bytes(asm.Const32(8192), "the image")
	extend, wrap := []byte{0xad}, []byte{0xa7} // i64.extend_i32_u, i32.wrap_i64
	asked := join(asm.Get(0), extend, asm.CallFunc(ask), wrap)
	a.FuncLocals("view", asm.Types(asm.I32, asm.I32), asm.Types(asm.I32), asm.Types(asm.I32), asked, asm.Set(0), asm.Get(0), asm.Access(asm.OpI32Load8U, 0), asm.Set(2),
		asm.Get(0), asm.Get(1), asm.Access(asm.OpI32Store8, 0), asm.Get(2))
	a.Func("look", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Access(asm.OpI32Load8U, 0))
	a.Func("grow", asm.Types(asm.I32), asm.Types(asm.I32), asked, asm.Op(wasmbin.OpDrop), asm.Get(0), asm.Op(wasmbin.OpMemoryGrow, 0))
	a.Func("crash", asm.Types(asm.I32), nil, asked, asm.Op(wasmbin.OpDrop), asm.Op(wasmbin.OpUnreachable))
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

// mapped is n bytes of an arena from off on, to be mapped.
func mapped(a *arena.Arena, off int64, n uint64) engine.Shown {
	return engine.Shown{Size: n, FD: int(a.File().Fd()), Off: off}
}

// copied is n bytes that are to be copied.
func copied(a *arena.Arena, off int64, n uint64) engine.Shown {
	return engine.Shown{Bytes: a.Readable(off, int64(n)), FD: -1}
}

// TestAWindowShowsAnObjectUntilTheCallEnds, mapped or copied, from small ones to one that needs nearly all of the limit. What
// the guest writes is its own, and the next sandbox finds no traces.
func TestAWindowShowsAnObjectUntilTheCallEnds(t *testing.T) {
	const limit = 256 * asm.Page
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, limit)
		m := load(t, open, viewer())
		for name, form := range map[string]func(*arena.Arena, int64, uint64) engine.Shown{"mapped": mapped, "copied": copied} {
			for _, n := range []uint64{1, smallPage, 7*asm.Page + 5, limit - 70*asm.Page} {
				opened, released, at := 0, 0, uint32(0)
				owner := host(func(_ context.Context, g *engine.Guest, n uint64) (r uint64, err error) {
					opened++
					at, err = g.Windows.Open(form(a, asm.Page, n), func() { released++ })
					if tail := g.Memory()[uint64(at)+n:][:-n%smallPage]; name == "copied" && len(bytes.Trim(tail, "\x00")) > 0 {
						t.Error("zeros do not follow what was copied")
					}
					return uint64(at), err
				})
				cfg := wasmrt.SandboxConfig{Owner: owner, MemoryBytes: limit}
				s := sandbox(t, m, cfg)
				want(t, name+": what it reads in the window", call(t, s, "view", n, 0x55), 0x77)
				want(t, "how many windows were closed when the call ended", released, opened)
				want(t, "what it reads afterwards", call(t, s, "look", uint64(at)), 0)
				want(t, "what it reads in another window", call(t, s, "view", n, 0x66), 0x77)
				if got := a.Readable(0, limit); !bytes.Equal(got, bytes.Repeat([]byte{0x77}, limit)) {
					t.Error("the object has changed")
				}
				want(t, "how many windows were closed", released, 2)
				check(t, s.Close())
				s = sandbox(t, m, cfg)
				want(t, "what the next sandbox reads", call(t, s, "look", uint64(at)), 0)
				want(t, "and at the end", call(t, s, "look", limit-1), 0)
				want(t, "and in the image", call(t, s, "look", 8192), 't')
				check(t, s.Close())
			}
		}
	})
}

// TestAWindowIsClosedWhenItsGuestCrashes.
func TestAWindowIsClosedWhenItsGuestCrashes(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, 16*asm.Page)
		m := load(t, open, viewer())
		released := 0
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, n uint64) (uint64, error) {
			_, err := g.Windows.Open(mapped(a, 0, n), func() { released++ })
			return 0, err
		})})
		_, err := s.Call(t.Context(), "crash", 8192)
		wantKind(t, err, spec.GuestTrap)
		check(t, s.Close())
		want(t, "how many windows were closed", released, 1)
	})
}

// TestAWindowOfSeveralTurns stays open from one to the next, is the guest's until it is closed, and never in what is kept.
func TestAWindowOfSeveralTurns(t *testing.T) {
	const limit, n = 256 * asm.Page, 3 * asm.Page
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, limit)
		m := load(t, open, viewer())
		at, released := uint32(0), 0
		cfg := wasmrt.SandboxConfig{MemoryBytes: limit, Owner: host(func(_ context.Context, g *engine.Guest, n uint64) (r uint64, err error) {
			if n == 0 {
				return 0, g.Windows.Close(at)
			}
			at, err = g.Windows.Open(mapped(a, asm.Page, n), func() { released++ })
			return uint64(at), err
		})}
		s := sandbox(t, m, cfg)
		enter := func(export string, params ...uint64) int {
			t.Helper()
			got, err := s.Enter(t.Context(), export, params...)
			check(t, err)
			return int(int32(uint32(got)))
		}
		want(t, "what it reads in the window", enter("view", n, 0x55), 0x77)
		want(t, "what it reads in the next turn, which it wrote", enter("look", uint64(at)), 0x55)
		want(t, "how many windows were closed", released, 0)
		want(t, "what it reads when it has closed it", enter("view", 0, 0), 0)
		want(t, "how many windows were closed", released, 1)
		want(t, "what it reads there then", enter("look", uint64(at)), 0)
		for what, keep := range map[string]func(){
			"a checkpoint":  func() { _, err := s.Checkpoint(wasmrt.CheckpointFull); check(t, err) },
			"parking":       func() { s.Park() },
			"an only call":  func() { call(t, s, "look", 0) },
			"the sandbox's": func() { check(t, s.Close()); s = sandbox(t, m, cfg) },
		} {
			before := released
			want(t, "what it reads in the window", enter("view", n, 0x55), 0x77)
			keep()
			want(t, "how many windows were closed by "+what+" end", released-before, 1)
			want(t, "what it reads there afterwards", enter("look", uint64(at)), 0)
		}
		if got := a.Readable(0, limit); !bytes.Equal(got, bytes.Repeat([]byte{0x77}, limit)) {
			t.Error("the object has changed")
		}
		check(t, s.Close())
	})
}

// TestAGuestDoesNotGrowIntoAWindow, and it does when that is closed. What it has grown to is no room for windows.
func TestAGuestDoesNotGrowIntoAWindow(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		const limitPages = 128
		a := shared(t, asm.Page)
		m := load(t, open, viewer())
		var g *engine.Guest
		s := sandbox(t, m, wasmrt.SandboxConfig{MemoryBytes: limitPages * asm.Page, Owner: host(func(_ context.Context, guest *engine.Guest, _ uint64) (uint64, error) {
			g = guest
			_, err := g.Windows.Open(mapped(a, 0, 1), func() {})
			return 0, err
		})})
		const free = limitPages - notebookPages
		want(t, "to grow over a window", int32(call(t, s, "grow", free)), int32(-1))
		want(t, "to grow up to it", int32(call(t, s, "grow", free-1)), int32(notebookPages))
		s.SetOwner(host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			if _, err := g.Windows.Open(mapped(a, 0, asm.Page+1), func() {}); spec.KindOf(err) != spec.OutOfMemory || !strings.Contains(err.Error(), "raise the memory option") {
				t.Errorf("a window over what the guest has: %v", err)
			}
			return 0, nil
		}))
		want(t, "to grow where the window was", int32(call(t, s, "grow", 1)), int32(limitPages-1))
	})
}

// TestWindowsThatCannotBe: none of these shows or releases anything.
func TestWindowsThatCannotBe(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, 16*asm.Page)
		fd := int(a.File().Fd())
		m := load(t, open, viewer())
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			never := func() { t.Error("a window that was refused is released") }
			for _, w := range []struct {
				show engine.Shown
				kind spec.Kind
			}{
				{engine.Shown{FD: fd}, spec.InvalidArgument},
				{engine.Shown{FD: -1}, spec.InvalidArgument},
				{engine.Shown{FD: fd, Size: asm.Page, Off: 1}, spec.InvalidArgument},
				{engine.Shown{FD: fd, Size: asm.Page, Off: -4096}, spec.InvalidArgument},
				{engine.Shown{FD: fd, Size: 1 << 63}, spec.OutOfMemory},
				{engine.Shown{FD: fd, Size: 1<<64 - 1}, spec.OutOfMemory},
				{engine.Shown{FD: fd, Size: spec.DefaultSandboxMemory}, spec.OutOfMemory},
				{engine.Shown{FD: 1 << 20, Size: asm.Page}, spec.OutOfMemory},
				{engine.Shown{FD: fd, Size: asm.Page, Write: true}, spec.OutOfMemory}, // the file is read-only
			} {
				if _, err := g.Windows.Open(w.show, never); spec.KindOf(err) != w.kind {
					t.Errorf("%+v: %v, want %v", w.show, err, w.kind)
				}
			}
			if err := g.Windows.Close(0); spec.KindOf(err) != spec.NotFound {
				t.Errorf("no window to close: %v", err)
			}
			if err := g.Windows.Turn(0, mapped(a, 0, 1)); spec.KindOf(err) != spec.NotFound {
				t.Errorf("no window to turn: %v", err)
			}
			released := 0
			var at [spec.MaxWindows]uint32
			for n := range at {
				var err error
				at[n], err = g.Windows.Open(mapped(a, 0, asm.Page), func() { released++ })
				check(t, err)
			}
			if _, err := g.Windows.Open(mapped(a, 0, asm.Page), never); spec.KindOf(err) != spec.LimitExceeded {
				t.Errorf("one more: %v", err)
			}
			if err := g.Windows.Turn(at[0], mapped(a, 0, asm.Page+1)); spec.KindOf(err) != spec.InvalidArgument {
				t.Errorf("to show something longer: %v", err)
			}
			check(t, g.Windows.Close(at[2]))
			want(t, "how many are closed", released, 1)
			again, err := g.Windows.Open(copied(a, 0, asm.Page), func() {})
			check(t, err)
			want(t, "where a window of the same length is opened", again, at[2])
			check(t, g.Windows.Turn(at[1], copied(a, 0, asm.Page)))
			g.Memory()[at[1]] = 1
			if a.Readable(0, 1)[0] != 0x77 {
				t.Error("a copy is written through")
			}
			return uint64(at[0]), nil
		})})
		call(t, s, "view", 0, 0)
	})
}

// TestAGuestWritesAnObjectInPlace: its writes go to the file until the window is turned, and nowhere afterwards.
func TestAGuestWritesAnObjectInPlace(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, 4*asm.Page)
		m := load(t, open, viewer())
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			released := 0
			at, err := g.Windows.Open(engine.Shown{Size: 2 * asm.Page, FD: int(a.Writer().Fd()), Off: asm.Page, Write: true}, func() { released++ })
			check(t, err)
			g.Memory()[at+1] = 0x11
			want(t, "what is in the file", a.Readable(asm.Page, 2)[1], 0x11)
			check(t, g.Windows.Turn(at, mapped(a, asm.Page, 2*asm.Page)))
			want(t, "what was released", released, 0)
			g.Memory()[at+1] = 0x22
			g.Memory()[at+asm.Page] = 0x22
			return uint64(at), nil
		})})
		want(t, "what the guest reads", call(t, s, "view", 0, 0x22), 0x77)
		if got := a.Readable(asm.Page, 2); got[0] != 0x77 || got[1] != 0x11 || a.Readable(2*asm.Page, 1)[0] != 0x77 {
			t.Errorf("the object has changed: %x", got)
		}
	})
}

// TestASandboxThatSawObjectsIsParked: what it wrote in a window is not part of its state.
func TestASandboxThatSawObjectsIsParked(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, 16*asm.Page)
		m := load(t, open, viewer())
		s := sandbox(t, m, wasmrt.SandboxConfig{MemoryBytes: 128 * asm.Page, Owner: host(func(_ context.Context, g *engine.Guest, n uint64) (uint64, error) {
			at, err := g.Windows.Open(mapped(a, 0, n), func() {})
			return uint64(at), err
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

// TestAModuleWithoutMemoryHasNoWindows.
func TestAModuleWithoutMemoryHasNoWindows(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		a := shared(t, asm.Page)
		var module assembly
		ask := module.importAsk()
		module.Func("ask", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.CallFunc(ask))
		s := sandbox(t, load(t, open, module.Binary()), wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			if _, err := g.Windows.Open(mapped(a, 0, 1), func() {}); spec.KindOf(err) != spec.Unsupported {
				t.Errorf("a window of no memory: %v", err)
			}
			return 0, nil
		})})
		call(t, s, "ask", 0)
	})
}

// BenchmarkWindow compares an object in place with a copy of it, in a guest's memory.
func BenchmarkWindow(b *testing.B) {
	var a assembly
	ask := a.importAsk()
	a.Memory(1)
	a.Func("ask", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.CallFunc(ask))
	for _, size := range []int{spec.MiB, 16 * spec.MiB, spec.GiB} {
		shared := shared(b, int64(size))
		for name, form := range map[string]func(*arena.Arena, int64, uint64) engine.Shown{"in place": mapped, "copy": copied} {
			b.Run(fmt.Sprintf("%d MiB/%s", size/spec.MiB, name), func(b *testing.B) {
				s := sandbox(b, load(b, engines[0].open, a.Binary()), wasmrt.SandboxConfig{MemoryBytes: 2 * spec.GiB, Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
					at, err := g.Windows.Open(form(shared, 0, uint64(size)), func() {})
					return uint64(at), err
				})})
				for b.Loop() {
					call(b, s, "ask", 0)
				}
			})
		}
	}
}
