package host_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

func generate(t testing.TB, j *host.Job, function string, opts spec.TaskOptions, args ...any) *host.Generator {
	t.Helper()
	g, err := j.Stream(t.Context(), function, opts, args...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// wantNext takes the next result of a generator, which is v.
func wantNext(t testing.TB, g *host.Generator, v int) {
	t.Helper()
	r, err := g.Next(t.Context())
	if err != nil {
		t.Fatalf("result %d: %v", v, err)
	}
	defer r.Release()
	if got, err := host.Get[int](t.Context(), r); err != nil || got != v {
		t.Fatalf("%d, %v; want %d", got, err, v)
	}
}

func wantEnd(t testing.TB, g *host.Generator) {
	t.Helper()
	if _, err := g.Next(t.Context()); !errors.Is(err, spec.EndOfStream) {
		t.Fatalf("after the last: %v", err)
	}
}

func TestAGeneratorsResultsAreTakenInOrder(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	g := generate(t, j, "count", spec.TaskOptions{}, 100)
	for i := range 100 {
		wantNext(t, g, i)
	}
	wantEnd(t, g)
	if n, err := host.Get[int](t.Context(), g.Completed()); err != nil || n != 100 {
		t.Errorf("it completed with %d, %v", n, err)
	}
	g.Release()
	if n, err := host.Call[int](t.Context(), j, "sumStream", 10); err != nil || n != 45 {
		t.Errorf("a guest that takes them: %d, %v", n, err)
	}
	clean(t, node, j)
}

func TestAGeneratorWaitsForItsConsumer(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j := job(t, node, host.JobConfig{Module: module})
	ahead := int32(2)
	g := generate(t, j, "count", spec.TaskOptions{StreamAhead: &ahead}, -1) // for ever
	for i := range 20 {
		wantNext(t, g, i)
		if sum, err := host.Call[int](t.Context(), j, "add", i, 1); err != nil || sum != i+1 {
			t.Fatalf("while it waits its CPU is not lent: %d, %v", sum, err)
		}
		if u := node.Usage(); u.Objects > 4 {
			t.Fatalf("%d objects, 2 may wait", u.Objects)
		}
	}
	g.Release() // nobody takes any more: it is cancelled, or ends with the error that its yield gives it, whichever comes first
	ended := func() bool {
		s := j.Stats()
		return node.Usage().Objects == 0 && s.Running == 0 && s.Cancelled+s.Failed == 1
	}
	for !ended() {
		if _, err := host.Call[int](t.Context(), j, "add", 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	clean(t, node, j)
}

func TestAGeneratorThatRunsAgainGivesNothingTwice(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	g := generate(t, j, "countBadly", spec.TaskOptions{}, 5, "crash")
	for i := range 10 {
		wantNext(t, g, i)
	}
	wantEnd(t, g)
	if s := j.Stats(); s.Retried != 2 {
		t.Errorf("%d retries, want 2", s.Retried)
	}
	g.Release()
	clean(t, node, j)
}

func TestAGeneratorsErrorHasItsPlace(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	once := int32(1)
	for how, kind := range map[string]spec.Kind{"fail": spec.TaskError, "crash": spec.WorkerCrashed} {
		g := generate(t, j, "countBadly", spec.TaskOptions{MaxRetries: &once}, 3, how)
		for i := range 3 {
			wantNext(t, g, i)
		}
		r, err := g.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.GetValue(t.Context()); !errors.Is(err, kind) {
			t.Errorf("%s: %v", how, err)
		}
		wantEnd(t, g)
		if _, err := g.Completed().GetValue(t.Context()); !errors.Is(err, kind) {
			t.Errorf("%s, completed: %v", how, err)
		}
		r.Release()
		g.Release()
	}
	clean(t, node, j)
}

func TestAGeneratorsResultsThatNobodyTookAreDropped(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	g := generate(t, j, "big", spec.TaskOptions{}, 5)
	if _, err := g.Completed().GetValue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u := node.Usage(); u.StoreObjects != 5 {
		t.Errorf("%d results are kept, want 5", u.StoreObjects)
	}
	g.Release()
	if u := node.Usage(); u.StoreObjects != 0 {
		t.Errorf("%d results are left", u.StoreObjects)
	}
	clean(t, node, j)
}

func TestOnlyGeneratorsYield(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	no := false
	r := submit(t, j, "count", spec.TaskOptions{Streaming: &no}, 3)
	if _, err := r.GetValue(t.Context()); err == nil || !strings.Contains(err.Error(), "is no generator") {
		t.Errorf("a call that is not streaming: %v", err)
	}
	r.Release()
	plain := generate(t, j, "add", spec.TaskOptions{}, 1, 2)
	defer plain.Release()
	last, err := plain.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := last.GetValue(t.Context()); !errors.Is(err, spec.InvalidResult) {
		t.Errorf("a function that returns a result instead: %v", err)
	}
	last.Release()
	plain.Release()
	clean(t, node, j)
}
