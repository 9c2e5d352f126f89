package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// ending is what became of a job.
type ending struct {
	job    spec.JobID
	module spec.Digest
	status int   // the driver's
	err    error // why it has none
	took   time.Duration
	stats  host.Stats
}

// leftovers are what a job was doing when it was stopped.
type leftovers struct {
	stats  host.Stats
	actors int
}

// stopped records that cause stopped the job, and what it was doing.
func (e *ending) stopped(cause error, left leftovers) {
	e.err = fmt.Errorf("job %v %w: stopped its driver, %s, %s and %s", e.job, cause,
		count(left.stats.Running, "running task"), count(left.stats.Waiting, "waiting task"), count(int64(left.actors), "actor"))
}

// outcome is one word for it.
func (e *ending) outcome() string {
	var late timedOut
	var signal *interrupted
	switch {
	case errors.As(e.err, &signal):
		return "interrupted"
	case errors.As(e.err, &late):
		return "timeout"
	case e.err != nil:
		return "failed"
	default:
		return "finished"
	}
}

// exitStatus is the driver's, or says why it has none. What is not 0 stays so in the eight bits that a process has.
func (e *ending) exitStatus() int {
	var late timedOut
	var signal *interrupted
	switch {
	case errors.As(e.err, &signal):
		return signal.status()
	case errors.As(e.err, &late):
		return statusTimeout
	case e.err != nil:
		return statusFailure
	case e.status != 0 && e.status&0xff == 0:
		return statusFailure
	default:
		return e.status & 0xff
	}
}

// reported is the error as it is printed: without the tail of the driver's stderr, which has been there live.
func (e *ending) reported() error {
	var fault *spec.Fault
	if !errors.As(e.err, &fault) || fault.Stderr == "" {
		return e.err
	}
	shown := *fault
	shown.Stderr = ""
	return &toldError{e.err, &shown}
}

// toldError is an error whose fault has been told in part.
type toldError struct {
	error
	fault *spec.Fault
}

// Unwrap makes the fault the one that errors.As finds.
func (e *toldError) Unwrap() error { return e.fault }

// summary is the last line of a submission.
func (e *ending) summary(f format) (string, error) {
	if f == formatJSON {
		return e.json()
	}
	verb := e.outcome()
	switch {
	case verb == "timeout":
		verb = "timed out"
	case verb == "interrupted":
		verb = "was interrupted"
	case e.status != 0:
		verb = fmt.Sprintf("exited with status %d", e.status)
	}
	s := &e.stats
	parts := []string{count(s.Submitted-s.ActorCalls, "task") + e.asides()}
	if s.ActorCalls > 0 || s.Actors > 0 {
		parts = append(parts, count(s.ActorCalls, "actor call"), count(s.Actors, "actor"))
	}
	cpu := duration(time.Duration(e.stats.CPUSeconds * float64(time.Second)))
	return fmt.Sprintf("job %v %s: %s in %s, %s of CPU", e.job, verb, strings.Join(parts, ", "), duration(e.took), cpu), nil
}

// asides are what did not go straight: " (1 retried, 2 failed)".
func (e *ending) asides() string {
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{e.stats.Retried, "retried"}, {e.stats.Failed, "failed"}, {e.stats.Cancelled, "cancelled"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (e *ending) json() (string, error) {
	form := struct {
		Job        string     `json:"job"`
		Module     string     `json:"module"`
		Outcome    string     `json:"outcome"`
		ExitStatus int        `json:"exit_status"`
		Error      string     `json:"error,omitempty"`
		Seconds    float64    `json:"seconds"`
		Stats      host.Stats `json:"stats"`
	}{e.job.String(), e.module.String(), e.outcome(), e.exitStatus(), "", e.took.Seconds(), e.stats}
	if e.err != nil {
		form.Error = e.err.Error()
	}
	text, err := json.Marshal(form)
	return string(text), err
}

// seconds prints how long something has taken so far: "0.3s", "12.0s", "2m5s".
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// count prints a number of things: "1 task", "2 tasks".
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// duration prints how long something took: "23ms", and from a second on as seconds does.
func duration(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return seconds(d)
}
