package wasmbin

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// kernel is an export of the guests in testdata/kernels and an argument with
// which it takes some milliseconds.
type kernel struct {
	name string
	arg  uint64
}

var goKernels = []kernel{
	{"fib", 25}, {"matmul", 100}, {"sha", 128}, {"sorting", 10000}, {"jsons", 200},
	{"regexps", 200}, {"hashmap", 20000}, {"copying", 1000},
}

var cKernels = []kernel{
	{"fib", 27}, {"matmul", 120}, {"sha", 512}, {"sorting", 30000}, {"nbody", 20000},
	{"spectral", 200}, {"copying", 1000}, {"hashmap", 300000},
}

// buildGo compiles the Go guest.
func buildGo(t testing.TB) []byte {
	t.Helper()
	return build(t, "go", "build", "-buildmode=c-shared", "-o")
}

// buildC compiles the C guest, or skips the test where there is no clang for
// WebAssembly.
func buildC(t testing.TB) []byte {
	t.Helper()
	if _, err := exec.LookPath("clang-19"); err != nil {
		t.Skip("clang-19 is not installed (apt-get install clang-19 lld-19)")
	}
	return build(t, "clang-19", "--target=wasm32", "-O2", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry", "-o")
}

func build(t testing.TB, command ...string) []byte {
	t.Helper()
	source := "kernels.c"
	if command[0] == "go" {
		source = "kernels.go"
	}
	out := filepath.Join(t.TempDir(), "kernels.wasm")
	cmd := exec.Command(command[0], append(command[1:], out, source)...)
	cmd.Dir = filepath.Join("testdata", "kernels")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// boot instantiates a guest and initialises it if it wants that.
func boot(t testing.TB, rt wazero.Runtime, b []byte) api.Module {
	mod := start(t, rt, b)
	if f := mod.ExportedFunction("_initialize"); f != nil {
		if _, err := f.Call(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return mod
}

// meterRounds is how often each kernel runs plain and metered.
const meterRounds = 31

// BenchmarkMeter runs every kernel plain and metered, in turns, and reports
// the median of the ratios of neighbouring runs, which a loaded machine
// disturbs less than it does the times, and their geometric mean.
func BenchmarkMeter(b *testing.B) {
	b.Run("C", func(b *testing.B) { benchmarkMeter(b, buildC(b), cKernels) })
	b.Run("Go", func(b *testing.B) { benchmarkMeter(b, buildGo(b), goKernels) })
}

func benchmarkMeter(b *testing.B, plain []byte, kernels []kernel) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer rt.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	a := account{slice: 1 << 20, left: math.MaxInt}
	a.host(b, rt)
	guests := []api.Module{boot(b, rt, plain), boot(b, rt, metered(b, plain))}

	logs := 0.0
	for _, k := range kernels {
		a.ticks = 0
		var ratios []float64
		var total [2]time.Duration
		for range meterRounds {
			var took [2]time.Duration
			for i, g := range guests {
				f := g.ExportedFunction(k.name)
				start := time.Now()
				if _, err := f.Call(ctx, k.arg); err != nil {
					b.Fatal(err)
				}
				took[i] = time.Since(start)
				total[i] += took[i]
			}
			ratios = append(ratios, float64(took[1])/float64(took[0]))
		}
		slices.Sort(ratios)
		ratio := ratios[len(ratios)/2]
		logs += math.Log(ratio)
		b.ReportMetric(ratio, k.name)
		b.Logf("%-9s plain %9v, metered %.3f times that, a tick every %v",
			k.name, total[0]/meterRounds, ratio, total[1]/time.Duration(max(a.ticks, 1)))
	}
	b.ReportMetric(math.Exp(logs/float64(len(kernels))), "geomean")
	for b.Loop() {
	}
}
