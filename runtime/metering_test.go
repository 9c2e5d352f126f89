package wasmrt_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// Whatever a guest does, it ends soon after its host wants it to, lets others run meanwhile, and is accounted for.
// How soon is measured by benchmarks; here, soon is long before a person would give up.
const (
	patience = 20 * time.Millisecond
	soon     = 2 * time.Second
)

// ladderSteps is how many functions of a ladder call the next one twice: work without end, with neither a loop nor a
// recursion.
const ladderSteps = 60

// ladder adds a ladder and returns its first function. call writes the call of the function before.
func ladder(a *assembly, call func(next uint32) []byte) uint32 {
	next := a.Func("", nil, nil)
	for range ladderSteps {
		next = a.Func("", nil, nil, call(next), call(next))
	}
	return next
}

// attackPages is the memory of the attacker.
const attackPages = 1024

// attacker is a guest that holds up its host, in as many ways as it has exports.
var attacker = sync.OnceValue(func() []byte {
	var a assembly
	ask := a.importAsk()
	random, yield := a.WASI("random_get", asm.I32, asm.I32), a.WASI("sched_yield")
	write, poll := a.WASI("fd_write", asm.I32, asm.I32, asm.I32, asm.I32), a.WASI("poll_oneoff", asm.I32, asm.I32, asm.I32, asm.I32)
	drop := asm.Op(wasmbin.OpDrop)
	const all = attackPages * asm.Page
	a.Memory(attackPages)
	subscription := make([]byte, 48)
	subscription[16] = 1 // the monotonic clock
	binary.LittleEndian.PutUint64(subscription[24:], math.MaxUint64)
	a.Bytes(asm.Const32(0), string(subscription))
	a.Bytes(asm.Const32(64), string(binary.LittleEndian.AppendUint32(make([]byte, 4), all))) // an iovec of everything
	a.Tag()

	a.Func("loop", nil, nil, asm.Forever())
	a.FuncLocals("loop that works", nil, nil, asm.Types(asm.I32), asm.Forever(
		asm.Get(0), asm.Get(0), asm.Access(asm.OpI32Store8, 0), asm.Add32(0, 7), asm.Get(0), asm.Const32(all-1), asm.Op(asm.OpI32And), asm.Set(0)))
	a.FuncLocals("loops in loops", nil, nil, asm.Types(asm.I32), asm.Forever(
		asm.Const32(100), asm.Set(0), asm.Block(wasmbin.OpLoop, asm.Add32(0, -1), asm.Get(0), asm.Op(wasmbin.OpBrIf, 0))))
	fib := a.Next()
	a.Func("recursion", asm.Types(asm.I32), nil, asm.Get(0), asm.Block(wasmbin.OpIf,
		asm.Get(0), asm.Const32(1), asm.Op(wasmbin.OpI32Sub), asm.CallFunc(fib),
		asm.Get(0), asm.Const32(1), asm.Op(wasmbin.OpI32Sub), asm.CallFunc(fib)))
	tail := a.Next()
	a.Func("tail calls", nil, nil, asm.Op(wasmbin.OpReturnCall, tail))

	a.Export("ladder", wasmbin.KindFunc, ladder(&a, asm.CallFunc))
	void := a.Type(nil, nil)
	first := a.Next()
	a.Export("indirect ladder", wasmbin.KindFunc, ladder(&a, func(next uint32) []byte {
		return join(asm.Const32(int32(next-first)), asm.Op(wasmbin.OpCallIndirect, void, 0))
	}))
	var rungs []uint32
	for f := first; f < a.Next(); f++ {
		rungs = append(rungs, f)
	}
	a.Table(uint32(len(rungs)), rungs...)
	throws := a.Func("", nil, nil, asm.Op(wasmbin.OpThrow, 0))
	a.Func("exceptions", nil, nil, asm.Forever(
		asm.Block(wasmbin.OpBlock, []byte{byte(wasmbin.OpTryTable), 0x40, 1, 2 /* catch_all */, 0}, asm.CallFunc(throws), asm.Op(wasmbin.OpEnd))))

	a.Func("fill", nil, nil, asm.Forever(asm.Const32(0), asm.Const32(0x55), asm.Const32(all), asm.Op(wasmbin.OpMemoryFill, 0)))
	a.Func("copy", nil, nil, asm.Forever(asm.Const32(0), asm.Const32(1), asm.Const32(all-1), asm.Op(wasmbin.OpMemoryCopy, 0, 0)))
	a.Func("grow", nil, nil, asm.Forever(asm.Const32(1), asm.Op(wasmbin.OpMemoryGrow, 0), drop))

	a.Func("calls of the host", nil, nil, asm.Forever(asm.CallFunc(yield), drop))
	a.Func("random numbers", nil, nil, asm.Forever(asm.Const32(0), asm.Const32(all), asm.CallFunc(random), drop))
	a.Func("output", nil, nil, asm.Forever(asm.Const32(1), asm.Const32(64), asm.Const32(1), asm.Const32(128), asm.CallFunc(write), drop))
	a.Func("sleep", nil, nil, asm.Forever(asm.Const32(0), asm.Const32(128), asm.Const32(1), asm.Const32(256), asm.CallFunc(poll), drop))
	a.Func("the host waits", nil, nil, asm.Const64(0), asm.CallFunc(ask), drop)
	a.Func("says that it loops", nil, nil, asm.Const64(1), asm.CallFunc(ask), drop, asm.Forever())
	return a.Binary()
})

// attacks are its exports but for the last, with their parameters.
var attacks = []step{
	do("loop"), do("loop that works"), do("loops in loops"), do("recursion", 60), do("tail calls"),
	do("ladder"), do("indirect ladder"), do("exceptions"),
	do("fill"), do("copy"), do("grow"),
	do("calls of the host"), do("random numbers"), do("output"), do("sleep"), do("the host waits"),
}

// wantSoon wants a guest to have ended soon after it should have.
func wantSoon(t *testing.T, what string, due time.Time) {
	t.Helper()
	if late := time.Since(due); late > soon {
		t.Errorf("%s ended %v late", what, late)
	}
}

func TestDeadlinesHold(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, attacker())
		for _, attack := range attacks {
			t.Run(attack.export, func(t *testing.T) {
				s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(waitForEnd)})
				due := time.Now().Add(patience)
				ctx, cancel := context.WithDeadline(t.Context(), due)
				defer cancel()
				err := run(ctx, s, attack)
				wantSoon(t, attack.export, due)
				wantKind(t, err, spec.DeadlineExceeded)
				if !errors.Is(err, context.DeadlineExceeded) || time.Now().Before(due) {
					t.Errorf("it ended too early with: %v", err)
				}
			})
		}
	})
}

// overdue is a context whose deadline passes and whose timer nobody runs, as if its processor were busy for ever.
type overdue struct {
	context.Context
	due time.Time
}

func (c overdue) Deadline() (time.Time, bool) { return c.due, true }

func TestADeadlinePassesWithoutItsTimer(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		s := sandbox(t, load(t, open, attacker()), wasmrt.SandboxConfig{})
		due := time.Now().Add(patience)
		err := run(overdue{t.Context(), due}, s, do("loop"))
		wantSoon(t, "the guest", due)
		wantKind(t, err, spec.DeadlineExceeded)
	})
}

func TestCancellation(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, attacker())
		for _, c := range []struct {
			name  string
			cause error
			kind  spec.Kind
		}{
			{"without a cause", nil, spec.TaskCancelled},
			{"with a cause", spec.Errorf("watch the memory", spec.OutOfMemory, "node 1", "it is used up"), spec.OutOfMemory},
		} {
			for _, export := range []string{"says that it loops", "the host waits"} {
				t.Run(c.name+"/"+export, func(t *testing.T) {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					began := make(chan struct{})
					s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(ctx context.Context, g *engine.Guest, x uint64) (uint64, error) {
						close(began)
						if x == 1 {
							return 0, nil
						}
						return waitForEnd(ctx, g, x)
					})})
					due := make(chan time.Time, 1)
					go func() {
						<-began
						due <- time.Now()
						cancel(c.cause)
					}()
					err := run(ctx, s, do(export))
					wantSoon(t, export, <-due)
					wantKind(t, err, c.kind)
					if c.cause != nil && !errors.Is(err, c.cause) {
						t.Errorf("the cause is lost in %v", err)
					}
				})
			}
		}
	})
}

func TestACallAfterItsDeadlineDoesNotRun(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		asked := false
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(context.Context, *engine.Guest, uint64) (uint64, error) {
			asked = true
			return 0, nil
		})})
		_, err := s.Call(ctx, "ask", 1)
		wantKind(t, err, spec.DeadlineExceeded)
		want(t, "whether the guest ran", asked, false)
	})
}

// Initialisation is bounded by the context of Load, and by that of NewSandbox for a module without an image.
func TestInitialisationHasADeadline(t *testing.T) {
	const fresh = "a ray_fresh without end"
	endless := map[string]func(a *assembly){
		"a start function that is a ladder": func(a *assembly) {
			f := ladder(a, asm.CallFunc)
			a.Start = &f
		},
		"a start function that loops": func(a *assembly) {
			f := a.Func("", nil, nil, asm.Forever())
			a.Start = &f
		},
		"an _initialize without end": func(a *assembly) { a.Func("_initialize", nil, nil, asm.Forever()) },
		"an _initialize that fills memory": func(a *assembly) {
			a.Memory(attackPages)
			a.Func("_initialize", nil, nil, asm.Forever(asm.Const32(0), asm.Const32(1), asm.Const32(attackPages*asm.Page), asm.Op(wasmbin.OpMemoryFill, 0)))
		},
		fresh: func(a *assembly) { a.Func(spec.ExportFresh, nil, nil, asm.Forever()) },
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		for name, change := range endless {
			for _, image := range []bool{true, false} {
				if name == fresh && !image {
					continue // it is not called
				}
				t.Run(name+"/with an image "+strconv.FormatBool(image), func(t *testing.T) {
					var a assembly
					change(&a)
					if !image {
						a.Func("change", nil, nil, asm.Op(wasmbin.OpElemDrop, 0))
						a.Table(1)
					}
					due := time.Now().Add(patience)
					ctx, cancel := context.WithDeadline(t.Context(), due)
					defer cancel()
					m, err := openRuntime(t, open).Load(ctx, a.Binary(), wasmrt.LoadConfig{})
					if err == nil {
						_, err = m.NewSandbox(ctx, wasmrt.SandboxConfig{})
					}
					wantSoon(t, name, due)
					wantKind(t, err, spec.DeadlineExceeded)
				})
			}
		}
	})
}

// A module that is loaded when there is no time left is compiled, and then it is its initialisation that ends.
func TestLoadingWithoutTime(t *testing.T) {
	var a assembly
	a.Func("_initialize", nil, nil, asm.Forever())
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := openRuntime(t, open).Load(ctx, wasm, wasmrt.LoadConfig{})
		wantKind(t, err, spec.TaskCancelled)
	})
}

// A sandbox of a module without an image is initialised each time, within its own deadline.
func TestSandboxesWithoutAnImageHaveADeadline(t *testing.T) {
	var a assembly
	ask := a.importAsk()
	n := a.Func("_initialize", nil, nil, asm.Const64(0), asm.CallFunc(ask), asm.Const64(nobody), asm.Op(asm.OpI64Eq), asm.Block(wasmbin.OpIf, asm.Op(wasmbin.OpReturn)), asm.Forever())
	a.Table(1, n)
	a.Func("change", nil, nil, asm.Op(wasmbin.OpElemDrop, 0))
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, a.Binary())
		due := time.Now().Add(patience)
		ctx, cancel := context.WithDeadline(t.Context(), due)
		defer cancel()
		_, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{Owner: host(func(context.Context, *engine.Guest, uint64) (uint64, error) { return 0, nil })})
		wantSoon(t, "the initialisation", due)
		wantKind(t, err, spec.DeadlineExceeded)
		check(t, sandbox(t, m, wasmrt.SandboxConfig{}).Close()) // nobody is asked, and it goes on
	})
}

// spinners runs a guest that loops on every processor until stop is called, which waits for their ends.
func spinners(t testing.TB, m *wasmrt.Module) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a test that fails ends, too
	var wg, spinning sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		spinning.Add(1)
		s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{Owner: host(func(context.Context, *engine.Guest, uint64) (uint64, error) {
			spinning.Done()
			return 0, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if _, err := s.Call(ctx, "says that it loops"); spec.KindOf(err) != spec.TaskCancelled {
				t.Errorf("a guest that spins ended with %v", err)
			}
			check(t, s.Close())
		})
	}
	spinning.Wait()
	return func() {
		cancel()
		wg.Wait()
	}
}

// The host's garbage collector, its timers and its goroutines go on while guests spin on every processor.
func TestTheHostGoesOnWhileGuestsSpin(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, attacker())
		stop := spinners(t, m)
		defer stop()
		for range 3 {
			begin := time.Now()
			runtime.GC()
			wantSoon(t, "a garbage collection", begin)
			begin = time.Now()
			<-time.After(time.Millisecond)
			wantSoon(t, "a timer", begin.Add(time.Millisecond))
			begin = time.Now()
			answer := make(chan struct{})
			go close(answer)
			<-answer
			wantSoon(t, "a goroutine", begin)
		}
	})
}

// worker is a guest whose work is proportional to what it is asked for.
func worker() []byte {
	var a assembly
	yield := a.WASI("sched_yield")
	a.Memory(attackPages)
	a.Func("loop", asm.Types(asm.I32), nil, asm.Block(wasmbin.OpLoop, asm.Add32(0, -1), asm.Get(0), asm.Op(wasmbin.OpBrIf, 0)))
	a.Func("fill", asm.Types(asm.I32), nil, asm.Const32(0), asm.Const32(1), asm.Get(0), asm.Op(wasmbin.OpMemoryFill, 0))
	a.Func("calls", asm.Types(asm.I32), nil, asm.Block(wasmbin.OpLoop, asm.CallFunc(yield), asm.Op(wasmbin.OpDrop), asm.Add32(0, -1), asm.Get(0), asm.Op(wasmbin.OpBrIf, 0)))
	return a.Binary()
}

func TestUnitsCountWork(t *testing.T) {
	wasm := worker()
	counted := make(map[string]int64) // the same under every engine
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, wasm)
		units := func(export string, n uint64) int64 {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			call(t, s, export, n)
			u := s.Usage().Units
			check(t, s.Close())
			return u
		}
		for _, c := range []struct {
			export string
			n      uint64
			atMost int64 // units for each of n, and at least a quarter of that
		}{{"loop", 3 * wasmrt.Quantum, 6}, {"loop", 1000, 6}, {"fill", attackPages * asm.Page, 1}, {"calls", 50_000, 400}} {
			u := units(c.export, c.n)
			least, most := int64(c.n)*c.atMost/4, int64(c.n)*c.atMost
			if c.export == "fill" { // by whole words
				least, most = least/8, most/4
			}
			if u < least || u > most {
				t.Errorf("%s(%d) is %d units, want %d to %d", c.export, c.n, u, least, most)
			}
			want(t, "the units of the same call", units(c.export, c.n), u)
			if half := units(c.export, c.n/2); u < 2*half-100 || u > 2*half+100 {
				t.Errorf("%s: twice the work is %d units, once %d", c.export, u, half)
			}
			key := c.export + strconv.FormatUint(c.n, 10)
			if before, ok := counted[key]; ok {
				want(t, "the units under this engine", u, before)
			}
			counted[key] = u
		}
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		want(t, "the units before a call", s.Usage().Units, 0)
		call(t, s, "loop", 1000)
		once := s.Usage().Units
		call(t, s, "loop", 1000)
		want(t, "the units of two calls", s.Usage().Units, 2*once)
	})
}

func TestUsageOfAGuestThatWasStopped(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, attacker())
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		began := time.Now()
		wantKind(t, run(ctx, s, do("loop")), spec.DeadlineExceeded)
		passed := time.Since(began)
		u := s.Usage()
		if u.CPU <= 0 || u.CPU > passed {
			t.Errorf("it computed for %v in %v", u.CPU, passed)
		}
		if u.Units < wasmrt.Quantum {
			t.Errorf("it did %d units of work in %v", u.Units, passed)
		}
		want(t, "its memory", u.Memory, attackPages*asm.Page)
	})
}

// What a guest waits for is not its CPU time.
func TestWaitingIsNotComputing(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		s := sandbox(t, load(t, open, notebook()), wasmrt.SandboxConfig{})
		const long = 200 * time.Millisecond
		call(t, s, "sleep", uint64(long))
		if u := s.Usage(); u.CPU <= 0 || u.CPU > long/2 {
			t.Errorf("a guest that slept for %v has computed for %v", long, u.CPU)
		}
	})
}

// The work of an initialisation that a sandbox did itself counts, and that of an image counts for no sandbox.
func TestUsageOfInitialisation(t *testing.T) {
	for _, image := range []bool{true, false} {
		for _, rounds := range []int32{10_000, 1_000_000} {
			var a assembly
			a.FuncLocals("_initialize", nil, nil, asm.Types(asm.I32), asm.Const32(rounds), asm.Set(0),
				asm.Block(wasmbin.OpLoop, asm.Add32(0, -1), asm.Get(0), asm.Op(wasmbin.OpBrIf, 0)))
			if !image {
				a.Table(1)
				a.Func("change", nil, nil, asm.Op(wasmbin.OpElemDrop, 0))
			}
			wasm := a.Binary()
			t.Run(fmt.Sprintf("with an image %t/%d rounds", image, rounds), func(t *testing.T) {
				everyEngine(t, func(t *testing.T, open engine.Open) {
					u := sandbox(t, load(t, open, wasm), wasmrt.SandboxConfig{}).Usage()
					want(t, "whether units were counted", u.Units >= int64(rounds), !image)
					want(t, "whether CPU time was counted", u.CPU > 0, !image)
				})
			})
		}
	}
}

func TestTrustedModulesAreNotCounted(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m, err := openRuntime(t, open).Load(t.Context(), worker(), wasmrt.LoadConfig{Trusted: true})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "whether it is metered", m.Info().Metered, false)
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		call(t, s, "loop", 3*wasmrt.Quantum)
		u := s.Usage()
		want(t, "the units", u.Units, 0)
		want(t, "whether CPU time was counted", u.CPU > 0, true)
	})
}
