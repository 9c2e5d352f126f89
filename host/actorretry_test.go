package host_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

func TestAMethodsErrorsAreRetried(t *testing.T) {
	for name, test := range map[string]struct {
		opts   spec.TaskOptions
		refuse int
		asked  int  // how often it ran
		fails  bool // and its result is an error
	}{
		"as its class says":          {spec.TaskOptions{MaxRetries: new(int32(3))}, 2, 3, false},
		"as often as allowed":        {spec.TaskOptions{MaxRetries: new(int32(2))}, -1, 3, true},
		"without a budget":           {spec.TaskOptions{}, 2, 1, true},
		"not by this call":           {spec.TaskOptions{MaxRetries: new(int32(3)), RetryExceptions: new(false)}, 2, 1, true},
		"those of a type":            {spec.TaskOptions{MaxRetries: new(int32(3)), RetryExceptions: new(false), RetryOn: []string{"*main.myError"}}, 2, 3, false},
		"none of another type":       {spec.TaskOptions{MaxRetries: new(int32(3)), RetryExceptions: new(false), RetryOn: []string{"*fs.PathError"}}, 2, 1, true},
		"each after a pause":         {spec.TaskOptions{MaxRetries: new(int32(3)), RetryDelay: new(time.Millisecond)}, 2, 3, false},
		"for ever, until it returns": {spec.TaskOptions{MaxRetries: new(int32(-1))}, 9, 10, false},
	} {
		for kind, opts := range map[string]spec.ActorOptions{"one by one": {}, "concurrent": {MaxConcurrency: new(int32(2))}} {
			t.Run(name+", "+kind, func(t *testing.T) {
				node, module := open(t, host.Config{})
				j := job(t, node, host.JobConfig{Module: module})
				a, err := j.NewActor(t.Context(), "Stubborn", opts)
				if err != nil {
					t.Fatal(err)
				}
				refs, err := a.Submit(t.Context(), "Try", test.opts, test.refuse)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := host.Get[int](t.Context(), refs[0]); (err != nil) != test.fails || err != nil && !errors.Is(err, spec.TaskError) {
					t.Errorf("the call ended with %v", err)
				}
				if n, err := host.CallMethod[int](t.Context(), a, "Tries"); n != test.asked || err != nil {
					t.Errorf("it ran %d times, want %d, %v", n, test.asked, err)
				}
				refs[0].Release()
				a.Release()
				clean(t, node, j)
			})
		}
	}
}

// TestARetriedMethodKeepsItsPlace: a caller's calls end in their order, however often each runs.
func TestARetriedMethodKeepsItsPlace(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a, err := j.NewActor(t.Context(), "Stubborn", spec.ActorOptions{MaxTaskRetries: new(int32(-1))})
	if err != nil {
		t.Fatal(err)
	}
	var all []*host.Ref
	for i := range 10 {
		opts := spec.TaskOptions{}
		if i%2 == 0 {
			opts.RetryDelay = new(time.Millisecond)
		}
		refs, err := a.Submit(t.Context(), "Try", opts, 2)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, refs[0])
	}
	for i, r := range all {
		if n, err := host.Get[int](t.Context(), r); err != nil || n != i+1 {
			t.Errorf("call %d was served as number %d, %v", i+1, n, err)
		}
		r.Release()
	}
	a.Release()
	clean(t, node, j)
}

func TestCallsThatTakeEffectOnceAreNotRetried(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a, err := j.NewActor(t.Context(), "Stubborn", spec.ActorOptions{ExactlyOnce: new(true), MaxRestarts: new(int32(-1))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Submit(t.Context(), "Try", spec.TaskOptions{}, 1); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a call that would be retried: %v, want InvalidArgument", err)
	}
	a.Release()
	clean(t, node, j)
}

// TestManyPendingCallsAreToldOf: at 5,000 calls that wait, and when these have doubled, as in Ray.
func TestManyPendingCallsAreToldOf(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	node, module := open(t, host.Config{Logger: zap.New(core)})
	j := job(t, node, host.JobConfig{Module: module})
	spins := submit(t, j, "spin", spec.TaskOptions{}, true)
	a := counter(t, j, spec.CheckpointPolicy{})
	var all []*host.Ref
	for range 2*spec.PendingCallsWarning + 10 {
		refs, err := a.Submit(t.Context(), "Inc", spec.TaskOptions{}, spins)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, refs[0])
	}
	told := logs.FilterMessageSnippet("many calls wait").All()
	if len(told) != 2 || told[0].ContextMap()["calls"] != int64(spec.PendingCallsWarning) || told[1].ContextMap()["calls"] != int64(2*spec.PendingCallsWarning) {
		t.Errorf("told: %v", told)
	}
	if err := spins.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		r.Release()
	}
	spins.Release()
	a.Release()
	clean(t, node, j)
}
