package host_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// TestWhatWaitsSaysWhy: a task runs for ever on the only CPU; others wait for it, for their arguments and for their quota.
func TestWhatWaitsSaysWhy(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2, Quotas: map[string]spec.Resources{"small": {CPU: spec.Unit}}})
	j := job(t, node, host.JobConfig{Module: module, Namespace: "small"})
	submit := func(function string, opts spec.TaskOptions, args ...any) *host.Ref {
		t.Helper()
		refs, err := j.Submit(t.Context(), function, opts, args...)
		if err != nil {
			t.Fatal(err)
		}
		return refs[0]
	}
	spins := submit("spin", spec.TaskOptions{}, true)
	quota := submit("add", spec.TaskOptions{}, 1, 2)
	arguments := submit("add", spec.TaskOptions{}, quota, 4)
	for _, test := range []struct {
		ref  *host.Ref
		want string
	}{{quota, `namespace "small" holds {CPU: 1} of the {CPU: 1}`}, {arguments, "waits for its argument 1"}} {
		if got := test.ref.Explain(); !strings.Contains(got, test.want) {
			t.Errorf("it waits because %q, want %q", got, test.want)
		}
	}
	reasons := map[string]int{}
	for _, p := range node.Pending(10) {
		reasons[p.Reason] += p.Count
	}
	if reasons["quota"] != 1 || reasons["arguments"] != 1 || len(reasons) != 2 {
		t.Errorf("pending: %v", reasons)
	}
	text := node.Status().Autoscaler.String()
	for _, want := range []string{"1.0/2.0 CPU", "{'CPU': 1.0}: 2+ pending tasks/actors"} {
		if !strings.Contains(text, want) {
			t.Errorf("the status lacks %q:\n%s", want, text)
		}
	}
	if err := spins.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	if sum, err := host.Get[int](t.Context(), arguments); err != nil || sum != 7 {
		t.Errorf("got %d, %v", sum, err)
	}
	if left := node.Pending(10); len(left) != 0 {
		t.Errorf("pending: %+v", left)
	}
}

// TestNodesAreChosenByLabel: a node takes what its labels fulfil, by a fallback too, and refuses the rest, saying why.
func TestNodesAreChosenByLabel(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1, Labels: map[string]string{"zone": "a"}})
	j := job(t, node, host.JobConfig{Module: module, Weight: 2})
	other := strings.Repeat("00", 27) + "01"
	for _, test := range []struct {
		on   spec.Placement
		want error
	}{
		{spec.Placement{Labels: map[string]string{"zone": "in(a,b)"}}, nil},
		{spec.Placement{Labels: map[string]string{"zone": "b"}, Fallback: []map[string]string{{"zone": "!c"}}}, nil},
		{spec.Placement{Labels: map[string]string{"zone": "b"}}, spec.TaskUnschedulable},
		{spec.Placement{Node: node.ID().String()}, nil},
		{spec.Placement{Node: other}, spec.TaskUnschedulable},
		{spec.Placement{Node: other, Soft: true}, nil},
		{spec.Placement{Spread: true}, nil},
	} {
		refs, err := j.Submit(t.Context(), "add", spec.TaskOptions{Placement: &test.on}, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := host.Get[int](t.Context(), refs[0]); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%+v: %v, want %v", test.on, err, test.want)
		}
	}
	if _, err := j.Submit(t.Context(), "add", spec.TaskOptions{Placement: &spec.Placement{Labels: map[string]string{"zone": "in(a"}}}, 1, 2); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a selector that cannot be read: %v", err)
	}
	if _, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Placement: &spec.Placement{Node: "?"}}, 1); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a node's id that is none: %v", err)
	}
	if _, err := node.NewJob(t.Context(), host.JobConfig{Module: module, Weight: -1}); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a negative weight: %v", err)
	}
	waits, err := j.Submit(t.Context(), "spin", spec.TaskOptions{}, true)
	if err != nil {
		t.Fatal(err)
	}
	refs, err := j.Submit(t.Context(), "add", spec.TaskOptions{Placement: &spec.Placement{Node: other}}, waits[0], 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Get[int](t.Context(), refs[0]); !errors.Is(err, spec.TaskUnschedulable) {
		t.Errorf("what can never run waits for its arguments: %v", err)
	}
	actor, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Placement: &spec.Placement{Node: other}}, waits[0])
	if err != nil {
		t.Fatal(err)
	}
	actor.Release()
	if err := waits[0].Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	timeout := 10 * time.Millisecond
	refs, err = j.Submit(t.Context(), "spin", spec.TaskOptions{Timeout: &timeout}, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Get[int](t.Context(), refs[0]); !errors.Is(err, spec.DeadlineExceeded) {
		t.Errorf("a deadline: %v", err)
	}
}
