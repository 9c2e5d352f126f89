package host_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

func wantExplained(t testing.TB, r *host.Ref, says ...string) {
	t.Helper()
	for _, want := range says {
		if text := r.Explain(); !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
}

func TestAWaitSaysWhatItWaitsFor(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j := job(t, node, host.JobConfig{Module: module})
	runs := submit(t, j, "spin", spec.TaskOptions{}, true)
	queued := submit(t, j, "add", spec.TaskOptions{}, 1, 2)
	waits := submit(t, j, "add", spec.TaskOptions{}, 1, queued)
	for !strings.Contains(runs.Explain(), "runs since") { // it has been granted, and is about to run
		if _, _, err := j.Wait(t.Context(), []*host.Ref{runs}, 1, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	wantExplained(t, queued, "add", "is queued", "it needs {CPU: 1}", "more than is free (resources)", queued.ID().Task().String())
	if text := j.Explain(); !strings.Contains(text, "is queued") || strings.HasPrefix(text, "task spin") {
		t.Errorf("the job does not say what waits: %s", text)
	}
	wantExplained(t, waits, "waits for its argument 2", "is queued", waits.ID().Task().String(), queued.ID().Task().String())

	a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := a.Submit(t.Context(), "Inc", spec.TaskOptions{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	wantExplained(t, calls[0], "Counter.Inc", "in the queue of actor", "waiting for its place", "1 calls waiting")

	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := waits.GetValue(ctx); !errors.Is(err, spec.GetTimeout) || !strings.Contains(err.Error(), "is queued") {
		t.Errorf("a get that timed out: %v", err)
	}
	if err := runs.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	if _, err := waits.GetValue(t.Context()); err != nil {
		t.Error(err)
	}
	wantExplained(t, waits, "is there")
	for _, r := range []*host.Ref{runs, queued, waits, calls[0]} {
		r.Release()
	}
	a.Release()
	clean(t, node, j)
}

func TestRetriesOfNamedErrors(t *testing.T) {
	node, module := open(t, host.Config{Seed: 1})
	j := job(t, node, host.JobConfig{Module: module})
	two, soon := int32(2), time.Microsecond
	for name, retries := range map[string]int64{"*main.myError": 2, "*main.other": 0} {
		before := j.Stats().Retried
		r := submit(t, j, "fail", spec.TaskOptions{MaxRetries: &two, RetryOn: []string{name}, RetryDelay: &soon}, "error")
		if _, err := r.GetValue(t.Context()); !errors.Is(err, spec.TaskError) {
			t.Error(err)
		}
		if got := j.Stats().Retried - before; got != retries {
			t.Errorf("retried %d times on %s, want %d", got, name, retries)
		}
		r.Release()
	}
	hour, day := time.Minute, int32(1)
	r := submit(t, j, "fail", spec.TaskOptions{MaxRetries: &day, RetryOn: []string{"TaskError"}, RetryDelay: &hour}, "error")
	for !strings.Contains(r.Explain(), "waits before its attempt 1") {
		if _, _, err := j.Wait(t.Context(), []*host.Ref{r}, 1, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Cancel(t.Context(), false, true); err != nil {
		t.Fatal(err)
	}
	if _, err := r.GetValue(t.Context()); !errors.Is(err, spec.TaskCancelled) {
		t.Errorf("cancelled between two attempts: %v", err)
	}
	r.Release()
	clean(t, node, j)
}
