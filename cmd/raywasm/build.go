package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/spec"
)

func newBuild() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:                   "build DIR [-o FILE]",
		DisableFlagsInUseLine: true,
		Short:                 "Build a Go main package into a module",
		Long: `Builds the Go main package in DIR into a WebAssembly module that is driver and worker
at once, and prints the module's file, digest and size. Go must be installed.

It runs in DIR, with whatever else Go's environment variables say:

  GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags=-w -o FILE .

The package imports the SDK, github.com/raywasm/raywasm/guest-sdk/go, and so its Go
module requires github.com/raywasm/raywasm.`,
		Example: `  raywasm build ./examples/pi
  raywasm build . -o /tmp/pi.wasm`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd, "want one DIR, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen(cmd.OutOrStdout(), cmd.ErrOrStderr(), false)
			return build(cmd.Context(), s, args[0], out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the module's `FILE` (default: the directory's name and .wasm, in the current directory)")
	return cmd
}

func build(ctx context.Context, s *screen, dir, out string) error {
	if out == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		out = filepath.Base(abs) + ".wasm"
	}
	if err := goBuild(ctx, s, dir, out); err != nil {
		return err
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	return s.stdout.writeLine(fmt.Sprintf("%s %v %s", out, spec.DigestOf(wasm), spec.FormatBytes(int64(len(wasm)))))
}

// goBuild builds the main package in dir into the file out.
func goBuild(ctx context.Context, s *screen, dir, out string) error {
	stop := s.doing("building " + dir)
	defer stop()
	const op = "build"
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return spec.Errorf(op, spec.NotFound, dir, "it does not exist: name a directory with a Go main package")
	case err != nil:
		return &spec.Error{Op: op, Kind: spec.System, ID: dir, Err: err}
	case !info.IsDir():
		return spec.Errorf(op, spec.InvalidArgument, dir, "it is not a directory: name one with a Go main package")
	}
	out, err = filepath.Abs(out)
	if err != nil {
		return err
	}
	name, err := runGo(ctx, dir, "list", "-f", "{{.Name}}", ".")
	if err != nil {
		return explain(err, dir, "Go finds no package in it")
	}
	if name = strings.TrimSpace(name); name != "main" {
		return spec.Errorf(op, spec.InvalidArgument, dir, "it is package %s, and only a main package is a program", name)
	}
	if _, err := runGo(ctx, dir, "build", "-buildmode=c-shared", "-ldflags=-w", "-o", out, "."); err != nil {
		return explain(err, dir, "go build failed")
	}
	return nil
}

// explain says what a failure of the go command means. What go said stays below it; other errors stay as they are.
func explain(err error, dir, what string) error {
	var failed *goFailed
	if !errors.As(err, &failed) {
		return err
	}
	return &spec.Error{Op: "build", Kind: spec.InvalidArgument, ID: dir, Err: &goFailed{fmt.Errorf("%s: %w", what, failed.err), failed.output}}
}

// runGo runs the go command for WebAssembly in dir and returns its stdout. When ctx ends, go is interrupted; the temporary
// files that it then leaves are removed here.
func runGo(ctx context.Context, dir string, args ...string) (string, error) {
	tmp, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "raywasm-go-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOTMPDIR="+tmp)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err = cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", spec.Errorf("build", spec.NotFound, dir, "the go command is not in PATH: install Go from https://go.dev/dl, or submit a .wasm file")
	case err != nil && ctx.Err() != nil:
		return "", context.Cause(ctx)
	case killedBy(err, syscall.SIGINT): // a terminal sends Ctrl-C to both, and go was faster
		return "", &interrupted{syscall.SIGINT}
	case err != nil:
		return "", &goFailed{err, stderr.String()}
	}
	return stdout.String(), nil
}

// killedBy reports whether err is that of a process that the signal ended.
func killedBy(err error, signal syscall.Signal) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}
