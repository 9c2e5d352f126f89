package host_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// nothing is a module whose function "run" returns the number 0 and does nothing else: what a call of it costs is the
// host's part.
func nothing(t testing.TB) []byte {
	return handmade{code: slices.Concat(i32Const(0), i32Const(1), i32Const(0), i32Const(0), []byte{opCall, fnRet})}.bytes(t)
}

// cpuTime is what the process has computed, in nanoseconds. On a machine that does other things it says more than the
// clock.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// benchTasks measures rounds of as many tasks as are under way at once.
func benchTasks(b *testing.B, atOnce int) {
	node, err := host.Open(b.Context(), host.Config{CacheDir: "off"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	module, err := node.Load(b.Context(), nothing(b))
	if err != nil {
		b.Fatal(err)
	}
	j, err := node.NewJob(b.Context(), host.JobConfig{Module: module})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	refs := make([]*host.Ref, 0, atOnce)
	for left := b.N; left > 0; left -= atOnce {
		for range min(left, atOnce) {
			made, err := j.Submit(b.Context(), "run", spec.TaskOptions{})
			if err != nil {
				b.Fatal(err)
			}
			refs = append(refs, made[0])
		}
		for _, r := range refs {
			if _, err := r.GetValue(b.Context()); err != nil {
				b.Fatal(err)
			}
			r.Release()
		}
		refs = refs[:0]
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func BenchmarkTask(b *testing.B)       { benchTasks(b, 1) }
func BenchmarkTasks1000(b *testing.B)  { benchTasks(b, 1000) }
func BenchmarkTasks10000(b *testing.B) { benchTasks(b, 10_000) }
