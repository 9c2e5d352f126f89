package wasmrt_test

import (
	"context"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"sync"
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
)

// loadQuick loads a notebook whose host does not wait when it is asked.
func loadQuick(t *testing.T, open engine.Open) *wasmrt.Module {
	t.Helper()
	imports := slices.Clone(hostFuncs)
	for k := range imports {
		imports[k].Quick = true
	}
	rt, err := wasmrt.New(wasmrt.Config{Engine: open, Imports: imports, CacheDir: t.TempDir()})
	check(t, err)
	t.Cleanup(func() { check(t, rt.Close()) })
	m, err := rt.Load(t.Context(), notebook(), wasmrt.LoadConfig{})
	check(t, err)
	return m
}

// A sandbox that changes what the one before changed is made fresh without a scan: a memory that believes to have no
// private copies would not notice. One that changes anything else is scanned.
func TestOnlyPageFaultsAreLookedInto(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := loadQuick(t, open)
		changes := func(pages ...uint64) error {
			for _, page := range pages {
				s := sandbox(t, m, wasmrt.SandboxConfig{})
				call(t, s, "poke", page*smallPage, 0x55)
				check(t, s.Close())
			}
			return wasmrt.Compare(m, compare)
		}
		check(t, changes(40, 40, 40))
		if !wasmrt.Foresees(m) {
			t.Fatal("the instance has to be scanned each time")
		}
		wasmrt.Forget(m)
		if err := changes(40); err == nil {
			t.Fatal("the memory was scanned")
		}
		check(t, changes(41)) // page 40 with it
		check(t, changes(40, 41, 42))
	})
}

// A memory that is shorter than one in its place before does not forget what is private beyond it.
func TestPrivateCopiesBeyondAShorterMemory(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := loadQuick(t, open)
		grown := func(end func(s *wasmrt.Sandbox)) {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			call(t, s, "grow", 1)
			call(t, s, "poke", notebookBytes, 0x55)
			end(s)
			check(t, s.Close())
		}
		grown(func(s *wasmrt.Sandbox) {
			if _, err := s.Call(t.Context(), "trap"); err == nil { // the memory is kept, the instance is not
				t.Fatal("there was no trap")
			}
		})
		for range 3 {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			call(t, s, "poke", 0, 0x55)
			check(t, s.Close())
		}
		grown(func(*wasmrt.Sandbox) {})
		check(t, wasmrt.Compare(m, compare))
	})
}

// What a parked sandbox brings into another instance is no page fault of its calls.
func TestAWakingSandboxIsSeen(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := loadQuick(t, open)
		for range 3 {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			call(t, s, "poke", 0, 0x55)
			check(t, s.Close())
		}
		first, second := sandbox(t, m, wasmrt.SandboxConfig{}), sandbox(t, m, wasmrt.SandboxConfig{})
		call(t, second, "poke", 50*smallPage, 0x55)
		second.Park()
		call(t, first, "poke", 0, 0x55)
		check(t, first.Close())
		call(t, second, "poke", 0, 0x55)
		check(t, second.Close())
		check(t, wasmrt.Compare(m, compare))
	})
}

// What the host writes is seen as what the guest writes, whether it waits or not, and on whatever thread it goes on.
func TestTheHostsPageFaultsAreSeen(t *testing.T) {
	for _, quick := range []bool{true, false} {
		everyEngine(t, func(t *testing.T, open engine.Open) {
			m := load(t, open, notebook())
			if quick {
				m = loadQuick(t, open)
			}
			for round := range uint64(notebookPages * asm.Page / smallPage) {
				s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, page uint64) (uint64, error) {
					if page%3 == 0 {
						g.Unpin()
						elsewhere(func() { g.Memory()[page*smallPage+7] ^= 0x55 })
					}
					goruntime.Gosched()
					g.Memory()[page*smallPage] ^= 0x55
					return 0, nil
				})})
				call(t, s, "ask", round)
				check(t, s.Close())
				check(t, wasmrt.Compare(m, compare))
			}
		})
	}
}

// elsewhere runs f on another thread.
func elsewhere(f func()) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	<-done
}

// Random sandboxes, several at a time on fewer threads than there are goroutines, which change few pages or many, by their own
// code and by the host's, in one call or several, grow, wait, use up quanta, are parked and restored: each leaves its
// memory as the image is.
func TestRandomSandboxesLeaveNothing(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 300
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var modules [3]*wasmrt.Module // each with one sandbox at a time, so that its idle instance is that one's
		for k := range modules {
			if modules[k] = load(t, open, notebook()); k > 0 {
				modules[k] = loadQuick(t, open)
			}
		}
		var all sync.WaitGroup
		for k, m := range modules {
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(k), 1))
				usual := []uint64{3, 4, 5, 20, 21, 60}
				foreseen := 0
				for range rounds {
					page := func() uint64 {
						if random.IntN(8) > 0 {
							return usual[random.IntN(len(usual))]
						}
						return random.Uint64N(notebookPages * asm.Page / smallPage)
					}
					err := randomSandbox(t.Context(), m, random, page)
					if err == nil {
						err = wasmrt.Compare(m, compare)
					}
					if err != nil {
						t.Error(err)
						return
					}
					if wasmrt.Foresees(m) {
						foreseen++
					}
				}
				if foreseen < rounds/4 {
					t.Errorf("of %d sandboxes only %d could have been reset without a scan: this test tells nothing", rounds, foreseen)
				}
			})
		}
		all.Wait()
	})
}

// randomSandbox opens a sandbox, lets it change its memory, and closes it.
func randomSandbox(ctx context.Context, m *wasmrt.Module, random *rand.Rand, page func() uint64) error {
	s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, page uint64) (uint64, error) {
		switch random.IntN(4) {
		case 0:
			goruntime.Gosched()
		case 1:
			g.Unpin()
			goruntime.Gosched()
		}
		g.Memory()[page*smallPage+1] ^= 0x33
		return 0, nil
	})})
	if err != nil {
		return err
	}
	for range 1 + random.IntN(3)*random.IntN(2) {
		c := do("poke", page()*smallPage+random.Uint64N(smallPage), 0x55)
		switch random.IntN(24) {
		case 0, 1, 2, 3:
			c = do("ask", page())
		case 4, 5:
			c = do("fill", page()*smallPage, 0x55, random.Uint64N(4*smallPage))
		case 6:
			c = do("fill", asm.Page, 0, 8*asm.Page) // longer than a quantum
		case 7:
			c = do("peek", page()*smallPage)
		case 8:
			c = do("clock", 0)
		case 9:
			c = do("sleep", 1)
		}
		if c.export == "fill" && c.params[0]+c.params[2] > notebookBytes {
			c.params[0] = notebookBytes - c.params[2]
		}
		if err := run(ctx, s, c); err != nil {
			return err
		}
		if random.IntN(16) == 0 {
			s.Park()
		}
	}
	return s.Close()
}
