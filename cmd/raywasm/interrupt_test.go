package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestInterruptStopsTheJob: the first Ctrl-C stops the job, tells what was stopped, and is status 130.
func TestInterruptStopsTheJob(t *testing.T) {
	env, err := guests()
	if err != nil {
		t.Fatal(err)
	}
	acts := ""
	for _, kv := range env {
		if path, ok := strings.CutPrefix(kv, "ACTS="); ok {
			acts = path
		}
	}
	cmd := exec.CommandContext(t.Context(), "raywasm", "submit", "--num-cpus", "1", acts, "--", "spin")
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaited := []string{"submitted", "spinning"} // one task waits and one runs
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if len(awaited) == 0 {
			continue
		}
		awaited = slices.DeleteFunc(awaited, func(end string) bool { return strings.HasSuffix(lines.Text(), end) })
		if len(awaited) == 0 {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("%v, want exit status 130", err)
	}
	want := regexp.MustCompile(`^raywasm: job 01000000 interrupted: stopped its driver, 1 running task, 1 waiting task and 1 actor
job 01000000 was interrupted: 2 tasks \(2 cancelled\), 1 actor call, 1 actor in [0-9.]+m?s, [0-9.]+m?s of CPU
$`)
	if len(awaited) > 0 || !want.MatchString(stderr.String()) {
		t.Errorf("it never said %q, stderr:\n%s", awaited, &stderr)
	}
}

// TestInterruptTwice: the second signal exits at once, by the shells' convention for its number.
func TestInterruptTwice(t *testing.T) {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var stderr lockedBuffer
	exited := make(chan int, 1)
	ctx, stop := untilSignal(t.Context(), &stderr, func(status int) { exited <- status })
	defer stop()
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	var cause *interrupted
	if !errors.As(context.Cause(ctx), &cause) || cause.status() != 130 || cause.Error() != "interrupted" {
		t.Errorf("cause %v", context.Cause(ctx))
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := <-exited; status != 143 {
		t.Errorf("exit status %d, want 143", status)
	}
	if got, want := stderr.String(), "\nraywasm: interrupted again: ended at once\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

// lockedBuffer is a buffer that goroutines share.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
