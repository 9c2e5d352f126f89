package wasmbin

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// kernel is an export of the guests in testdata/kernels and an argument with
// which it takes a few milliseconds.
type kernel struct {
	name string
	arg  uint64
}

// suite is the kernels of one language.
type suite struct {
	name    string
	kernels []kernel
	build   func(t testing.TB, native bool) []byte
}

var suites = []suite{
	{"C", []kernel{
		{"fib", 27}, {"matmul", 120}, {"sha", 128}, {"sorting", 20000}, {"jsons", 30},
		{"regexps", 50}, {"nbody", 20000}, {"spectral", 200}, {"copying", 1000}, {"hashmap", 300000},
	}, buildC},
	{"Go", []kernel{
		{"fib", 25}, {"matmul", 100}, {"sha", 64}, {"sorting", 10000}, {"jsons", 100},
		{"regexps", 200}, {"nbody", 5000}, {"spectral", 100}, {"copying", 1000}, {"hashmap", 20000},
	}, buildGo},
}

// buildGo compiles the Go guest, or a native program of the same kernels.
func buildGo(t testing.TB, native bool) []byte {
	t.Helper()
	if native {
		return build(t, "go", nil, "go", "build", "-o")
	}
	return build(t, "go", []string{"GOOS=wasip1", "GOARCH=wasm"}, "go", "build", "-buildmode=c-shared", "-o")
}

// clang is the compiler of the C guest.
const clang = "clang-19"

// buildC compiles the C guest, or a native program of the same kernels. It
// skips the test where there is no clang for WebAssembly.
func buildC(t testing.TB, native bool) []byte {
	t.Helper()
	if _, err := exec.LookPath(clang); err != nil {
		t.Skip("clang-19 is not installed (apt-get install clang-19 lld-19)")
	}
	if native {
		return build(t, "c", nil, clang, "-O2", "native.c", "-lm", "-o")
	}
	return build(t, "c", nil, clang, "--target=wasm32", "-O2", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry", "kernels.c", "-o")
}

// build runs a command in a folder of testdata/kernels, with the name of the
// file that it writes as last argument, and returns what it has written.
func build(t testing.TB, folder string, env []string, command ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "kernels")
	cmd := exec.Command(command[0], append(command[1:], out)...)
	cmd.Dir = filepath.Join("testdata", "kernels", folder)
	cmd.Env = append(os.Environ(), env...)
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
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			plain := s.build(t, false)
			first, _ := rewritten(t, plain, everyPass)
			if again, _ := rewritten(t, plain, everyPass); !bytes.Equal(first, again) {
				t.Error("the same module is rewritten in two ways")
			}
			onEngines(t, func(t *testing.T, rt wazero.Runtime) { s.compare(t, rt, plain) })
		})
	}
}

func (s *suite) compare(t *testing.T, rt wazero.Runtime, plain []byte) {
	wasi_snapshot_preview1.MustInstantiate(t.Context(), rt)
	a := account{slice: 10_000, left: math.MaxInt}
	a.host(t, rt)
	want := boot(t, rt, plain, Init{})
	wasm, init := rewritten(t, plain, everyPass)
	got := boot(t, rt, wasm, init)
	for _, k := range s.kernels {
		arg := k.arg/100 + 5
		if x, y := call(t, want, k.name, arg), call(t, got, k.name, arg); x != y {
			t.Errorf("%s(%d) = %d, want %d", k.name, arg, y, x)
		}
	}
	if a.ticks < 100 {
		t.Errorf("there were only %d ticks", a.ticks)
	}
}
