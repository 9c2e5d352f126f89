package host_test

import (
	"runtime"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

func TestActorsThatHoldEachOtherAreFreed(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	var ring []*host.Actor
	for range 3 {
		a, err := j.NewActor(t.Context(), "Keeper", spec.ActorOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ring = append(ring, a)
	}
	for i, a := range ring {
		if n, err := host.CallMethod[int](t.Context(), a, "KeepHandle", ring[(i+1)%len(ring)]); err != nil || n != 1 {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if u := node.FindUnreachable(); len(u.Actors) != 0 {
		t.Errorf("%d actors to which there are handles are unreachable", len(u.Actors))
	}
	for _, a := range ring {
		a.Release()
	}
	for len(node.FindUnreachable().Actors) != len(ring) { // the last call's end is still on its way
		runtime.Gosched()
	}
	if n := node.FreeUnreachable(); n != len(ring) {
		t.Errorf("%d were freed, want %d", n, len(ring))
	}
	for node.Usage().References != 0 {
		runtime.Gosched()
	}
	clean(t, node, j)
}
