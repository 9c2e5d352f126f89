package wasmrt_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/wazero"
)

func goGuest(t testing.TB, dir string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "g.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, dir)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGo(t *testing.T) {
	wasm := goGuest(t, "./testdata/guests/go")
	rt, err := wasmrt.New(wasmrt.Config{Engine: wazero.Open})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	m, err := rt.Load(t.Context(), wasm, wasmrt.LoadConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", m.Info().ImageDigest)
	for range 3 {
		var out bytes.Buffer
		s, err := m.NewSandbox(context.Background(), wasmrt.SandboxConfig{Stdout: &out, Stderr: &out})
		if err != nil {
			t.Fatal(err)
		}
		n, err := s.Call(t.Context(), "count")
		r, err2 := s.Call(t.Context(), "random")
		t.Log(n, err, r, err2, out.String(), s.Usage())
		s.Close()
	}
}
