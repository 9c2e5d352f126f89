package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/raywasm/raywasm/host/hostcall"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// plan is how thorough a run is.
type plan struct {
	rounds    int           // how often every variant is measured
	slice     time.Duration // about how long one takes in a round
	deadlines int           // samples of how late deadlines and timers are
	gcs       int           // collections that are timed
	goActors  int           // live actors of the Go guest
	actors    int           // live actors of the other guests
	wakeUps   int           // of those
	tasks     int           // of a job, pipelined; a fifth as many actor calls, a 25th one after the other
	refs      int           // in one object
	waits     int           // tasks, waited for one by one, and calls of an actor that wait
	queued    int           // tasks that wait on a node at once
	returns   int           // results of one call
	large     int64         // bytes of the largest object that a guest reads
	largest   int64         // bytes of the one that the host makes
	processes int           // that submit a job
	kernels   string        // which to run, as in "fib|sha", and in one language; "" for all
}

var (
	fullPlan = plan{
		rounds: 9, slice: 50 * time.Millisecond, deadlines: 200, gcs: 50, goActors: 10_000, actors: 100_000, wakeUps: 2_000,
		tasks: 50_000, refs: 10_000, waits: 1_000, queued: 1_000_000, processes: 5,
		returns: 3_000, large: spec.GiB, largest: 8 * spec.GiB,
	}
	shortPlan = plan{
		rounds: 3, slice: 5 * time.Millisecond, deadlines: 10, gcs: 3, goActors: 1_000, actors: 10_000, wakeUps: 200,
		tasks: 10_000, refs: 10_000, waits: 1_000, queued: 100_000, processes: 3,
		returns: 3_000, large: 64 * spec.MiB, largest: 256 * spec.MiB, kernels: "fib|sha|sorting|jsons",
	}
)

// lab is what the suites of a run share.
type lab struct {
	plan
	dir    string            // for what is built and cached; removed in the end
	notes  io.Writer         // what is going on, and why something is left out
	guests []guest           // the one in Go is the last
	plain  map[string]*naive // by the guest's name
}

// guest is a module that exports what tiny.go says.
type guest struct {
	name string
	wasm []byte
}

// The guests' names. The one in Go is also a program with a driver, tasks and actors.
const (
	cGuest  = "C"
	goGuest = "Go"
)

// newLab builds the guests.
func newLab(ctx context.Context, p plan, notes io.Writer) (*lab, error) {
	dir, err := os.MkdirTemp("", "raywasm-bench")
	if err != nil {
		return nil, err
	}
	l := &lab{plan: p, dir: dir, notes: notes, guests: []guest{{"tiny", tinyGuest()}}, plain: make(map[string]*naive)}
	if err := l.buildC(ctx); err != nil {
		return nil, errors.Join(err, l.close())
	}
	err = l.build(ctx, goGuest, []string{"GOOS=wasip1", "GOARCH=wasm"},
		"go", "build", "-buildmode=c-shared", "-ldflags=-w", "-o", l.path(goGuest), "github.com/raywasm/raywasm/bench/guest")
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) close() error {
	var errs []error
	for _, p := range l.plain {
		errs = append(errs, p.close(context.Background()))
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

func (l *lab) note(format string, args ...any) { fmt.Fprintf(l.notes, format+"\n", args...) }

// path is where the guest of that name lies.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name+".wasm") }

// cacheDir is where engines keep compiled code during the run.
func (l *lab) cacheDir() string { return filepath.Join(l.dir, "cache") }

//go:embed guests/c/guest.c
var cSource []byte

// clang compiles the C guest. Without it, there is none.
const clang = "clang-19"

func (l *lab) buildC(ctx context.Context) error {
	if _, err := exec.LookPath(clang); err != nil {
		l.note("no C guest: install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32")
		return nil
	}
	source := filepath.Join(l.dir, "guest.c")
	if err := os.WriteFile(source, cSource, 0o600); err != nil {
		return err
	}
	return l.build(ctx, cGuest, nil, clang, "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-o", l.path(cGuest), source)
}

// build runs the command that makes a guest and adds that to the guests.
func (l *lab) build(ctx context.Context, name string, env []string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the %s guest: %w\n%s", name, err, out)
	}
	wasm, err := os.ReadFile(l.path(name))
	if err != nil {
		return err
	}
	l.guests = append(l.guests, guest{name, wasm})
	return nil
}

// program returns the Go guest.
func (l *lab) program() guest { return l.guests[len(l.guests)-1] }

// naive returns the guest in plain wazero, compiled once.
func (l *lab) naive(ctx context.Context, g guest) (*naive, error) {
	if l.plain[g.name] == nil {
		p, err := newNaive(ctx, g)
		if err != nil {
			return nil, err
		}
		l.plain[g.name] = p
	}
	return l.plain[g.name], nil
}

// open opens a runtime whose guests may import all that a node offers, which nobody serves: these guests do not call it.
func (l *lab) open(e engine.Open) (*wasmrt.Runtime, error) {
	return wasmrt.New(wasmrt.Config{Engine: e, Imports: hostcall.Funcs(), CacheDir: l.cacheDir()})
}

// load loads a guest.
func load(ctx context.Context, rt *wasmrt.Runtime, g guest, trusted bool) (*wasmrt.Module, error) {
	m, err := rt.Load(ctx, g.wasm, wasmrt.LoadConfig{Trusted: trusted})
	if err != nil {
		return nil, fmt.Errorf("load the %s guest: %w", g.name, err)
	}
	return m, nil
}
