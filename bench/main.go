// Command bench measures the whole system: a job of tiny tasks and actor calls on an embedded node, beside peers in the
// same run.
//
//	go run ./bench
//
// The peers are: a Go function called through a channel by a pool of goroutines (no sandbox at all: the floor), and
// a new wazero instance of the same guest for every call (a fresh sandbox as one gets it without this project).
// Figures of one run may be compared with each other; docs/bench.md keeps some with their machine and date.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/raywasm/raywasm/host"
)

// result is one row.
type result struct {
	Name    string  `json:"name"`
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
}

func (r result) perCall() time.Duration {
	return time.Duration(r.Seconds / float64(r.Calls) * float64(time.Second))
}

func main() {
	tasks := flag.Int("tasks", 50_000, "tiny tasks, pipelined")
	calls := flag.Int("calls", 10_000, "actor calls, pipelined")
	sync := flag.Int("sync", 2_000, "tasks and actor calls one after the other")
	naive := flag.Int("naive", 100, "new wazero instances, one per call")
	format := flag.String("format", "text", "text or json")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the run to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	rows, err := measure(ctx, *tasks, *calls, *sync, *naive)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if err := print(os.Stdout, rows, *format); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, tasks, calls, sync, naive int) ([]result, error) {
	dir, err := os.MkdirTemp("", "raywasm-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "guest.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-ldflags=-w", "-o", path, "github.com/raywasm/raywasm/bench/guest")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build the guest: %w", err)
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rows := []result{goroutines(tasks)}
	slow, err := newInstances(ctx, wasm, naive)
	if err != nil {
		return nil, err
	}
	rows = append(rows, slow)
	ours, err := job(ctx, wasm, tasks, calls, sync)
	return append(rows, ours...), err
}

// goroutines calls a Go function through channels: two goroutines per CPU, no sandbox, no encoding.
func goroutines(n int) result {
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
			panic("wrong result " + strconv.Itoa(v))
		}
	}
	return result{"peer: goroutines and channels, no sandbox", n, time.Since(begin).Seconds()}
}

// job runs the guest's driver on an embedded node and reads what it measured.
func job(ctx context.Context, wasm []byte, tasks, calls, sync int) (rows []result, err error) {
	node, err := host.Open(ctx, host.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	module, err := node.Load(ctx, wasm)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	j, err := node.NewJob(ctx, host.JobConfig{
		Module: module, Stdout: &out, Stderr: os.Stderr,
		Args: []string{"-tasks", strconv.Itoa(tasks), "-calls", strconv.Itoa(calls), "-sync", strconv.Itoa(sync)},
	})
	if err != nil {
		return nil, err
	}
	status, err := j.Run(ctx)
	if err != nil {
		return nil, err
	}
	if status != 0 {
		return nil, fmt.Errorf("the driver's exit status is %d", status)
	}
	for d := json.NewDecoder(&out); ; {
		var r result
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
}

func print(w io.Writer, rows []result, format string) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tcalls\tper call\tper second\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%v\t%.0f\t\n", r.Name, r.Calls, r.perCall().Round(10*time.Nanosecond), float64(r.Calls)/r.Seconds)
	}
	return t.Flush()
}
