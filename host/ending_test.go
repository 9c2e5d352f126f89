package host_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// guestOf makes an actor that tells the counter when it ends.
func guestOf(t *testing.T, j *host.Job, told *host.Actor, how string) *host.Actor {
	t.Helper()
	a, err := j.NewActor(t.Context(), "Guest", spec.ActorOptions{MaxRestarts: new(int32(-1))}, told, how)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), a, "Stay"); err != nil || n != 1 {
		t.Fatalf("a call before the end: %d, %v", n, err)
	}
	return a
}

// died waits until calls of the actor fail for its death.
func died(t *testing.T, a *host.Actor) {
	t.Helper()
	if _, err := host.CallMethod[int](t.Context(), a, "Stay"); !errors.Is(err, spec.ActorDied) {
		t.Fatalf("a call after the end: %v, want ActorDied", err)
	}
}

func TestAnActorEndsGracefully(t *testing.T) {
	for name, test := range map[string]struct {
		how  string // the hook ends
		end  func(t *testing.T, a *host.Actor)
		told int
	}{
		"by itself": {end: func(t *testing.T, a *host.Actor) {
			if _, err := host.CallMethod[int](t.Context(), a, "Leave", 0); !errors.Is(err, spec.ActorDied) {
				t.Errorf("the call that ends the actor: %v, want ActorDied", err)
			}
			died(t, a)
		}, told: 1},
		"at somebody's word": {end: func(t *testing.T, a *host.Actor) {
			before, err := a.Submit(t.Context(), "Stay", spec.TaskOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Terminate(t.Context()); err != nil {
				t.Error(err)
			}
			if n, err := host.Get[int](t.Context(), before[0]); err != nil || n != 1 {
				t.Errorf("a call that waited: %d, %v", n, err)
			}
			before[0].Release()
			died(t, a)
		}, told: 1},
		"with its last handle":    {end: func(_ *testing.T, a *host.Actor) { a.Release() }, told: 1},
		"though its hook fails":   {how: "fail", end: func(_ *testing.T, a *host.Actor) { a.Release() }, told: 1},
		"though its hook panics":  {how: "panic", end: func(_ *testing.T, a *host.Actor) { a.Release() }, told: 1},
		"though its hook crashes": {how: "crash", end: func(_ *testing.T, a *host.Actor) { a.Release() }, told: 1},
		"not at all when killed":  {end: func(t *testing.T, a *host.Actor) { _ = a.Kill(t.Context(), true); died(t, a) }, told: 0},
	} {
		t.Run(name, func(t *testing.T) {
			node, module := open(t, host.Config{})
			j := job(t, node, host.JobConfig{Module: module})
			told := counter(t, j, spec.CheckpointPolicy{})
			a := guestOf(t, j, told, test.how)
			test.end(t, a)
			a.Release()
			counted := func() int {
				n, err := host.CallMethod[int](t.Context(), told, "Inc", 0)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			for counted() < test.told { // the end comes some time after what caused it
			}
			if n := counted(); n != test.told {
				t.Errorf("the hook ran %d times, want %d", n, test.told)
			}
			told.Release()
			clean(t, node, j)
		})
	}
}

func TestOnlyAnActorExits(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	if _, err := host.Call[int](t.Context(), j, "leaveAsTask", 0); !errors.Is(err, spec.TaskError) || !strings.Contains(err.Error(), "is no actor") {
		t.Errorf("a function that exits an actor: %v, want a TaskError that says so", err)
	}
	clean(t, node, j)
}
