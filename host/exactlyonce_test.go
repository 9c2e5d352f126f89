package host_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// ledger makes an actor whose calls take effect exactly once, and the counter that it tells.
func ledger(t *testing.T, j *host.Job, p spec.CheckpointPolicy) (a, told *host.Actor) {
	t.Helper()
	told = counter(t, j, spec.CheckpointPolicy{})
	a, err := j.NewActor(t.Context(), "Ledger", spec.ActorOptions{Checkpoint: &p}, told)
	if err != nil {
		t.Fatal(err)
	}
	return a, told
}

// TestCallsTakeEffectExactlyOnce crashes an actor between its calls, and while they run: every line that was answered is in
// its state, once and as it was answered, and nothing that it did outside was done twice.
func TestCallsTakeEffectExactlyOnce(t *testing.T) {
	for name, policy := range map[string]spec.CheckpointPolicy{"with checkpoints": {Calls: 3}, "with the log alone": {}} {
		t.Run(name, func(t *testing.T) {
			node, module := open(t, host.Config{})
			j := job(t, node, host.JobConfig{Module: module})
			a, told := ledger(t, j, policy)
			var lines []string
			const calls = 25
			for i := range calls {
				refs, err := a.Submit(t.Context(), "Book", spec.TaskOptions{}, "line")
				if err != nil {
					t.Fatal(err)
				}
				if i%2 == 1 { // perhaps in the midst of it
					if err := a.Kill(t.Context(), false); err != nil {
						t.Fatal(err)
					}
				}
				line, err := host.Get[string](t.Context(), refs[0])
				if err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
				refs[0].Release()
				lines = append(lines, line)
				if i%3 == 2 { // between two calls
					if err := a.Kill(t.Context(), false); err != nil {
						t.Fatal(err)
					}
				}
			}
			got, err := host.CallMethod[[]string](t.Context(), a, "History")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, lines) {
				t.Errorf("its state is\n%q, what it answered was\n%q", got, lines)
			}
			if n := inc(t, told, 1); n != calls+1 {
				t.Errorf("it told another actor of %d lines, want %d", n-1, calls)
			}
			a.Release()
			told.Release()
			clean(t, node, j)
		})
	}
}

func TestExactlyOnceHasItsConditions(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	if _, err := j.NewActor(t.Context(), "Hall", spec.ActorOptions{ExactlyOnce: new(true)}); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("with concurrent calls: %v", err)
	}
	told := counter(t, j, spec.CheckpointPolicy{})
	told.Release()
	clean(t, node, j)

	small, module := open(t, host.Config{ObjectStoreMemory: 14 * spec.KiB}) // no room for a checkpoint
	k := job(t, small, host.JobConfig{Module: module})
	a, err := k.NewActor(t.Context(), "Counter", spec.ActorOptions{ExactlyOnce: new(true), MaxRestarts: new(int32(-1))}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.CallMethod[int](t.Context(), a, "Inc", 1); !errors.Is(err, spec.ActorDied) {
		t.Errorf("without room for the first checkpoint: %v, want ActorDied", err)
	}
	a.Release()
	clean(t, small, k)
}

// TestATaskThatRunsAgainDoesNotCallAgain: what its attempts asked of an actor whose calls take effect exactly once was asked
// once, and each attempt is told the same.
func TestATaskThatRunsAgainDoesNotCallAgain(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a, told := ledger(t, j, spec.CheckpointPolicy{})
	const lines = 4
	r := submit(t, j, "bookAndCrash", spec.TaskOptions{MaxRetries: new(int32(lines))}, a, lines)
	got, err := host.Get[[]string](t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	history, err := host.CallMethod[[]string](t.Context(), a, "History")
	if err != nil || len(got) != lines || !slices.Equal(history, got) {
		t.Errorf("the task was told\n%q, and the actor booked\n%q, %v", got, history, err)
	}
	if n := inc(t, told, 1); n != lines+1 {
		t.Errorf("it told another actor of %d lines, want %d", n-1, lines)
	}
	if retried := j.Stats().Retried; retried != lines {
		t.Errorf("%d attempts beyond the first, want %d", retried, lines)
	}
	r.Release()
	a.Release()
	told.Release()
	clean(t, node, j)
}
