package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/raywasm/raywasm/runtime/engine"
)

// TestMain lets the test binary be the command, and keeps what all tests share in one folder.
func TestMain(m *testing.M) {
	testscript.Main(withShared{m}, map[string]func(){"raywasm": main})
}

type withShared struct{ *testing.M }

func (m withShared) Run() int {
	dir, err := os.MkdirTemp("", "raywasm-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared = dir
	return m.M.Run()
}

// shared is where the guests and their compiled code are.
var shared string

// guests builds the guests with the command, loads them once so that their compiled code is in the cache, and returns
// the environment in which tests run the command.
var guests = sync.OnceValues(func() (env []string, err error) {
	sources, err := filepath.Abs(filepath.Join("testdata", "guests"))
	if err != nil {
		return nil, err
	}
	wasm := func(name string) string { return filepath.Join(shared, name+".wasm") }
	path, err := exec.LookPath("raywasm")
	if err != nil {
		return nil, err
	}
	env = []string{
		"XDG_CACHE_HOME=" + filepath.Join(shared, "cache"), "GOTOOLCHAIN=local",
		"GUESTS=" + sources, "ACTS=" + wasm("acts"), "INITPANIC=" + wasm("initpanic"), "MISTAKES=" + wasm("mistakes"), "BINONLY=" + filepath.Dir(path),
	}
	settings, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOFLAGS").Output()
	if err != nil {
		return nil, err
	}
	var goenv map[string]string
	if err := json.Unmarshal(settings, &goenv); err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(goenv)) {
		env = append(env, k+"="+goenv[k])
	}
	for _, args := range [][]string{
		{"build", filepath.Join(sources, "acts"), "-o", wasm("acts")},
		{"build", filepath.Join(sources, "initpanic"), "-o", wasm("initpanic")},
		{"build", filepath.Join(sources, "mistakes"), "-o", wasm("mistakes")},
		{"inspect", wasm("acts")},
		{"inspect", wasm("mistakes")},
	} {
		cmd := exec.Command("raywasm", args...)
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
	}
	return env, nil
})

func TestScripts(t *testing.T) {
	env, err := guests()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			runtime, err := os.MkdirTemp("", "raywasm-") // the path of a socket is short
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(runtime) })
			e.Vars = append(e.Vars, append(env, "RAYWASM_RUNTIME_DIR="+runtime)...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": wantStatus, "jsonkeys": wantKeys, "hex": writeHex, "until": until},
		Condition: func(name string) (bool, error) {
			if name != "wasmtime" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			e, err := engines[name](engine.Config{})
			if err != nil {
				return false, nil // it is not built in
			}
			return true, e.Close()
		},
	})
}

// wantStatus is "status N PROGRAM ARGS...": it runs the program and wants it to exit with status N.
func wantStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// until is "until PATTERN PROGRAM ARGS...": it runs the program again and again until what it prints matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM ARGS...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(time.Minute); ; {
		err := ts.Exec(args[1], args[2:]...)
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("stdout never matched %q; at last %v", args[0], err)
		}
	}
}

// wantKeys is "jsonkeys stdout KEY..." or "jsonkeys stderr KEY...": all of stdout, or the last line of stderr, is a JSON
// object with these keys and no others.
func wantKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: jsonkeys stdout|stderr KEY...")
	}
	text := strings.TrimSpace(ts.ReadFile(args[0]))
	if args[0] == "stderr" {
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		ts.Fatalf("%v in %s", err, text)
	}
	if got, want := slices.Sorted(maps.Keys(object)), slices.Sorted(slices.Values(args[1:])); !slices.Equal(got, want) {
		ts.Fatalf("keys %q, want %q", got, want)
	}
}

// writeHex is "hex FROM TO": TO gets the bytes whose hex digits FROM has, spaces and lines apart.
func writeHex(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hex FROM TO")
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(ts.ReadFile(args[0])), ""))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}
