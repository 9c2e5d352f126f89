package host_test

import (
	"runtime"
	"slices"
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
	kept := put(t, j, 7)
	if n, err := host.CallMethod[int](t.Context(), ring[0], "KeepRefs", []*host.Ref{kept}); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	if o := object(t, node, kept); o.Reference != host.LocalReference {
		t.Errorf("an object that the ring keeps: %+v", o)
	}
	kept.Release()
	for _, a := range ring {
		a.Release()
	}
	for len(node.FindUnreachable().Actors) != len(ring) { // the last call's end is still on its way
		runtime.Gosched()
	}
	if m := node.Memory(10); m.Cycles != len(ring) || len(m.Objects) != 1 || m.Objects[0].Reference != host.OnlyInCycle ||
		!slices.Equal(m.Objects[0].Pins, []host.Pin{{Kind: "actor", ID: ring[0].ID().String(), Name: "Keeper"}}) {
		t.Errorf("Memory says %+v", m)
	}
	if n := node.FreeUnreachable(); n != len(ring)+1 {
		t.Errorf("%d were freed, want %d", n, len(ring)+1)
	}
	for node.Usage().References != 0 {
		runtime.Gosched()
	}
	clean(t, node, j)
}

// TestWhatIsUnreachableMakesRoom: before a node says that memory is full, it frees what nobody can reach.
func TestWhatIsUnreachableMakesRoom(t *testing.T) {
	node, module := open(t, host.Config{ObjectStoreMemory: 16 * spec.MiB})
	j := job(t, node, host.JobConfig{Module: module})
	for i := range 20 { // 40 MiB, of which two at a time can be reached
		var pair [2]*host.Actor
		for k := range pair {
			a, err := j.NewActor(t.Context(), "Keeper", spec.ActorOptions{})
			if err != nil {
				t.Fatal(err)
			}
			pair[k] = a
		}
		for k, a := range pair {
			if n, err := host.CallMethod[int](t.Context(), a, "KeepObject", spec.MiB); err != nil || n != 1 {
				t.Fatalf("pair %d: %d objects, %v", i, n, err)
			}
			if _, err := host.CallMethod[int](t.Context(), a, "KeepHandle", pair[1-k]); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range pair {
			a.Release()
		}
		for len(node.FindUnreachable().Actors)%2 != 0 || len(node.FindUnreachable().Actors) == 0 { // the last call's end is on its way
			runtime.Gosched()
		}
	}
	node.FreeUnreachable()
	for node.Usage().References != 0 {
		runtime.Gosched()
	}
	clean(t, node, j)
}
