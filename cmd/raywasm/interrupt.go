package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (e *interrupted) Error() string {
	if e.signal == syscall.SIGINT {
		return "interrupted"
	}
	return "ended by signal: " + e.signal.String()
}

// status is the exit status by the shells' convention.
func (e *interrupted) status() int { return 128 + int(e.signal) }

// untilSignal returns a context that the first SIGINT or SIGTERM ends, with *interrupted as its cause. A second one
// exits at once. stop must be called; no signal is caught after it.
func untilSignal(parent context.Context, stderr io.Writer, exit func(status int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for first := true; ; first = false {
			select {
			case <-quit:
				return
			case s := <-signals:
				cause := &interrupted{s.(syscall.Signal)}
				if !first {
					fmt.Fprint(stderr, "\nraywasm: interrupted again: ended at once\n")
					exit(cause.status())
				}
				cancel(cause)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(quit)
		<-done
		cancel(nil)
	}
}
