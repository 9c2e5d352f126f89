package host_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// What people who know Ray rely on when something fails, and that has no place beside other tests.

// TestAnActorThatFailsInACallServesTheNext: the call that it fails in is not run again, even if the actor is.
func TestAnActorThatFailsInACallServesTheNext(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := counter(t, j, spec.CheckpointPolicy{})
	inc(t, a, 3)
	for range 3 {
		if _, err := host.CallMethod[int](t.Context(), a, "Crash", 3); !errors.Is(err, spec.ActorUnavailable) || errors.Is(err, spec.ActorDied) {
			t.Fatalf("the call that it fails in: %v, want ActorUnavailable", err)
		}
		if n := inc(t, a, 1); n != 1 { // the constructor has run again
			t.Fatalf("the next call is answered %d, want 1", n)
		}
	}
	if retried := j.Stats().Retried; retried != 0 {
		t.Errorf("%d calls ran again", retried)
	}
	a.Release()
	clean(t, node, j)
}

// TestAnActorThatFailsBetweenCallsRestarts: as often as max_restarts says, and nobody sees an error before.
func TestAnActorThatFailsBetweenCallsRestarts(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{MaxRestarts: new(int32(2))}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		inc(t, a, 2)
		if err := a.Kill(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if n := inc(t, a, 1); n != 1 {
			t.Fatalf("after it failed the counter is %d, want 1", n)
		}
	}
	if err := a.Kill(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := host.CallMethod[int](t.Context(), a, "Inc", 1); !errors.Is(err, spec.ActorDied) {
		t.Errorf("after it failed for the third time: %v, want ActorDied", err)
	}
	a.Release()
	clean(t, node, j)
}

// TestWhatACrashedTaskPutIsThere: the node owns what a task puts, so that it does not go with the task.
func TestWhatACrashedTaskPutIsThere(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := counter(t, j, spec.CheckpointPolicy{})
	r := submit(t, j, "putAndCrash", spec.TaskOptions{MaxRetries: new(int32(0))}, a, 7)
	if _, err := r.GetValue(t.Context()); !errors.Is(err, spec.WorkerCrashed) {
		t.Fatalf("the task ended with %v", err)
	}
	if sum, err := host.CallMethod[int](t.Context(), a, "Kept"); sum != 7 || err != nil {
		t.Errorf("what it put is %d, %v, want 7", sum, err)
	}
	r.Release()
	a.Release()
	clean(t, node, j)
}

// TestAnActorsResultIsMadeAgainIfItsCallsMayRunAgain: and only then, as in Ray.
func TestAnActorsResultIsMadeAgainIfItsCallsMayRunAgain(t *testing.T) {
	for retries, want := range map[int32]spec.Kind{0: spec.ReconstructionFailed, 1: 0} {
		node, module := open(t, host.Config{})
		j := job(t, node, host.JobConfig{Module: module})
		a, err := j.NewActor(t.Context(), "Maker", spec.ActorOptions{MaxRestarts: new(int32(1)), MaxTaskRetries: &retries})
		if err != nil {
			t.Fatal(err)
		}
		refs, err := a.Submit(t.Context(), "Large", spec.TaskOptions{}, lostSize)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, refs[0], lostSize)
		node.Lose(refs[0])
		if b, err := host.Get[[]byte](t.Context(), refs[0]); spec.KindOf(err) != want || want == 0 && len(b) != lostSize {
			t.Errorf("with %d retries: %d bytes, %v, want %v", retries, len(b), err, want)
		}
		refs[0].Release()
		a.Release()
		clean(t, node, j)
	}
}

// TestACancelledMethod: one that waits never runs, one that runs goes on, and force is no error as it is in Ray: its caller
// gets the error at once.
func TestACancelledMethod(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := counter(t, j, spec.CheckpointPolicy{})
	spins := submit(t, j, "spin", spec.TaskOptions{}, true)
	call := func(method string, args ...any) *host.Ref {
		refs, err := a.Submit(t.Context(), method, spec.TaskOptions{}, args...)
		if err != nil {
			t.Fatal(err)
		}
		return refs[0]
	}
	inc(t, a, 1)
	runs := call("WaitFor", []any{spins})
	for !strings.Contains(runs.Explain(), "runs in actor") {
		runtime.Gosched()
	}
	waits := call("Inc", 1)
	for _, r := range []*host.Ref{waits, runs} {
		if err := r.Cancel(t.Context(), true, false); err != nil {
			t.Fatal(err)
		}
		if _, err := r.GetValue(t.Context()); !errors.Is(err, spec.TaskCancelled) {
			t.Errorf("a cancelled call: %v", err)
		}
	}
	if err := spins.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	if n := inc(t, a, 1); n != 2 {
		t.Errorf("the counter is %d, want 2: the call that waited ran, or the actor is another", n)
	}
	for _, r := range []*host.Ref{runs, waits, spins} {
		r.Release()
	}
	a.Release()
	clean(t, node, j)
}

// TestRetriesOfACallGoBeforeThoseOfItsActor: a call's max_task_retries, or its actor's, or none.
func TestRetriesOfACallGoBeforeThoseOfItsActor(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a, err := j.NewActor(t.Context(), "Stubborn", spec.ActorOptions{MaxTaskRetries: new(int32(2))})
	if err != nil {
		t.Fatal(err)
	}
	before := 0
	for _, test := range []struct {
		opts spec.TaskOptions
		runs int
	}{{spec.TaskOptions{}, 3}, {spec.TaskOptions{MaxRetries: new(int32(4))}, 5}, {spec.TaskOptions{MaxRetries: new(int32(0))}, 1}} {
		refs, err := a.Submit(t.Context(), "Try", test.opts, -1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := refs[0].GetValue(t.Context()); !errors.Is(err, spec.TaskError) {
			t.Errorf("a call that fails: %v", err)
		}
		refs[0].Release()
		n, err := host.CallMethod[int](t.Context(), a, "Tries")
		if n-before != test.runs || err != nil {
			t.Errorf("it ran %d times, want %d, %v", n-before, test.runs, err)
		}
		before = n
	}
	a.Release()
	clean(t, node, j)
}

// TestARefThatIsWaitedForTwice counts twice, where Ray refuses it.
func TestARefThatIsWaitedForTwice(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	r := submit(t, j, "add", spec.TaskOptions{}, 1, 2)
	ready, pending, err := j.Wait(t.Context(), []*host.Ref{r, r}, 2, spec.Forever)
	if err != nil || len(ready) != 2 || len(pending) != 0 {
		t.Errorf("%d are ready and %d pending, %v; want 2 and 0", len(ready), len(pending), err)
	}
	r.Release()
	clean(t, node, j)
}
