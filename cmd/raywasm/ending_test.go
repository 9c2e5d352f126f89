package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

func TestSummary(t *testing.T) {
	job := spec.JobNumber(1)
	busy := host.Stats{Submitted: 52, Finished: 51, Failed: 1, Retried: 2, Cancelled: 3, ActorCalls: 10, Actors: 1}
	stopped := func(cause error) ending {
		e := ending{job: job, took: time.Second}
		e.stopped(cause, leftovers{host.Stats{Running: 1, Waiting: 2}, 0})
		return e
	}
	for _, c := range []struct {
		name   string
		end    ending
		want   string
		status int
	}{
		{"finished", ending{job: job, took: 1260 * time.Millisecond}, "job 01000000 finished: 0 tasks in 1.3s, 0s of CPU", 0},
		{"busy", ending{job: job, stats: busy, took: 125 * time.Second}, "job 01000000 finished: 42 tasks (2 retried, 1 failed, 3 cancelled), 10 actor calls, 1 actor in 2m5s, 0s of CPU", 0},
		{"status", ending{job: job, status: 300}, "job 01000000 exited with status 300: 0 tasks in 0s, 0s of CPU", 300 & 0xff},
		{"status of no low bits", ending{job: job, status: 512}, "job 01000000 exited with status 512: 0 tasks in 0s, 0s of CPU", 1},
		{"negative status", ending{job: job, status: -1}, "job 01000000 exited with status -1: 0 tasks in 0s, 0s of CPU", 255},
		{"trap", ending{job: job, err: spec.GuestTrap}, "job 01000000 failed: 0 tasks in 0s, 0s of CPU", 1},
		{"timeout", stopped(timedOut(time.Second)), "job 01000000 timed out: 0 tasks in 1.0s, 0s of CPU", 124},
		{"interrupt", stopped(&interrupted{syscall.SIGINT}), "job 01000000 was interrupted: 0 tasks in 1.0s, 0s of CPU", 130},
		{"terminated", stopped(&interrupted{syscall.SIGTERM}), "job 01000000 was interrupted: 0 tasks in 1.0s, 0s of CPU", 143},
	} {
		got, err := c.end.summary(formatText)
		if got != c.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
		if got := c.end.exitStatus(); got != c.status {
			t.Errorf("%s: exit status %d, want %d", c.name, got, c.status)
		}
	}
	e := stopped(timedOut(time.Second))
	if want := "job 01000000 timed out after 1s (--timeout): stopped its driver, 1 running task, 2 waiting tasks and 0 actors"; e.err.Error() != want {
		t.Errorf("%q, want %q", e.err, want)
	}
}

// TestDriversStderrIsToldOnce: it was there live, so the error has the stack only.
func TestDriversStderrIsToldOnce(t *testing.T) {
	err := &spec.Error{Op: "run the driver", Kind: spec.GuestTrap, Err: &spec.Fault{Message: "unreachable", Stack: "main.main\n", Stderr: "seen before\n"}}
	e := ending{err: err}
	const want = "raywasm: run the driver: unreachable (GuestTrap)\n    remote stack:\n        main.main\n"
	if got := failureText(e.reported()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(e.err, spec.GuestTrap) || err.Err.(*spec.Fault).Stderr == "" {
		t.Error("the error itself was changed")
	}
}

func TestReport(t *testing.T) {
	root := newRoot()
	fault := &spec.Fault{Message: "first line\nsecond line", Stack: "a\nb\n", Stderr: "bye\n"}
	for _, c := range []struct {
		err    error
		want   string
		status int
	}{
		{nil, "", 0},
		{exitStatus(7), "", 7},
		{errors.New("no luck"), "raywasm: no luck\n", 1},
		{usagef(root, "want %s", "more"), "raywasm: want more\nsee raywasm --help\n", 2},
		{&interrupted{syscall.SIGINT}, "raywasm: interrupted\n", 130},
		{&spec.Error{Op: "load", Kind: spec.GuestTrap, ID: "x.wasm", Err: fault},
			"raywasm: load x.wasm: first line\n    second line (GuestTrap)\n    remote stack:\n        a\n        b\n    last lines of its stderr:\n        bye\n", 1},
		{fmt.Errorf("build x: %w", &goFailed{errors.New("exit status 1"), "# x\nx.go:1: wrong\n"}),
			"raywasm: build x: exit status 1\n    # x\n    x.go:1: wrong\n", 1},
		{context.DeadlineExceeded, "raywasm: context deadline exceeded\n", 1},
	} {
		var b strings.Builder
		if status := report(&b, c.err); status != c.status || b.String() != c.want {
			t.Errorf("%v: status %d, want %d\ngot  %q\nwant %q", c.err, status, c.status, b.String(), c.want)
		}
	}
}
