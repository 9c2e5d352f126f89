package wasmbin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// rounds is how often each kernel runs in every way.
const rounds = 41

// measured are the rewritings whose cost is measured. Metering and the limit
// of depth always go together in a node; they are also measured alone.
var measured = []struct {
	name    string
	rewrite func(m *Module) (Init, error)
}{
	{"metering", func(m *Module) (Init, error) {
		if err := m.LimitDepth(depthLimit); err != nil {
			return Init{}, err
		}
		return Init{}, m.Meter(tick)
	}},
	{"Meter", func(m *Module) (Init, error) { return Init{}, m.Meter(tick) }},
	{"LimitDepth", func(m *Module) (Init, error) { return Init{}, m.LimitDepth(depthLimit) }},
	{"all", everyPass},
}

// BenchmarkMetering runs every kernel natively, plain and rewritten, in turns.
// It reports the time of the plain guest and the ratios of the others to that,
// and under the name "mean" geometric means of the ratios, over each language
// and over both.
//
// A machine that does other things makes runs longer, never shorter, so each
// way is represented by its shortest run.
func BenchmarkMetering(b *testing.B) {
	var both tally
	for _, s := range suites {
		b.Run(s.name, func(b *testing.B) {
			ways := s.ways(b)
			all := tally{}
			for _, k := range s.kernels {
				b.Run(k.name, func(b *testing.B) { all.add(measure(b, ways, k)) })
			}
			b.Run("mean", all.report)
			both.add(all)
		})
	}
	b.Run("mean", both.report)
}

// tally is ratios to the plain guest by the names of the other ways.
type tally map[string][]float64

func (t *tally) add(u tally) {
	if *t == nil {
		*t = tally{}
	}
	for name, ratios := range u {
		(*t)[name] = append((*t)[name], ratios...)
	}
}

// report reports the geometric means.
func (t tally) report(b *testing.B) {
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op") // the loop's, which means nothing
	for name, ratios := range t {
		logs := 0.0
		for _, r := range ratios {
			logs += math.Log(r)
		}
		b.ReportMetric(math.Exp(logs/float64(len(ratios))), name)
	}
}

// way is one way of running kernels.
type way struct {
	name string
	run  func(k kernel) (uint32, time.Duration)
}

// ways returns all ways of running the kernels of a suite, the plain guest
// first.
func (s *suite) ways(b *testing.B) []way {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	b.Cleanup(func() { rt.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	a := account{slice: 1 << 20, left: math.MaxInt}
	a.host(b, rt)

	wasm := s.build(b, false)
	ways := []way{
		{"plain", guestRunner(b, rt, wasm, Init{})},
		{"native", startNative(b, s.build(b, true)).run},
	}
	for _, v := range measured {
		out, init := rewritten(b, wasm, v.rewrite)
		ways = append(ways, way{v.name, guestRunner(b, rt, out, init)})
	}
	return ways
}

// measure times one kernel in all ways and returns the ratios.
func measure(b *testing.B, ways []way, k kernel) tally {
	best := make([]time.Duration, len(ways))
	var want uint32
	for round := range rounds {
		for i, w := range ways {
			result, took := w.run(k)
			if round == 0 && i == 0 {
				want = result
			}
			if result != want {
				b.Fatalf("%s: %s(%d) = %d, want %d", w.name, k.name, k.arg, int32(result), int32(want))
			}
			if round == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	t := tally{}
	for i, w := range ways[1:] {
		t[w.name] = []float64{float64(best[i+1]) / float64(best[0])}
	}
	t.report(b)
	b.ReportMetric(float64(best[0].Nanoseconds()), "ns/op")
	return t
}

// guestRunner starts a guest and returns what runs a kernel in it.
func guestRunner(b *testing.B, rt wazero.Runtime, wasm []byte, init Init) func(k kernel) (uint32, time.Duration) {
	mod := boot(b, rt, wasm, init)
	return func(k kernel) (uint32, time.Duration) {
		f := mod.ExportedFunction(k.name)
		start := time.Now()
		results, err := f.Call(context.Background(), k.arg)
		took := time.Since(start)
		if err != nil {
			b.Fatalf("%s: %v", k.name, err)
		}
		return uint32(results[0]), took
	}
}

// nativeProgram is a running native program of the kernels.
type nativeProgram struct {
	b   *testing.B
	in  io.Writer
	out *bufio.Reader
}

func startNative(b *testing.B, program []byte) *nativeProgram {
	path := filepath.Join(b.TempDir(), "native")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(path)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	return &nativeProgram{b, in, bufio.NewReader(out)}
}

func (n *nativeProgram) run(k kernel) (uint32, time.Duration) {
	fmt.Fprintln(n.in, k.name, k.arg)
	var result int32
	var took int64
	if _, err := fmt.Fscanln(n.out, &result, &took); err != nil {
		n.b.Fatalf("native %s: %v", k.name, err)
	}
	return uint32(result), time.Duration(took)
}
