package main

import (
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

func TestProgressExplainsWhatDoesNotMove(t *testing.T) {
	p := progress{job: spec.JobNumber(2)}
	asked, why := 0, "task sum (0123456789abcdef0123456789abcdef) is queued: it needs {CPU: 4} (resources)"
	explain := func() string {
		asked++
		return why
	}
	const counts, reason = "1 waiting", "job 02000000: nothing new for 10.0s: task sum (0123) is queued: it needs {CPU: 4} (resources)"
	waiting := host.Stats{Waiting: 1}
	for _, step := range []struct {
		at    time.Duration
		stats host.Stats
		want  string
		asked int
	}{
		{time.Second, waiting, counts, 0},
		{10900 * time.Millisecond, host.Stats{Waiting: 1, CPUSeconds: 1}, counts, 0},
		{11 * time.Second, waiting, reason, 1},
		{20 * time.Second, waiting, "nothing new for 19.0s: task sum", 1},
		{21 * time.Second, waiting, "nothing new for 20.0s", 2}, // it may be another reason by now
		{22 * time.Second, host.Stats{Waiting: 1, Finished: 1}, counts, 2},
		{32 * time.Second, host.Stats{Waiting: 1, Finished: 1}, "nothing new for 10.0s", 3},
	} {
		if got := p.text(step.stats, nil, explain, step.at); !strings.Contains(got, step.want) || asked != step.asked {
			t.Errorf("at %v: %q after %d questions, want %q after %d", step.at, got, asked, step.want, step.asked)
		}
	}
	why = ""
	if got := p.text(host.Stats{Finished: 1}, nil, explain, time.Minute); !strings.Contains(got, "1 finished") {
		t.Errorf("%q", got)
	}
	if got := p.text(host.Stats{Finished: 1}, nil, explain, 2*time.Minute); !strings.Contains(got, "1 finished") {
		t.Errorf("nothing is left that waits: %q", got)
	}
}

func TestStatusText(t *testing.T) {
	job := spec.JobNumber(2)
	if got, want := statusText(job, host.Stats{Running: 2, Waiting: 5, Finished: 7}, []host.Pending{{Count: 1, Reason: "arguments"}, {Count: 3, Reason: "resources"}, {Count: 1, Reason: "resources"}}, 300*time.Millisecond), "job 02000000: 2 running, 5 waiting (4 resources, 1 arguments), 7 finished 0.3s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := statusText(job, host.Stats{Retried: 1, Failed: 2}, nil, time.Hour), "job 02000000: 0 running, 0 waiting, 0 finished, 1 retried, 2 failed 1h0m0s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
