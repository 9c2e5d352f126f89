//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// answering is a module whose export f returns n.
func answering(t *testing.T, n int) []byte {
	return wasm(t, `(module (func (export "f") (param i32) (result i32) (i32.const `+strconv.Itoa(n)+`)))`)
}

// answer compiles a module with code kept in dir and returns what f does.
func answer(t *testing.T, e engine.Engine, wasm []byte) uint64 {
	t.Helper()
	c, err := e.Compile(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	i, err := c.Instantiate(t.Context(), &engine.Guest{}, bare{t, 0})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	return call(t, i, "f", 0)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCacheIsUsed: code planted under a module's key runs in place of the module.
func TestCacheIsUsed(t *testing.T) {
	e := open(t, engine.Config{CacheDir: t.TempDir()})
	one, two := answering(t, 1), answering(t, 2)
	if answer(t, e, one) != 1 || answer(t, e, two) != 2 {
		t.Fatal("the answers are wrong")
	}
	key := e.cache.key(one)
	planted := read(t, e.cache.path(e.cache.key(two)))[len(key):]
	sum := key.checksum(planted)
	write(t, e.cache.path(key), slices.Concat(sum[:], planted))
	if got := answer(t, e, one); got != 2 {
		t.Errorf("the answer is %d: the cache was not used", got)
	}
}

// TestCacheChecksum: whatever happened to a file, the module is compiled anew and the file replaced.
func TestCacheChecksum(t *testing.T) {
	dir := t.TempDir()
	e := open(t, engine.Config{CacheDir: dir})
	one, two := answering(t, 1), answering(t, 2)
	answer(t, e, one)
	answer(t, e, two)
	path := e.cache.path(e.cache.key(one))
	good := read(t, path)
	damaged := map[string][]byte{
		"empty":          {},
		"a checksum":     good[:32],
		"cut":            good[:len(good)-1],
		"appended":       append(slices.Clone(good), 0),
		"another's file": read(t, e.cache.path(e.cache.key(two))),
	}
	for _, at := range []int{0, 31, 32, 40, len(good) / 2, len(good) - 1} {
		b := slices.Clone(good)
		b[at] ^= 0x10
		damaged["byte "+strconv.Itoa(at)] = b
	}
	nonsense := []byte("no code at all")
	sum := e.cache.key(one).checksum(nonsense)
	damaged["nonsense with a checksum"] = slices.Concat(sum[:], nonsense)
	for name, b := range damaged {
		write(t, path, b)
		if got := answer(t, e, one); got != 1 {
			t.Errorf("%s: the answer is %d", name, got)
		}
		if !bytes.Equal(read(t, path), good) {
			t.Errorf("%s: the file was not replaced", name)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("there are %d files, %v", len(files), err)
	}
}

// TestCacheKey: another compiler's code is never found, the same one's always.
func TestCacheKey(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, engine.Config{CacheDir: dir}), open(t, engine.Config{CacheDir: dir})
	if a.cache.key(emptyModule) != b.cache.key(emptyModule) {
		t.Error("two engines have different keys")
	}
	b.cache.compiler[0]++
	if a.cache.key(emptyModule) == b.cache.key(emptyModule) {
		t.Error("another compiler has the same key")
	}
}

func TestCacheDirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, nil)
	for _, path := range []string{file, filepath.Join(dir, "missing")} {
		if _, err := Open(engine.Config{CacheDir: path}); !errors.Is(err, spec.System) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	gone := filepath.Join(dir, "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	e := open(t, engine.Config{CacheDir: gone})
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, e, answering(t, 3)); got != 3 {
		t.Errorf("without its directory the answer is %d", got)
	}
}
