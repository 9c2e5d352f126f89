package host_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// BenchmarkDurableCalls calls a counter, in Go, one call after the other: in memory, kept after each call, and with calls that
// take effect exactly once.
func BenchmarkDurableCalls(b *testing.B) {
	for _, kind := range []struct {
		name string
		dir  bool
		opts spec.ActorOptions
	}{
		{"memory", false, spec.ActorOptions{}},
		{"checkpoint-each", true, spec.ActorOptions{Lifetime: spec.LifetimeDetached, Checkpoint: &spec.CheckpointPolicy{Calls: 1}}},
		{"exactly-once", true, spec.ActorOptions{Lifetime: spec.LifetimeDetached, ExactlyOnce: new(true), MaxRestarts: new(int32(-1))}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			cfg := host.Config{}
			if kind.dir {
				cfg.DataDir = b.TempDir()
			}
			node, module := open(b, cfg)
			j, err := node.NewJob(b.Context(), host.JobConfig{Module: module})
			if err != nil {
				b.Fatal(err)
			}
			a, err := j.NewActor(b.Context(), "Counter", kind.opts, 0)
			if err != nil {
				b.Fatal(err)
			}
			call := func() {
				if _, err := host.CallMethod[int](b.Context(), a, "Inc", 1); err != nil {
					b.Fatal(err)
				}
			}
			call()
			before, n := written(b), 0
			for b.Loop() {
				call()
				n++
			}
			b.ReportMetric(float64(written(b)-before)/float64(n), "B-written/call")
			a.Release()
		})
	}
}

// written is how many bytes the process has written so far.
func written(b *testing.B) (n int64) {
	b.Helper()
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(io)) {
		if _, err := fmt.Sscanf(line, "wchar: %d", &n); err == nil {
			return n
		}
	}
	b.Fatalf("/proc/self/io says %q", io)
	return 0
}
