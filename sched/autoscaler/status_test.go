package autoscaler_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/spec"
)

// status has something in every section.
func status() autoscaler.Status {
	return autoscaler.Status{
		At:     time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC),
		Active: []autoscaler.TypeCount{{Type: "head", Count: 1}, {Type: "worker", Count: 2}},
		Idle:   []autoscaler.TypeCount{{Type: "worker", Count: 1}},
		Pending: []autoscaler.Instance{
			{ID: "c-worker-4", Type: "worker", State: autoscaler.RayInstalling},
			{ID: "c-worker-5", Type: "worker", State: autoscaler.Queued, Detail: "upscaling_speed: 5 launches under way"},
		},
		Leaving:  []autoscaler.Instance{{ID: "c-worker-2", Type: "worker", State: autoscaler.RayStopping, Reason: autoscaler.ReasonIdle}},
		Failures: []autoscaler.Failure{{ID: "c-worker-3", Type: "worker", Detail: "out of stock", At: time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)}},
		Usage: []autoscaler.Usage{
			{Resource: "CPU", Used: 3.5, Total: 8, Reserved: 4, ReservedUsed: 1},
			{Resource: "GPU", Used: 0, Total: 2},
			{Resource: "memory", Used: 1 << 30, Total: 16 << 30, Reserved: 2 << 30, ReservedUsed: 1 << 29},
		},
		Floor: []autoscaler.DemandCount{{Shape: "{'CPU': 1.0}", Count: 4}},
		Demands: []autoscaler.DemandCount{
			{Shape: "{'CPU': 1.0}", Count: 3}, {Shape: "{'GPU': 1.0} * 2 (STRICT_SPREAD)", Count: 1, Group: true},
		},
		Unmet: []autoscaler.Unmet{{Shape: "{'CPU': 64.0}", Count: 2, Why: autoscaler.WhyInfeasible, Nearest: "worker", Lacks: "{CPU: 60}",
			Text: "no node type can take it; worker comes nearest and lacks {CPU: 60}: add a type that has it, or ask for less"}},
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if flag.Lookup("rewrite").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -rewrite writes it anew. Got:\n%s", path, got)
	}
}

func TestStatusText(t *testing.T) {
	golden(t, "status.txt", status().String())
	golden(t, "status_empty.txt", autoscaler.Status{At: start}.String())
}

func TestStatusJSON(t *testing.T) {
	b, err := json.MarshalIndent(status(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status.json", string(b)+"\n")
}

// What a group has reserved is in use only as far as its tasks use it.
func TestUsageWithReservations(t *testing.T) {
	a := autoscaler.New("u")
	a.Step(start, autoscaler.Observation{Nodes: []autoscaler.Node{{ID: "head", Type: "head", Head: true,
		Total: spec.Resources{CPU: 8 * spec.Unit}, Free: spec.Resources{CPU: 3 * spec.Unit},
		Reserved: spec.Resources{CPU: 4 * spec.Unit}, ReservedUsed: spec.Resources{CPU: spec.Unit}}}})
	want := autoscaler.Usage{Resource: "CPU", Used: 2, Total: 8, Reserved: 4, ReservedUsed: 1}
	if got := a.Status().Usage; len(got) != 1 || got[0] != want {
		t.Errorf("usage %+v, want %+v", got, want)
	}
}

// Equal observations give equal actions and statuses, whatever the order of maps.
func TestDeterminism(t *testing.T) {
	once := func() string {
		a := autoscaler.New("d")
		in := large(50, 40, 0)
		actions := a.Step(start, in)
		b, err := json.Marshal([]any{actions, a.Status(), a.Instances()})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := once()
	for range 5 {
		if once() != want {
			t.Fatal("two runs differ")
		}
	}
}
