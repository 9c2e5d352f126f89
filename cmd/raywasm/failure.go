package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/spec"
)

// Exit statuses; a driver's own status passes through, and an interrupted command has 128 plus the signal's number.
const (
	statusFailure = 1
	statusUsage   = 2
	statusTimeout = 124 // as the timeout command of coreutils has it
)

// usageError is a command line that makes no sense.
type usageError struct {
	cmd  *cobra.Command
	text string
}

func (e *usageError) Error() string { return e.text }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd, fmt.Sprintf(format, args...)}
}

// exitStatus ends the command with a status when all there is to say has been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// goFailed is a run of the go command that failed: what it said goes below the error.
type goFailed struct {
	err    error
	output string
}

func (e *goFailed) Error() string { return e.err.Error() }

// report prints what went wrong, if anything did, and returns the exit status.
func report(w io.Writer, err error) int {
	var status exitStatus
	var usage *usageError
	var signal *interrupted
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &usage):
		fmt.Fprint(w, failureText(err))
		fmt.Fprintf(w, "see %s --help\n", usage.cmd.CommandPath())
		return statusUsage
	case errors.As(err, &signal):
		fmt.Fprint(w, failureText(err))
		return signal.status()
	default:
		fmt.Fprint(w, failureText(err))
		return statusFailure
	}
}

// failureText is an error as a person reads it: "raywasm: " and the error, and indented below it what the failing guest
// or go itself said.
func failureText(err error) string {
	var b strings.Builder
	indented := func(text string) {
		for line := range strings.Lines(strings.TrimRight(text, "\n")) {
			b.WriteString("    " + strings.TrimRight(line, "\r\n") + "\n")
		}
	}
	first, rest, _ := strings.Cut("raywasm: "+err.Error(), "\n")
	b.WriteString(first + "\n")
	indented(rest)
	var fault *spec.Fault
	if errors.As(err, &fault) {
		indented(fault.Detail())
	}
	var failed *goFailed
	if errors.As(err, &failed) {
		indented(failed.output)
	}
	return b.String()
}
