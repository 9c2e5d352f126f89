package wasi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasi"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// program is testdata/guest, compiled, and the system that all its runs use one after the other.
type program struct {
	runtime wazero.Runtime
	code    wazero.CompiledModule
	system  wasi.System
}

// guestKey is where a context carries the *engine.Guest.
type guestKey struct{}

// types says value types as wazero does: both are the binary format's.
func types(list []wasmbin.ValType) []api.ValueType {
	out := make([]api.ValueType, len(list))
	for i, t := range list {
		out[i] = api.ValueType(t)
	}
	return out
}

func compile(t *testing.T) *program {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, "./testdata/guest")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	p := &program{runtime: wazero.NewRuntime(ctx)}
	t.Cleanup(func() { p.runtime.Close(context.Background()) })
	modules := map[string]wazero.HostModuleBuilder{}
	for _, f := range wasi.Funcs() {
		if modules[f.Module] == nil {
			modules[f.Module] = p.runtime.NewHostModuleBuilder(f.Module)
		}
		modules[f.Module].NewFunctionBuilder().WithGoModuleFunction(
			api.GoModuleFunc(func(ctx context.Context, m api.Module, stack []uint64) {
				guest := ctx.Value(guestKey{}).(*engine.Guest)
				guest.Bind(func() []byte {
					b, _ := m.Memory().Read(0, m.Memory().Size())
					return b
				})
				if err := f.Func(ctx, guest, stack); err != nil {
					panic(err)
				}
			}), types(f.Params), types(f.Results)).Export(f.Name)
	}
	for _, m := range modules {
		if _, err := m.Instantiate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if p.code, err = p.runtime.CompileModule(ctx, wasm); err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs the guest with the arguments. It returns what it wrote to stdout and its exit code.
func (p *program) run(t *testing.T, ctx context.Context, cfg wasi.Config, args ...string) (string, uint32, error) {
	t.Helper()
	var out bytes.Buffer
	cfg.Args = append([]string{"guest"}, args...)
	if cfg.Stdout == nil {
		cfg.Stdout = &out
	}
	p.system.Reset(cfg)
	defer p.system.Close()
	ctx = context.WithValue(ctx, guestKey{}, &engine.Guest{System: &p.system})
	m, err := p.runtime.InstantiateModule(ctx, p.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(context.Background())
	_, err = m.ExportedFunction("_start").Call(ctx)
	var exit *wasi.Exit
	if errors.As(err, &exit) {
		return out.String(), exit.Code, nil
	}
	return out.String(), 0, err
}

// want runs the guest and compares its output line by line.
func (p *program) want(t *testing.T, cfg wasi.Config, args []string, lines ...string) {
	t.Helper()
	out, code, err := p.run(t, t.Context(), cfg, args...)
	if err != nil || code != 0 {
		t.Fatalf("%v: exit %d, %v\n%s%s", args, code, err, out, p.system.StderrTail())
	}
	if want := strings.Join(lines, "\n") + "\n"; out != want {
		t.Errorf("%v:\n%swant\n%s", args, out, want)
	}
}

func tree(t *testing.T) *os.Root {
	t.Helper()
	outside := t.TempDir()
	dir := filepath.Join(outside, "root")
	secret := filepath.Join(outside, "secret")
	errs := []error{
		os.MkdirAll(filepath.Join(dir, "sub", "deep"), 0o700),
		os.WriteFile(secret, []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(dir, "a.txt"), []byte("hello"), 0o600),
		os.WriteFile(filepath.Join(dir, "sub", "b.txt"), []byte("bb"), 0o600),
		os.Symlink("sub/b.txt", filepath.Join(dir, "in")),
		os.Symlink("../secret", filepath.Join(dir, "out")),
		os.Symlink("../../secret", filepath.Join(dir, "sub", "out")),
		os.Symlink(secret, filepath.Join(dir, "absolute")),
		os.Symlink("..", filepath.Join(dir, "up")),
	}
	for i := range 300 {
		errs = append(errs, os.WriteFile(filepath.Join(dir, "sub", "deep", fmt.Sprintf("%03d", i)), nil, 0o600))
	}
	root, err := os.OpenRoot(dir)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestGoGuest(t *testing.T) {
	p := compile(t)
	disk := wasi.Config{Files: tree(t).FS()}

	t.Run("files", func(t *testing.T) {
		p.want(t, disk, []string{"files"},
			"hello <nil>", "bb <nil>", "3 lo 3 ell <nil>", "5 true true false", "true true")
	})
	t.Run("directories", func(t *testing.T) {
		var walked strings.Builder
		walked.WriteString("/ /a.txt /absolute /in /out /sub /sub/b.txt /sub/deep ")
		for i := range 300 {
			fmt.Fprintf(&walked, "/sub/deep/%03d ", i)
		}
		walked.WriteString("/sub/out /up ")
		p.want(t, disk, []string{"dirs"},
			"a.txt ---------- absolute L--------- in L--------- out L--------- sub d--------- up L--------- ",
			walked.String(), "300 000 299", "[000 001] [000 001]", "bb <nil>")
	})
	t.Run("links", func(t *testing.T) {
		p.want(t, disk, []string{"links"}, "sub/b.txt <nil>", "L---------", "bb <nil>", "bb <nil>", "true")
	})
	t.Run("nothing can be changed", func(t *testing.T) {
		p.want(t, disk, []string{"denied"}, strings.Repeat("true ", 10)+"true true")
	})
	t.Run("nothing leads outside", func(t *testing.T) {
		p.want(t, disk, []string{"escape"}, strings.Repeat("false true ", 6)+"true true true ")
	})
	t.Run("no files at all", func(t *testing.T) {
		out, code, err := p.run(t, t.Context(), wasi.Config{}, "files")
		if err != nil || code != 2 || !strings.Contains(out, "Bad file number") {
			t.Errorf("exit %d, %v: %s", code, err, out)
		}
	})
	t.Run("arguments and environment", func(t *testing.T) {
		p.want(t, wasi.Config{Env: []string{"K=V", "EMPTY="}}, []string{"env", "ä", ""},
			`["guest" "env" "ä" ""] ["K=V" "EMPTY="] "V"`)
		p.want(t, wasi.Config{}, []string{"env"}, `["guest" "env"] [] ""`)
	})
	t.Run("stdin is empty", func(t *testing.T) {
		p.want(t, wasi.Config{}, []string{"stdin"}, "0 <nil>")
	})
	t.Run("sleeping", func(t *testing.T) {
		p.want(t, wasi.Config{}, []string{"sleep", "20ms"}, "sleeping", "true")
		p.want(t, wasi.Config{}, []string{"timers"}, "2 1 0")
	})
	t.Run("a sleeper is given up", func(t *testing.T) {
		given := errors.New("given up")
		ctx, cancel := context.WithCancelCause(t.Context())
		_, _, err := p.run(t, ctx, wasi.Config{Stdout: cancelling{cancel, given}}, "sleep", "1000h")
		if !errors.Is(err, given) {
			t.Errorf("ended with %v", err)
		}
	})
	t.Run("exit codes", func(t *testing.T) {
		for _, want := range []string{"1", "77", "255"} {
			_, code, err := p.run(t, t.Context(), wasi.Config{}, "exit", want)
			if err != nil || fmt.Sprint(code) != want || p.system.StderrTail() != "leaving\n" {
				t.Errorf("exit %d instead of %s, %v, %q", code, want, err, p.system.StderrTail())
			}
		}
	})
	t.Run("a panic is told", func(t *testing.T) {
		_, code, err := p.run(t, t.Context(), wasi.Config{}, "panic")
		if err != nil || code != 2 || !strings.HasPrefix(p.system.StderrTail(), "panic: boom\n\ngoroutine 1") {
			t.Errorf("exit %d, %v, %q", code, err, p.system.StderrTail())
		}
	})
	t.Run("a flood ends", func(t *testing.T) {
		var got counter
		_, code, err := p.run(t, t.Context(), wasi.Config{Stdout: &got}, "flood")
		if err != nil || code != 3 || p.system.StderrTail() != "true" || got != 64<<20 {
			t.Errorf("exit %d, %v, %d bytes, %q", code, err, got, p.system.StderrTail())
		}
	})
	t.Run("frozen", func(t *testing.T) {
		first, _, err := p.run(t, t.Context(), wasi.Config{Frozen: true}, "random")
		if err != nil || !strings.Contains(first, " 2020-01-01T00:00:00") {
			t.Errorf("%v: %s", err, first)
		}
		served := bytes.Clone(p.system.Served())
		if len(served) < 32+16 {
			t.Errorf("served %d bytes", len(served))
		}
		again, _, err := p.run(t, t.Context(), wasi.Config{Frozen: true}, "random")
		if err != nil || again != first || !bytes.Equal(served, p.system.Served()) {
			t.Errorf("%v: %s and then %s", err, first, again)
		}
		one, _, _ := p.run(t, t.Context(), wasi.Config{}, "random")
		other, _, _ := p.run(t, t.Context(), wasi.Config{}, "random")
		if one == first || one == other {
			t.Errorf("running guests are alike: %s%s", one, other)
		}
		p.want(t, wasi.Config{Frozen: true}, []string{"sleep", "30m"}, "sleeping", "true")
		p.want(t, wasi.Config{Frozen: true}, []string{"timers"}, "2 1 0")
	})
}

// cancelling is a stdout that gives the guest up as soon as it says something.
type cancelling struct {
	cancel context.CancelCauseFunc
	cause  error
}

func (c cancelling) Write(b []byte) (int, error) { c.cancel(c.cause); return len(b), nil }

// counter counts bytes.
type counter int

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// wazero has the same functions, with the same types.
func TestSignatures(t *testing.T) {
	ctx := t.Context()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	m, err := wasi_snapshot_preview1.Instantiate(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	theirs := r.Module(wasi_snapshot_preview1.ModuleName).ExportedFunctionDefinitions()
	defer m.Close(ctx)
	ours := map[string]bool{}
	for _, f := range wasi.Funcs() {
		ours[f.Name] = true
		def, ok := theirs[f.Name]
		if !ok || f.Module != wasi_snapshot_preview1.ModuleName {
			t.Errorf("wazero does not know %s.%s", f.Module, f.Name)
			continue
		}
		if !bytes.Equal(def.ParamTypes(), types(f.Params)) || !bytes.Equal(def.ResultTypes(), types(f.Results)) {
			t.Errorf("%s: wazero has %v -> %v", f.Name, def.ParamTypes(), def.ResultTypes())
		}
	}
	for name := range theirs {
		if !ours[name] {
			t.Errorf("%s is missing", name)
		}
	}
}
