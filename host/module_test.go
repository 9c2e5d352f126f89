package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// TestAModuleLoadedAgainIsTheSame: a node that finds a module prepared by an earlier one knows and does the same.
func TestAModuleLoadedAgainIsTheSame(t *testing.T) {
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	load := func() *host.Module {
		node, err := host.Open(t.Context(), host.Config{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = node.Close() })
		m, err := node.Load(t.Context(), wasm)
		if err != nil {
			t.Fatal(err)
		}
		j := job(t, node, host.JobConfig{Module: m})
		ref, err := j.Submit(t.Context(), "add", spec.TaskOptions{}, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer ref[0].Release()
		if sum, err := host.Get[int](t.Context(), ref[0]); err != nil || sum != 5 {
			t.Errorf("2 + 3 = %d, %v", sum, err)
		}
		return m
	}
	first := load()
	kept, err := filepath.Glob(filepath.Join(dir, "code", "prepared-*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	before, err := os.Stat(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	again := load()
	if after, err := os.Stat(kept[0]); err != nil || !os.SameFile(before, after) {
		t.Errorf("the module was prepared again, %v", err)
	}
	if !reflect.DeepEqual(again.Description(), first.Description()) {
		t.Errorf("it describes itself as\n%+v, did as\n%+v", again.Description(), first.Description())
	}
	if !reflect.DeepEqual(again.Wasm().Info(), first.Wasm().Info()) {
		t.Errorf("it is known as\n%+v, was\n%+v", again.Wasm().Info(), first.Wasm().Info())
	}
}

// TestAModuleWithNothingToCallIsRefusedAgain: a refusal is not kept for an acceptance.
func TestAModuleWithNothingToCallIsRefusedAgain(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		node, err := host.Open(t.Context(), host.Config{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := node.Load(t.Context(), []byte("\x00asm\x01\x00\x00\x00")); !errors.Is(err, spec.FunctionNotFound) {
			t.Errorf("got %v, want FunctionNotFound", err)
		}
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	}
}
