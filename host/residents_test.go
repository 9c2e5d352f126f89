package host_test

import (
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// TestMoreActorsThanInstances: actors beyond those that keep an instance are parked, and nobody can tell.
func TestMoreActorsThanInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("1,100 actors")
	}
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	const n = 1100
	actors := make([]*host.Actor, n)
	for i := range actors {
		a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, i)
		if err != nil {
			t.Fatal(err)
		}
		actors[i] = a
	}
	for round := range 3 {
		refs := make([]*host.Ref, n)
		for i, a := range actors {
			got, err := a.Submit(t.Context(), "Inc", spec.TaskOptions{}, 1)
			if err != nil {
				t.Fatal(err)
			}
			refs[i] = got[0]
		}
		for i, r := range refs {
			if v, err := host.Get[int](t.Context(), r); err != nil || v != i+round+1 {
				t.Fatalf("actor %d counts %d in round %d, %v; want %d", i, v, round, err, i+round+1)
			}
			r.Release()
		}
	}
	for i, a := range actors {
		if i%2 == 0 {
			if err := a.Kill(t.Context(), true); err != nil {
				t.Error(err)
			}
		}
		a.Release()
	}
	clean(t, node, j)
}
