package host_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// find waits until there is an actor of that name.
func find(t *testing.T, j *host.Job, name string) *host.Actor {
	t.Helper()
	for {
		a, err := j.FindActor(t.Context(), name, "")
		if err == nil {
			return a
		}
		if !errors.Is(err, spec.NotFound) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

// orphan fails unless the actor has died with who made it.
func orphan(t *testing.T, a *host.Actor) {
	t.Helper()
	for {
		_, err := host.CallMethod[int](t.Context(), a, "Inc", 1)
		if err == nil { // its maker has not ended yet
			runtime.Gosched()
			continue
		}
		if !errors.Is(err, spec.ActorDied) || !errors.Is(err, spec.OwnerDied) || !strings.Contains(err.Error(), "which made it") {
			t.Fatalf("a call of an actor whose maker is gone: %v, want ActorDied because of OwnerDied", err)
		}
		return
	}
}

func TestAnActorSharesTheFateOfTheTaskThatMadeIt(t *testing.T) {
	for how, lives := range map[string]bool{"crash": false, "fail": true, "return": true} {
		t.Run(how, func(t *testing.T) {
			node, module := open(t, host.Config{})
			j := job(t, node, host.JobConfig{Module: module})
			gate := counter(t, j, spec.CheckpointPolicy{})
			refs, err := j.Submit(t.Context(), "makeAndEnd", spec.TaskOptions{MaxRetries: new(int32(0))}, gate, "made", how)
			if err != nil {
				t.Fatal(err)
			}
			made := find(t, j, "made")
			inc(t, made, 1) // alive
			inc(t, gate, 1)
			if _, err := host.Get[int](t.Context(), refs[0]); (err == nil) != (how == "return") {
				t.Fatalf("the task ended with %v", err)
			}
			if lives {
				if n := inc(t, made, 1); n != 3 {
					t.Errorf("the actor counts %d, want 3", n)
				}
			} else {
				orphan(t, made)
			}
			for _, a := range []*host.Actor{made, gate} {
				a.Release()
			}
			refs[0].Release()
			clean(t, node, j)
		})
	}
}

func TestAnActorSharesTheFateOfTheActorThatMadeIt(t *testing.T) {
	for name, test := range map[string]struct {
		opts  spec.ActorOptions
		end   func(t *testing.T, maker *host.Actor)
		lives bool
	}{
		"dies":                          {spec.ActorOptions{}, kill, false},
		"restarts from its constructor": {spec.ActorOptions{MaxRestarts: new(int32(-1))}, crash, false},
		"goes on from a checkpoint":     {spec.ActorOptions{MaxRestarts: new(int32(-1)), Checkpoint: &spec.CheckpointPolicy{Calls: 1}}, crash, true},
	} {
		t.Run(name, func(t *testing.T) {
			node, module := open(t, host.Config{})
			j := job(t, node, host.JobConfig{Module: module})
			maker, err := j.NewActor(t.Context(), "Maker", test.opts)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := host.CallMethod[int](t.Context(), maker, "Make", "made"); err != nil {
				t.Fatal(err)
			}
			made := find(t, j, "made")
			test.end(t, maker)
			if test.lives {
				if n, err := host.CallMethod[int](t.Context(), maker, "Touch"); n != 2 || err != nil {
					t.Errorf("what it made counts %d, %v, want 2", n, err)
				}
			} else {
				orphan(t, made)
			}
			made.Release()
			maker.Release()
			clean(t, node, j)
		})
	}
}

func kill(t *testing.T, a *host.Actor) {
	t.Helper()
	if err := a.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
}
