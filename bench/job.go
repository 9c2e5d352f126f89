package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/raywasm/raywasm/host"
)

// jobTargets are what DESIGN.md asks of the driver's figures, in seconds per call.
var jobTargets = map[string]float64{
	"task, submit + get":       10e-6,
	"tasks, pipelined":         1.0 / 300_000,
	"actor call, submit + get": 5e-6,
	"actor calls, pipelined":   1.0 / 500_000,
}

// jobs measures tasks and actor calls of a job, as the guest's author sees them, beside two peers: goroutines without
// sandboxes, and a new wazero instance per call without anything around it. Then it measures whole processes.
func jobs(ctx context.Context, l *lab) (rows []row, err error) {
	calls, err := l.calls(ctx)
	if err != nil {
		return nil, err
	}
	processes, err := l.submits(ctx)
	return append(calls, processes...), err
}

func (l *lab) calls(ctx context.Context) (rows []row, err error) {
	plain, err := l.naive(ctx, l.program())
	if err != nil {
		return nil, err
	}
	node, module, err := l.node(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	n := max(1, int(l.slice/(10*time.Millisecond))) // a new instance takes some 10 ms
	var names []string
	samples := make(map[string][]float64)
	add := func(name string, sample float64) {
		if samples[name] == nil {
			names = append(names, name)
		}
		samples[name] = append(samples[name], sample)
	}
	for range l.rounds {
		took, err := timed(func() error { return plain.fresh(ctx) })(n)
		if err != nil {
			return nil, err
		}
		add("peer: wazero, new instance + call", took.Seconds()/float64(n))
		add("peer: goroutines and channels, no sandbox", goroutines(l.tasks))
		figures, err := drive(ctx, node, module, nil, "-tasks", strconv.Itoa(l.tasks), "-calls", strconv.Itoa(l.tasks/5), "-sync", strconv.Itoa(l.tasks/25))
		if err != nil {
			return nil, err
		}
		for _, f := range figures {
			add(f.Name, f.perCall())
		}
	}
	for _, name := range names {
		r := newRow("calls of a job", name, inSeconds, samples[name]).against(samples[names[0]], samples[name])
		if target := jobTargets[name]; target > 0 {
			r = r.aim(target)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// goroutines calls a Go function n times through channels, two goroutines per CPU, and returns the seconds per call.
func goroutines(n int) float64 {
	type call struct {
		x    int
		done chan int
	}
	work := make(chan call, 1024)
	for range 2 * runtime.GOMAXPROCS(0) {
		go func() {
			for c := range work {
				c.done <- c.x + 1
			}
		}()
	}
	defer close(work)
	begin := time.Now()
	done := make([]chan int, n)
	for i := range n {
		done[i] = make(chan int, 1)
		work <- call{i, done[i]}
	}
	for i := range done {
		if v := <-done[i]; v != i+1 {
			panic("bench: wrong result " + strconv.Itoa(v))
		}
	}
	return time.Since(begin).Seconds() / float64(n)
}

// node opens a node and loads the Go guest.
func (l *lab) node(ctx context.Context) (*host.Node, *host.Module, error) {
	node, err := host.Open(ctx, host.Config{CacheDir: l.cacheDir()})
	if err != nil {
		return nil, nil, err
	}
	module, err := node.Load(ctx, l.program().wasm)
	if err != nil {
		return nil, nil, errors.Join(err, node.Close())
	}
	return node, module, nil
}

// figure is a line that the driver prints: what it did, how often, and the time that took.
type figure struct {
	Name    string  `json:"name"`
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
}

func (f figure) perCall() float64 { return f.Seconds / float64(f.Calls) }

// drive runs the Go guest's driver as a job. seen, unless it is nil, is called with every figure; the driver waits
// meanwhile.
func drive(ctx context.Context, node *host.Node, module *host.Module, seen func(figure) error, args ...string) ([]figure, error) {
	out := &figureWriter{seen: seen}
	job, err := node.NewJob(ctx, host.JobConfig{Module: module, Args: args, Stdout: out, Stderr: os.Stderr})
	if err != nil {
		return nil, err
	}
	status, err := job.Run(ctx)
	err = errors.Join(err, job.Close(), out.err)
	if err == nil && status != 0 {
		err = fmt.Errorf("the driver's exit status is %d", status)
	}
	return out.figures, err
}

// figureWriter reads the driver's lines. Each comes in one piece.
type figureWriter struct {
	seen    func(figure) error
	figures []figure
	err     error
}

func (w *figureWriter) Write(b []byte) (int, error) {
	var f figure
	err := json.Unmarshal(b, &f)
	if err == nil && w.seen != nil {
		err = w.seen(f)
	}
	w.figures, w.err = append(w.figures, f), errors.Join(w.err, err)
	return len(b), nil
}

// submits measures the command raywasm as a whole process, from its start to its end.
func (l *lab) submits(ctx context.Context) ([]row, error) {
	raywasm := filepath.Join(l.dir, "raywasm")
	build := exec.CommandContext(ctx, "go", "build", "-o", raywasm, "github.com/raywasm/raywasm/cmd/raywasm")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build raywasm: %w\n%s", err, out)
	}
	process := func(args ...string) (float64, error) {
		cmd := exec.CommandContext(ctx, raywasm, args...)
		begin := time.Now()
		out, err := cmd.CombinedOutput()
		took := time.Since(begin).Seconds()
		if err != nil {
			return 0, fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
		return took, nil
	}
	submit := []string{"submit", "--quiet", "--cache-dir", l.cacheDir(), l.path(goGuest), "--", "-hello"}
	if _, err := process(submit...); err != nil { // from now on it is warm
		return nil, err
	}
	var version, warm []float64
	for range l.processes {
		v, err := process("version")
		if err != nil {
			return nil, err
		}
		w, err := process(submit...)
		if err != nil {
			return nil, err
		}
		version, warm = append(version, v), append(warm, w)
	}
	return []row{
		newRow("a whole process", "raywasm version: what any process costs", inSeconds, version),
		newRow("a whole process", "raywasm submit of a warm hello job", inSeconds, warm).against(version, warm).aim(150e-3),
	}, nil
}
