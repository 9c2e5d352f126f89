package host_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// TestMoreActorsThanInstances: actors beyond those that keep an instance are parked, and nobody can tell.
func TestMoreActorsThanInstances(t *testing.T) { manyActors(t, host.Config{}, 0) }

// TestMoreActorsThanMemory: those for whose states there is no memory sleep on disk, and nobody can tell.
func TestMoreActorsThanMemory(t *testing.T) {
	manyActors(t, host.Config{SleepDir: t.TempDir(), ParkedMemory: 200 * spec.KiB}, 1)
}

// TestAnActorSleepsWhenItSays: on disk if there is one, and otherwise in a few pages; its next call wakes it.
func TestAnActorSleepsWhenItSays(t *testing.T) {
	for where, cfg := range map[string]host.Config{"disk": {SleepDir: t.TempDir()}, "memory": {}} {
		for kind, opts := range map[string]spec.ActorOptions{"one by one": {}, "concurrent": {MaxConcurrency: new(int32(2))}} {
			t.Run(where+", "+kind, func(t *testing.T) {
				node, module := open(t, cfg)
				j := job(t, node, host.JobConfig{Module: module})
				opts.SleepAfter = new(time.Millisecond)
				sleeper, err := j.NewActor(t.Context(), "Counter", opts, 0)
				if err != nil {
					t.Fatal(err)
				}
				awake := counter(t, j, spec.CheckpointPolicy{})
				for i := range 3 {
					if n := inc(t, sleeper, 1); n != i+1 {
						t.Fatalf("it counts %d, want %d", n, i+1)
					}
					inc(t, awake, 1)
					for u := node.Usage(); u.IdleActors > 1 || where == "disk" && u.SleepingActors == 0; u = node.Usage() {
						runtime.Gosched()
					}
				}
				if u := node.Usage(); u.IdleActors != 1 {
					t.Errorf("%d actors keep an instance, want 1", u.IdleActors)
				}
				sleeper.Release()
				awake.Release()
				clean(t, node, j)
				if u := node.Usage(); u.SleepingActors != 0 || u.ParkedActors != 0 || u.IdleActors != 0 {
					t.Errorf("after the end %d actors sleep, %d are parked, %d have an instance", u.SleepingActors, u.ParkedActors, u.IdleActors)
				}
			})
		}
	}
}

// idlers makes actors that are parked a millisecond after each call, calls each of them once, and returns how many answered;
// the others are dead for want of memory.
func idlers(t *testing.T, j *host.Job, n int) (actors []*host.Actor, answered int) {
	for i := range n {
		a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{SleepAfter: new(time.Millisecond)}, i)
		if err != nil {
			t.Fatal(err)
		}
		actors = append(actors, a)
	}
	for i, a := range actors {
		switch v, err := host.CallMethod[int](t.Context(), a, "Inc", 1); {
		case err == nil && v == i+1:
			answered++
		case !errors.Is(err, spec.ActorDied) || !errors.Is(err, spec.OutOfMemory) && !errors.Is(err, spec.ObjectStoreFull):
			t.Fatalf("actor %d counts %d, %v", i, v, err)
		}
	}
	return actors, answered
}

// TestParkedStatesAreReserved: what an actor holds while it is parked is in its job's account, whose limit holds: those for
// which there is no room sleep, or die where there is no disk.
func TestParkedStatesAreReserved(t *testing.T) {
	const store, n = 8 * spec.MiB, 400
	for where, cfg := range map[string]host.Config{"disk": {ObjectStoreMemory: store, SleepDir: t.TempDir()}, "memory": {ObjectStoreMemory: store}} {
		t.Run(where, func(t *testing.T) {
			node, module := open(t, cfg)
			j := job(t, node, host.JobConfig{Module: module})
			few, _ := idlers(t, j, 10)
			for u := node.Usage(); u.IdleActors > 0; u = node.Usage() {
				runtime.Gosched()
			}
			if bytes := node.Usage().ObjectBytes; where == "memory" && bytes < 10*16*spec.KiB {
				t.Errorf("10 parked actors have reserved %s", spec.FormatBytes(bytes))
			}
			many, answered := idlers(t, j, n)
			if where == "disk" && answered != n || where == "memory" && (answered < n/8 || answered > n/2) {
				t.Errorf("%d of %d answered", answered, n)
			}
			for _, a := range append(few, many...) {
				a.Release()
			}
			clean(t, node, j)
			if u := node.Usage(); u.ObjectBytes != 0 || u.SleepingActors != 0 {
				t.Errorf("left: %+v", u)
			}
		})
	}
}

// manyActors calls 1,100 actors in turn, of which at least so many have to sleep after each round.
func manyActors(t *testing.T, cfg host.Config, asleep int) {
	if testing.Short() {
		t.Skip("1,100 actors")
	}
	node, module := open(t, cfg)
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
	for node.Usage().SleepingActors < asleep { // the last have answered, and are about to be idle
		runtime.Gosched()
	}
	if u := node.Usage(); asleep == 0 && u.SleepingActors > 0 {
		t.Errorf("%d actors sleep, %d are parked, %d have an instance", u.SleepingActors, u.ParkedActors, u.IdleActors)
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
	if u := node.Usage(); u.SleepingActors != 0 || u.ParkedActors != 0 || u.IdleActors != 0 {
		t.Errorf("after the end %d actors sleep, %d are parked, %d have an instance", u.SleepingActors, u.ParkedActors, u.IdleActors)
	}
}
