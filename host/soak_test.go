package host_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// process is what of this process grows if a job leaves something behind.
type process struct {
	goroutines, descriptors, mappings int
	heap                              int64
}

func measure(t *testing.T) process {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return process{runtime.NumGoroutine(), len(fds), strings.Count(string(maps), "\n"), liveHeap()}
}

// TestJobsLeaveNothing: a thousand jobs, each with a task, an actor and a large object, open and close on one node.
func TestJobsLeaveNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors and mappings are counted in Linux's /proc")
	}
	node, module := open(t, host.Config{NumCPUs: 2})
	dir := t.TempDir()
	run := func(n int) {
		for range n {
			j, err := node.NewJob(t.Context(), host.JobConfig{Module: module, WorkingDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if sum, err := host.Call[int](t.Context(), j, "add", 2, 3); err != nil || sum != 5 {
				t.Fatalf("2 + 3 = %d, %v", sum, err)
			}
			counter, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := host.CallMethod[int](t.Context(), counter, "Inc", 1); err != nil || n != 1 {
				t.Fatalf("the actor counts %d, %v", n, err)
			}
			if _, err := j.Put(t.Context(), make([]byte, 200*spec.KiB)); err != nil { // it is the job's to let go
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(100) // workers and pools are as large as they get
	before := measure(t)
	run(1000)
	runtime.GC() // refs that were dropped are given back
	after := measure(t)
	if after.goroutines > before.goroutines+8 || after.descriptors > before.descriptors+8 || after.mappings > before.mappings+64 || after.heap > before.heap+8*spec.MiB {
		t.Errorf("before %+v, after %+v", before, after)
	}
}
