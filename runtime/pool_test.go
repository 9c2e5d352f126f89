package wasmrt_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
)

// Instances are used again by the next sandbox of their module; how many wait for that is bounded and shared fairly.

// pocket is a small module, one of many that differ by a number.
func pocket(number int32) []byte {
	var a assembly
	a.Memory(1)
	a.Func("number", nil, asm.Types(asm.I32), asm.Const32(number))
	a.Func("poke", asm.Types(asm.I32, asm.I32), nil, asm.Get(0), asm.Get(1), asm.Access(asm.OpI32Store8, 0))
	return a.Binary()
}

// loadCounted loads a module into a runtime, whose instances are counted from now on.
func loadCounted(t *testing.T, rt *wasmrt.Runtime, count *counter, wasm []byte) *wasmrt.Module {
	t.Helper()
	m, err := rt.Load(t.Context(), wasm, wasmrt.LoadConfig{})
	if err != nil {
		t.Fatal(err)
	}
	count.made.Store(0)
	count.freed.Store(0)
	return m
}

// openAndClose has so many sandboxes of a module open at once.
func openAndClose(t *testing.T, m *wasmrt.Module, n int) {
	t.Helper()
	list := make([]*wasmrt.Sandbox, n)
	for k := range list {
		list[k] = sandbox(t, m, wasmrt.SandboxConfig{})
	}
	for _, s := range list {
		check(t, s.Close())
	}
}

func (c *counter) want(t *testing.T, when string, made, freed int64) {
	t.Helper()
	if m, f := c.made.Load(), c.freed.Load(); m != made || f != freed {
		t.Errorf("%s: %d instances were made and %d freed, want %d and %d", when, m, f, made, freed)
	}
}

func TestInstancesAreUsedAgain(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := loadCounted(t, openRuntime(t, count.open(open)), &count, pocket(1))
		for range 20 {
			openAndClose(t, m, 1)
		}
		count.want(t, "one after the other", 1, 0)
		openAndClose(t, m, 5)
		count.want(t, "five at once", 5, 0)
		openAndClose(t, m, 5)
		count.want(t, "five at once again", 5, 0)

		limited := wasmrt.SandboxConfig{MemoryBytes: 4 * asm.Page}
		check(t, sandbox(t, m, limited).Close())
		count.want(t, "with another limit", 6, 0)
		check(t, sandbox(t, m, limited).Close())
		count.want(t, "with that limit again", 6, 0)
	})
}

// An instance serves sandboxes of other limits, unless its memory has become longer; each limit holds.
func TestInstancesServeOtherLimits(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := loadCounted(t, openRuntime(t, count.open(open)), &count, notebook())
		for _, pages := range []int64{129, 200, 256, 150} {
			s := sandbox(t, m, wasmrt.SandboxConfig{MemoryBytes: pages * asm.Page})
			want(t, "growth over the limit", uint32(call(t, s, "grow", uint64(pages-notebookPages+1))), refusal)
			want(t, "growth to less than any limit", uint32(call(t, s, "grow", 128-notebookPages)), notebookPages)
			want(t, "growth to the limit", uint32(call(t, s, "grow", uint64(pages-128))), 128)
			check(t, run(t.Context(), s, do("poke", uint64(pages)*asm.Page-1, 0x55)))
			check(t, s.Close())
			check(t, findTraces(t.Context(), m))
		}
		// The first three have one, findTraces has one, and the last one may not have a memory of 256 pages.
		count.want(t, "limits of one size of rooms", 3, 0)
	})
}

func TestClosingTwice(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := loadCounted(t, openRuntime(t, count.open(open)), &count, pocket(1))
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		check(t, s.Close())
		check(t, s.Close())
		// Had it been given back twice, these two would be one.
		first, second := sandbox(t, m, wasmrt.SandboxConfig{}), sandbox(t, m, wasmrt.SandboxConfig{})
		check(t, s.Close())
		call(t, first, "poke", 0, 1)
		want(t, "the number", call(t, second, "number"), 1)
		count.want(t, "two at once", 2, 0)
		check(t, first.Close())
		check(t, first.Close())
		check(t, second.Close())
		openAndClose(t, m, 2)
		count.want(t, "two at once again", 2, 0)
	})
}

// The janitor comes every RoundTime while anything is idle, and frees what it has found idle for IdleRounds.
func TestWhatIsIdleForLongIsFreed(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			needEngine(t, e.open)
			synctest.Test(t, func(t *testing.T) {
				var count counter
				m := loadCounted(t, openRuntime(t, count.open(e.open)), &count, notebook())
				wait := func(rounds int) {
					<-time.After(time.Duration(rounds) * wasmrt.RoundTime) // by the clock of the bubble
					synctest.Wait()
				}
				<-time.After(wasmrt.RoundTime / 2) // from here on the test is between two rounds
				openAndClose(t, m, 3)
				wait(wasmrt.IdleRounds)
				count.want(t, "not long enough", 3, 0)
				openAndClose(t, m, 1)
				wait(1)
				count.want(t, "two idle for long, one used meanwhile", 3, 2)
				wait(wasmrt.IdleRounds)
				count.want(t, "the third idle for long", 3, 3)
				wait(10 * wasmrt.IdleRounds) // nothing is idle, and the janitor rests
				openAndClose(t, m, 1)
				wait(wasmrt.IdleRounds)
				count.want(t, "a new one, not long enough", 4, 3)
				wait(1)
				count.want(t, "the new one idle for long", 4, 4)
			})
		})
	}
}

func TestIdleInstancesAreBounded(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		rt := openRuntime(t, count.open(open))
		few, many := loadCounted(t, rt, &count, pocket(1)), loadCounted(t, rt, &count, pocket(2))
		const more = 20
		openAndClose(t, many, wasmrt.MaxIdle+more)
		count.want(t, "more than may be idle", wasmrt.MaxIdle+more, more)

		// One that has few gets room from one that has many, until they have the same.
		openAndClose(t, few, more)
		count.want(t, "another module's", wasmrt.MaxIdle+2*more, 2*more)
		openAndClose(t, few, more)
		count.want(t, "another module's again", wasmrt.MaxIdle+2*more, 2*more)
		openAndClose(t, many, wasmrt.MaxIdle-more)
		count.want(t, "what the first module has left", wasmrt.MaxIdle+2*more, 2*more)

		// One that has many makes room for its own.
		openAndClose(t, many, wasmrt.MaxIdle)
		count.want(t, "the first module's again", wasmrt.MaxIdle+3*more, 3*more)
		openAndClose(t, few, more)
		count.want(t, "what the other module has kept", wasmrt.MaxIdle+3*more, 3*more)
	})
}

func TestWhatCannotBeResetIsFreed(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := loadCounted(t, openRuntime(t, count.open(open)), &count, notebook())
		for end := range ends {
			before, freed := count.made.Load(), count.freed.Load()
			check(t, leave(t.Context(), m, 0, end))
			want(t, "whether it was freed after "+ends[end].name, count.freed.Load() > freed, !(resets && ends[end].reused))
			if made := count.made.Load() - before; made > 1 {
				t.Errorf("%d instances were made for one sandbox", made)
			}
		}
	})
}

func TestARuntimeIsClosedWithIdleInstances(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		goroutines, images := runtime.NumGoroutine(), imagesOpen(t)
		var count counter
		dir, err := scratch()
		if err != nil {
			t.Fatal(err)
		}
		rt, err := wasmrt.New(wasmrt.Config{Engine: count.open(open), Imports: hostFuncs, CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for number := range int32(3) {
			m, err := rt.Load(t.Context(), pocket(number), wasmrt.LoadConfig{})
			if err != nil {
				t.Fatal(err)
			}
			openAndClose(t, m, 4)
		}
		loaded := imagesOpen(t)
		check(t, rt.Close())
		want(t, "how many instances were not freed", count.made.Load()-count.freed.Load(), 0)
		want(t, "how many images are open", imagesOpen(t), images)
		if loaded == images && runtime.GOOS == "linux" {
			t.Error("no image was found while the runtime was open: the check above proves nothing")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for runtime.NumGoroutine() > goroutines && ctx.Err() == nil {
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			all := make([]byte, 1<<16)
			t.Errorf("%d goroutines are left, there were %d:\n%s", n, goroutines, all[:runtime.Stack(all, true)])
		}
	})
}

// Sandboxes of several modules are opened and closed by many goroutines, each of which has its own.
func TestPoolsUnderLoad(t *testing.T) {
	const goroutines, modules = 8, 4
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		rt := openRuntime(t, count.open(open))
		var list []*wasmrt.Module
		for number := range int32(modules) {
			list = append(list, loadCounted(t, rt, &count, pocket(number)))
		}
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for k := range rounds {
					number := k % modules
					s, err := list[number].NewSandbox(t.Context(), wasmrt.SandboxConfig{})
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := s.Call(t.Context(), "number"); err != nil || got != uint64(number) {
						t.Errorf("module %d says %d, %v", number, got, err)
					}
					check(t, s.Close())
				}
			})
		}
		wg.Wait()
		if made := count.made.Load(); made > goroutines*modules {
			t.Errorf("%d instances were made for %d sandboxes of %d modules open at once", made, goroutines, modules)
		}
		want(t, "how many were freed", count.freed.Load(), 0)
	})
}
