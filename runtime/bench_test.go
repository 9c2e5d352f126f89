package wasmrt_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/raywasm/raywasm/internal/guesttest"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// What a fresh sandbox costs, and how late a guest that spins lets others run. Peers are measured in the same run, so
// that figures can be compared whatever else the machine does.

// size is a guest to measure with. Each exports count, which is 1001 in a fresh sandbox.
type size struct {
	name string
	wasm func(b *testing.B) []byte
}

var sizes = []size{
	{"tiny", func(*testing.B) []byte {
		var a assembly
		a.Memory(2)
		n := a.Global(asm.I64, true, asm.Const64(1000))
		a.Func("count", nil, asm.Types(asm.I64), asm.GetGlobal(n), asm.Const64(1), asm.Op(wasmbin.OpI64Add), asm.SetGlobal(n),
			asm.Const32(64), asm.GetGlobal(n), asm.Access(asm.OpI64Store, 3), asm.GetGlobal(n))
		return a.Binary()
	}},
	{"c", func(b *testing.B) []byte { guesttest.NeedClang(b); return guest(b, cGuest) }},
	{"go", func(b *testing.B) []byte { return guest(b, goGuest) }},
}

// everySize runs a benchmark for each size of guest.
func everySize(b *testing.B, bench func(b *testing.B, wasm []byte)) {
	for _, z := range sizes {
		b.Run(z.name, func(b *testing.B) { bench(b, z.wasm(b)) })
	}
}

// onProcessors runs op on one goroutine and on two.
func onProcessors(b *testing.B, op func(ctx context.Context) error) {
	b.Run("1 goroutine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := op(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("2 goroutines", func(b *testing.B) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		b.SetParallelism(1)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := op(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

var errNotFresh = errors.New("the sandbox was not fresh")

// BenchmarkReset measures a fresh sandbox made of a used one, a call in it and its end.
func BenchmarkReset(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			needEngine(b, e.open)
			everySize(b, func(b *testing.B, wasm []byte) {
				m := load(b, e.open, wasm)
				onProcessors(b, func(ctx context.Context) error { return countOnce(ctx, m, true) })
			})
		})
	}
}

// BenchmarkNewInstance measures a fresh sandbox made anew, a call in it and its end.
func BenchmarkNewInstance(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			needEngine(b, e.open)
			everySize(b, func(b *testing.B, wasm []byte) {
				m := load(b, e.open, wasm)
				onProcessors(b, func(ctx context.Context) error { return countOnce(ctx, m, false) })
			})
		})
	}
}

// countOnce calls count in a fresh sandbox. The sandbox is given to the pool only if it is to be kept.
func countOnce(ctx context.Context, m *wasmrt.Module, keep bool) error {
	s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{})
	if err != nil {
		return err
	}
	if n, err := s.Call(ctx, "count"); err != nil || n != 1001 {
		return errors.Join(errNotFresh, err, s.Close())
	}
	if !keep { // a sandbox whose call failed is not used again
		if _, err := s.Call(ended, "count"); err == nil {
			return errors.New("a call after the end of its context succeeded")
		}
	}
	return s.Close()
}

// least is the shortest time that a turn of something took.
type least struct {
	turn int
	took time.Duration
}

func newLeast(turn int) *least { return &least{turn, 1<<63 - 1} }

func (l *least) measure(f func()) {
	begin := time.Now()
	for range l.turn {
		f()
	}
	l.took = min(l.took, time.Since(begin))
}

// nanoseconds is of one time.
func (l *least) nanoseconds() float64 { return float64(l.took) / float64(l.turn) }

// ended is a context that has ended.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// BenchmarkPeerInstantiate measures what one does without this package: a new instance of the module as it is, in
// wazero, for every call.
func BenchmarkPeerInstantiate(b *testing.B) {
	everySize(b, func(b *testing.B, wasm []byte) {
		ctx := b.Context()
		rt := wazero.NewRuntime(ctx)
		defer rt.Close(ctx)
		if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
			b.Fatal(err)
		}
		compiled, err := rt.CompileModule(ctx, wasm)
		if err != nil {
			b.Fatal(err)
		}
		config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize")
		onProcessors(b, func(ctx context.Context) error {
			i, err := rt.InstantiateModule(ctx, compiled, config)
			if err != nil {
				return err
			}
			if n, err := i.ExportedFunction("count").Call(ctx); err != nil || n[0] != 1001 {
				return errors.Join(errNotFresh, err)
			}
			return i.Close(ctx)
		})
	})
}

// BenchmarkPeerCopy measures copying as many bytes as the image has: the least that a reset would cost that does not
// know what has changed.
func BenchmarkPeerCopy(b *testing.B) {
	everySize(b, func(b *testing.B, wasm []byte) {
		n := load(b, engines[0].open, wasm).Info().ImageBytes
		memories := sync.Pool{New: func() any { m := make([]byte, n); return &m }}
		image := make([]byte, n)
		for at := range image {
			image[at] = byte(at)
		}
		onProcessors(b, func(context.Context) error {
			m := memories.Get().(*[]byte)
			copy(*m, image)
			memories.Put(m)
			return nil
		})
	})
}

// lateness collects how late something was.
type lateness []time.Duration

// report reports the median and the largest, in microseconds.
func (l lateness) report(b *testing.B) {
	b.Helper()
	if len(l) == 0 {
		b.Fatal("nothing was measured")
	}
	slices.Sort(l)
	b.ReportMetric(float64(l[len(l)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(l[len(l)-1])/1e3, "max-µs")
}

// beside runs a benchmark on a machine that is idle, beside goroutines of Go that spin on every processor, and beside
// guests that do, under each engine.
func beside(b *testing.B, bench func(b *testing.B)) {
	b.Run("idle", bench)
	b.Run("goroutines", func(b *testing.B) {
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(b.Context())
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for n := uint32(1); ctx.Err() == nil; {
					n = spin(n)
				}
			})
		}
		bench(b)
		cancel()
		wg.Wait()
	})
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			needEngine(b, e.open)
			stop := spinners(b, load(b, e.open, attacker()))
			defer stop()
			bench(b)
		})
	}
}

// spin computes the 100,000th random number from n on, without a call.
func spin(n uint32) uint32 {
	for range 100_000 {
		n = n*1664525 + 1013904223
	}
	return n
}

// BenchmarkGCPauseWhileSpinning measures a garbage collection, which stops the world twice.
func BenchmarkGCPauseWhileSpinning(b *testing.B) {
	beside(b, func(b *testing.B) {
		var took lateness
		for b.Loop() {
			begin := time.Now()
			runtime.GC()
			took = append(took, time.Since(begin))
		}
		took.report(b)
	})
}

// BenchmarkTimerLateness measures how late a timer of the host's is.
func BenchmarkTimerLateness(b *testing.B) {
	beside(b, func(b *testing.B) {
		var late lateness
		for b.Loop() {
			due := time.Now().Add(time.Millisecond)
			<-time.After(time.Until(due))
			late = append(late, time.Since(due))
		}
		late.report(b)
	})
}

// BenchmarkDeadlineLateness measures how long after its deadline a guest's call returns.
func BenchmarkDeadlineLateness(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			needEngine(b, e.open)
			m := load(b, e.open, attacker())
			for _, attack := range attacks {
				b.Run(attack.export, func(b *testing.B) {
					var late lateness
					for b.Loop() {
						late = append(late, overrun(b, m, attack))
					}
					late.report(b)
				})
			}
		})
	}
}

// overrun runs an attack with a deadline and returns how long after it the call returned.
func overrun(b *testing.B, m *wasmrt.Module, attack step) time.Duration {
	b.Helper()
	s, err := m.NewSandbox(b.Context(), wasmrt.SandboxConfig{Owner: host(waitForEnd)})
	if err != nil {
		b.Fatal(err)
	}
	due := time.Now().Add(5 * time.Millisecond)
	ctx, cancel := context.WithDeadline(b.Context(), due)
	defer cancel()
	err = run(ctx, s, attack)
	late := time.Since(due)
	if spec.KindOf(err) != spec.DeadlineExceeded {
		b.Fatalf("%s ended with %v", attack.export, err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return late
}
