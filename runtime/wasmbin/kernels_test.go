package wasmbin

import (
	"context"
	"fmt"
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

// clang is the compiler of the C guest.
const clang = "clang-19"

// buildC compiles the C guest, or skips the test where there is no clang for
// WebAssembly.
func buildC(t testing.TB) []byte {
	t.Helper()
	if _, err := exec.LookPath(clang); err != nil {
		t.Skip("clang-19 is not installed (apt-get install clang-19 lld-19)")
	}
	return build(t, clang, "--target=wasm32", "-O2", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry", "-o")
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

// boot starts a guest and initialises it if it wants that.
func boot(t testing.TB, rt wazero.Runtime, b []byte, init Init) api.Module {
	mod := start(t, rt, b, init)
	if f := mod.ExportedFunction("_initialize"); f != nil {
		if _, err := f.Call(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return mod
}

// variants are the rewritings that must not change what guests do.
var variants = []struct {
	name    string
	rewrite func(m *Module) (Init, error)
}{
	{"metered", func(m *Module) (Init, error) { return Init{}, m.Meter(tick) }},
	{"limited", func(m *Module) (Init, error) { return Init{}, m.LimitDepth(depthLimit) }},
	{"tables", func(m *Module) (Init, error) { return Init{}, m.LimitTables(DefaultTableEntries) }},
	{"growing", func(m *Module) (Init, error) { return Init{}, m.VirtualGrowth() }},
	{"exported", func(m *Module) (Init, error) { _, err := m.ExportState(); return Init{}, err }},
	{"detached", (*Module).DetachInit},
	{"all", everyPass},
}

// depthLimit is the stack that calls may take in the tests, in bytes.
const depthLimit = 8 << 20

// everyPass is what a node does to every guest, in the order of doc.go.
func everyPass(m *Module) (Init, error) {
	if err := m.LimitTables(DefaultTableEntries); err != nil {
		return Init{}, err
	}
	if err := m.VirtualGrowth(); err != nil {
		return Init{}, err
	}
	if err := m.LimitDepth(depthLimit); err != nil {
		return Init{}, err
	}
	if err := m.Meter(tick); err != nil {
		return Init{}, err
	}
	if _, err := m.ExportState(); err != nil {
		return Init{}, err
	}
	return m.DetachInit()
}

func rewritten(t testing.TB, b []byte, rewrite func(m *Module) (Init, error)) ([]byte, Init) {
	t.Helper()
	m := parse(t, b)
	init, err := rewrite(m)
	if err != nil {
		t.Fatal(err)
	}
	out := m.Encode()
	parse(t, out)
	return out, init
}

// Rewritten kernels must compute what the plain ones do.
func TestPassesKeepKernels(t *testing.T) {
	t.Run("C", func(t *testing.T) { testKernels(t, buildC(t), cKernels, "metered", "limited", "all") })
	t.Run("Go", func(t *testing.T) { testKernels(t, buildGo(t), goKernels, "all") })
}

func testKernels(t *testing.T, plain []byte, kernels []kernel, names ...string) {
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		wasi_snapshot_preview1.MustInstantiate(t.Context(), rt)
		a := account{slice: 10_000, left: math.MaxInt}
		a.host(t, rt)
		want := boot(t, rt, plain, Init{})
		for _, v := range variants {
			if !slices.Contains(names, v.name) {
				continue
			}
			b, init := rewritten(t, plain, v.rewrite)
			got := boot(t, rt, b, init)
			for _, k := range kernels {
				arg := k.arg/100 + 5
				if x, y := call(t, want, k.name, arg), call(t, got, k.name, arg); x != y {
					t.Errorf("%s: %s(%d) = %d, want %d", v.name, k.name, arg, y, x)
				}
			}
		}
		if a.ticks < 100 {
			t.Errorf("there were only %d ticks", a.ticks)
		}
	})
}

// rounds is how often each kernel runs in every variant.
const rounds = 31

// BenchmarkPasses runs every kernel plain and rewritten, in turns, and reports
// the median of the ratios of neighbouring runs, which a loaded machine
// disturbs less than it does the times, and their geometric mean.
func BenchmarkPasses(b *testing.B) {
	b.Run("C", func(b *testing.B) { benchmarkPasses(b, buildC(b), cKernels) })
	b.Run("Go", func(b *testing.B) { benchmarkPasses(b, buildGo(b), goKernels) })
}

func benchmarkPasses(b *testing.B, plain []byte, kernels []kernel) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer rt.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	a := account{slice: 1 << 20, left: math.MaxInt}
	a.host(b, rt)
	guests := []api.Module{boot(b, rt, plain, Init{})}
	for _, v := range variants {
		out, init := rewritten(b, plain, v.rewrite)
		guests = append(guests, boot(b, rt, out, init))
	}

	logs := make([]float64, len(variants))
	for _, k := range kernels {
		times := make([]time.Duration, len(guests))
		ratios := make([][]float64, len(variants))
		a.ticks = 0
		for range rounds {
			for i, g := range guests {
				f := g.ExportedFunction(k.name)
				start := time.Now()
				if _, err := f.Call(ctx, k.arg); err != nil {
					b.Fatal(err)
				}
				times[i] = time.Since(start)
				if i > 0 {
					ratios[i-1] = append(ratios[i-1], float64(times[i])/float64(times[0]))
				}
			}
		}
		line := fmt.Sprintf("%-9s plain %10v, %4d ticks a call;", k.name, times[0], a.ticks/rounds/2)
		for i, v := range variants {
			slices.Sort(ratios[i])
			ratio := ratios[i][rounds/2]
			logs[i] += math.Log(ratio)
			line += fmt.Sprintf(" %s %.3f", v.name, ratio)
		}
		b.Log(line)
	}
	for i, v := range variants {
		b.ReportMetric(math.Exp(logs[i]/float64(len(kernels))), v.name+"-ratio")
	}
	for b.Loop() {
	}
}
