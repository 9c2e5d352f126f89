// Package guesttest builds the guests of tests from their sources, each once in a process:
//
//	var guest = guesttest.Go("testdata/guest")
//	...
//	wasm, err := guest()
package guesttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Go returns what builds the main package in dir, seen from the test's folder, as its author would.
func Go(dir string) func() ([]byte, error) {
	return build(func(out string) *exec.Cmd {
		c := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-w", "-o", out, "./"+dir)
		c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		return c
	})
}

// clang builds guests in C.
const clang = "clang-19"

// C returns what builds a guest of sources, seen from the test's folder, and more arguments of the compiler. A test that
// calls it needs clang.
func C(args ...string) func() ([]byte, error) {
	return build(func(out string) *exec.Cmd {
		flags := []string{"--target=wasm32-wasi", "--sysroot=/usr", "-mexec-model=reactor", "-O2", "-Wall", "-Wextra", "-Werror", "-o", out}
		return exec.Command(clang, append(flags, args...)...)
	})
}

// NeedClang skips a test of guests in C where none can be built.
func NeedClang(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath(clang); err != nil {
		t.Skipf("%s is not installed: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32", clang)
	}
}

// build runs a compiler that writes a guest to out, once.
func build(compiler func(out string) *exec.Cmd) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "raywasm-guest")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		out := filepath.Join(dir, "guest.wasm")
		c := compiler(out)
		if text, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", c, err, text)
		}
		return os.ReadFile(out)
	})
}
