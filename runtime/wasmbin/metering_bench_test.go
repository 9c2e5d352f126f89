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
// A machine that does other things makes runs longer, never shorter, so each
// way is represented by its shortest run. It reports the ratios to the plain
// guest, and their geometric means over each language and over both.
func BenchmarkMetering(b *testing.B) {
	var all tally
	for _, s := range suites {
		b.Run(s.name, func(b *testing.B) {
			t := s.measure(b)
			t.report(b)
			all.add(t)
		})
	}
	if len(all.names) > 0 {
		b.Run("both", func(b *testing.B) { all.report(b) })
	}
}

// tally is ratios to the plain guest, by way and kernel.
type tally struct {
	names  []string
	ratios [][]float64
}

func (t *tally) note(name string, ratio float64) {
	for i := range t.names {
		if t.names[i] == name {
			t.ratios[i] = append(t.ratios[i], ratio)
			return
		}
	}
	t.names = append(t.names, name)
	t.ratios = append(t.ratios, []float64{ratio})
}

func (t *tally) add(u *tally) {
	for i, name := range u.names {
		for _, r := range u.ratios[i] {
			t.note(name, r)
		}
	}
}

func (t *tally) report(b *testing.B) {
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op") // it means nothing here
	for i, name := range t.names {
		logs := 0.0
		for _, r := range t.ratios[i] {
			logs += math.Log(r)
		}
		b.ReportMetric(math.Exp(logs/float64(len(t.ratios[i]))), name+"-ratio")
	}
}

// measure times the kernels of a suite.
func (s *suite) measure(b *testing.B) *tally {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer rt.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	a := account{slice: 1 << 20, left: math.MaxInt}
	a.host(b, rt)

	wasm := s.build(b, false)
	plain := guestRunner(b, rt, wasm, Init{})
	native := startNative(b, s.build(b, true))
	runs := []func(k kernel) (uint32, time.Duration){plain, native.run}
	names := []string{"plain", "native"}
	for _, v := range measured {
		out, init := rewritten(b, wasm, v.rewrite)
		runs = append(runs, guestRunner(b, rt, out, init))
		names = append(names, v.name)
	}

	var t tally
	var lines string
	for _, k := range s.kernels {
		best := make([]time.Duration, len(runs))
		var want uint32
		a.ticks = 0
		for round := range rounds {
			for i, run := range runs {
				result, took := run(k)
				if round == 0 && i == 0 {
					want = result
				}
				if result != want {
					b.Fatalf("%s %s(%d) = %d, want %d", names[i], k.name, k.arg, result, want)
				}
				if round == 0 || took < best[i] {
					best[i] = took
				}
			}
		}
		line := fmt.Sprintf("\n%-9s plain %7.2f ms, %3d ticks a call;", k.name, best[0].Seconds()*1e3, a.ticks/rounds/3)
		for i := 1; i < len(runs); i++ {
			ratio := float64(best[i]) / float64(best[0])
			t.note(names[i], ratio)
			line += fmt.Sprintf(" %s %.3f", names[i], ratio)
		}
		lines += line
	}
	b.Log(lines)
	return &t
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
