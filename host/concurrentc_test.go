package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// TestAnActorInCServesCallsAtOnce: the exports ray_start and ray_resume, written by hand.
func TestAnActorInCServesCallsAtOnce(t *testing.T) {
	const clang = "clang-19"
	if _, err := exec.LookPath(clang); err != nil {
		t.Skip("clang-19 is not installed (apt-get install clang-19 lld-19 wasi-libc)")
	}
	form, err := spec.Marshal(&spec.Description{ABI: spec.ABIVersion, SDK: "none", Functions: []spec.Function{{Name: "seven"}},
		Classes: []spec.Class{{Name: "Sevens", New: spec.Function{Name: "Sevens"}, Methods: []spec.Function{{Name: "Ask"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	description := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(form)), ","), "[]")
	out := filepath.Join(t.TempDir(), "actor.wasm")
	build := exec.CommandContext(t.Context(), clang, "--target=wasm32-wasi", "--sysroot=/usr", "-mexec-model=reactor", "-O2", "-Wall", "-Wextra", "-Werror",
		"-I../guest-sdk/c", "-DDESCRIPTION="+description, "-o", out, "testdata/concurrent/actor.c")
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	node, _ := open(t, host.Config{})
	module, err := node.Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	j := job(t, node, host.JobConfig{Module: module})
	a, err := j.NewActor(t.Context(), "Sevens", spec.ActorOptions{MaxConcurrency: new(int32(100))})
	if err != nil {
		t.Fatal(err)
	}
	refs := make([]*host.Ref, 300)
	for i := range refs {
		refs[i] = method(t, a, "Ask")
	}
	for i, r := range refs {
		if n, err := host.Get[int](t.Context(), r); err != nil || n != 7 {
			t.Fatalf("call %d gave %d, %v", i, n, err)
		}
		r.Release()
	}
	a.Release()
	clean(t, node, j)
}
