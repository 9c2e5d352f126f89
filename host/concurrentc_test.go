package host_test

import (
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// TestAnActorInCServesCallsAtOnce: the exports ray_start and ray_resume, written by hand.
func TestAnActorInCServesCallsAtOnce(t *testing.T) {
	wasm := describedC(t, "testdata/concurrent/actor.c", spec.Description{Functions: []spec.Function{{Name: "seven"}},
		Classes: []spec.Class{{Name: "Sevens", New: spec.Function{Name: "Sevens"}, Methods: []spec.Function{{Name: "Ask"}}}}})
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
