package host_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// counter makes an actor that restarts for ever and keeps its state as the policy says.
func counter(t *testing.T, j *host.Job, p spec.CheckpointPolicy) *host.Actor {
	t.Helper()
	a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{MaxRestarts: new(int32(-1)), Checkpoint: &p}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// inc adds one to the counter n times and returns what it is then.
func inc(t *testing.T, a *host.Actor, n int) (sum int) {
	t.Helper()
	for range n {
		var err error
		if sum, err = host.CallMethod[int](t.Context(), a, "Inc", 1); err != nil {
			t.Fatal(err)
		}
	}
	return sum
}

func crash(t *testing.T, a *host.Actor) {
	t.Helper()
	if _, err := host.CallMethod[int](t.Context(), a, "Crash", 3); !errors.Is(err, spec.ActorUnavailable) {
		t.Fatalf("the call that crashes an actor which restarts: %v, want ActorUnavailable", err)
	}
}

func TestARestartGoesOnFromTheCheckpoint(t *testing.T) {
	for name, test := range map[string]struct {
		policy spec.CheckpointPolicy
		want   int // after 5 calls, a crash and another call
	}{
		"never":              {spec.CheckpointPolicy{}, 1},
		"every call":         {spec.CheckpointPolicy{Calls: 1}, 6},
		"every second call":  {spec.CheckpointPolicy{Calls: 2}, 5},
		"when idle":          {spec.CheckpointPolicy{Idle: true}, 6},
		"at each moment":     {spec.CheckpointPolicy{Interval: 1}, 6},
		"an hour from now":   {spec.CheckpointPolicy{Interval: time.Hour}, 1},
		"whatever is sooner": {spec.CheckpointPolicy{Interval: time.Hour, Calls: 3}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			node, module := open(t, host.Config{})
			j := job(t, node, host.JobConfig{Module: module})
			a := counter(t, j, test.policy)
			inc(t, a, 5)
			for node.Usage().IdleActors == 0 { // the last call has been answered, and is followed by a checkpoint
				runtime.Gosched()
			}
			crash(t, a)
			if got := inc(t, a, 1); got != test.want {
				t.Errorf("after 5 calls, a crash and a call the counter is %d, want %d", got, test.want)
			}
			a.Release()
			clean(t, node, j)
		})
	}
}

func TestACheckpointHoldsWhatTheActorRefersTo(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := counter(t, j, spec.CheckpointPolicy{Calls: 1})
	for i := range 3 {
		if n, err := host.Call[int](t.Context(), j, "feed", a, 10); err != nil || n != i+1 {
			t.Fatalf("it keeps %d refs, %v", n, err)
		}
		crash(t, a)
		if sum, err := host.CallMethod[int](t.Context(), a, "Kept"); err != nil || sum != 10*(i+1) {
			t.Fatalf("after crash %d what it kept adds up to %d, %v", i+1, sum, err)
		}
	}
	a.Release()
	clean(t, node, j)
}

func TestAnActorWithoutRoomForItsCheckpointGoesOn(t *testing.T) {
	node, module := open(t, host.Config{ObjectStoreMemory: 12 * spec.KiB}) // its record fits, a checkpoint does not
	j := job(t, node, host.JobConfig{Module: module})
	a := counter(t, j, spec.CheckpointPolicy{Calls: 1})
	if got := inc(t, a, 3); got != 3 {
		t.Errorf("the counter is %d, want 3", got)
	}
	crash(t, a)
	if got := inc(t, a, 1); got != 1 {
		t.Errorf("after the crash the counter is %d: the constructor did not run again", got)
	}
	a.Release()
	clean(t, node, j)
}

// TestCheckpointsUnderFire kills an actor while it is called and saved: whatever it resumes from, it is a state that it
// has been in, and nothing is left of any of them.
func TestCheckpointsUnderFire(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := counter(t, j, spec.CheckpointPolicy{Calls: 2, Idle: true})
	const calls = 300
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range calls {
				n, err := host.CallMethod[int](t.Context(), a, "Inc", 1)
				if err != nil && !errors.Is(err, spec.ActorUnavailable) || n > 2*calls {
					t.Errorf("a call of an actor that is killed now and then: %d, %v", n, err)
				}
			}
		})
	}
	wg.Go(func() {
		for range calls / 10 {
			if err := a.Kill(t.Context(), false); err != nil {
				t.Error(err)
			}
			if _, err := host.CallMethod[int](t.Context(), a, "Inc", 0); err != nil && !errors.Is(err, spec.ActorUnavailable) {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	a.Release()
	clean(t, node, j)
}
