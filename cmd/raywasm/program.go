package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// addCacheDir gives the command the flag --cache-dir.
func addCacheDir(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "cache-dir", "", "the `DIR` of compiled code; \"off\" keeps none (default: raywasm in the user's cache directory)")
	_ = cmd.MarkFlagDirname("cache-dir") // the flag is there
}

// completeProgram completes what readProgram reads.
func completeProgram(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"wasm"}, cobra.ShellCompDirectiveFilterFileExt
}

// readProgram returns the bytes of a .wasm file, or builds the Go main package in a directory and returns those.
func readProgram(ctx context.Context, s *screen, path string) ([]byte, error) {
	const op = "read the program"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, spec.Errorf(op, spec.NotFound, path, "it does not exist: name a .wasm file or a directory with a Go main package")
	case err != nil:
		return nil, &spec.Error{Op: op, Kind: spec.System, ID: path, Err: err}
	case info.IsDir():
		return buildProgram(ctx, s, path)
	case strings.HasSuffix(path, ".go"):
		return nil, spec.Errorf(op, spec.InvalidArgument, path, "it is a Go source file: name its directory")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.System, ID: path, Err: err}
	}
	defer f.Close()
	var wasm bytes.Buffer
	wasm.Grow(int(min(info.Size(), spec.MaxModuleBytes)) + bytes.MinRead)
	if _, err := wasm.ReadFrom(io.LimitReader(f, spec.MaxModuleBytes+1)); err != nil { // one more, so that the host sees that it is too much
		return nil, &spec.Error{Op: op, Kind: spec.System, ID: path, Err: err}
	}
	return wasm.Bytes(), nil
}

// buildProgram builds the main package in dir, keeps nothing of it on the disk and returns the module.
func buildProgram(ctx context.Context, s *screen, dir string) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "raywasm-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "program.wasm")
	if err := goBuild(ctx, s, dir, out); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// loadProgram loads the module that was read from path.
func loadProgram(ctx context.Context, s *screen, node *host.Node, path string, wasm []byte, load host.LoadConfig) (*host.Module, error) {
	stop := s.doing("loading " + path)
	defer stop()
	module, err := node.LoadWith(ctx, wasm, load)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return module, nil
}
