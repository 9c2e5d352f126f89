package host_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// counterInC builds testdata/counterc.
func counterInC(t testing.TB) []byte {
	t.Helper()
	return describedC(t, "testdata/counterc/counter.c", spec.Description{
		Classes: []spec.Class{{Name: "Counter", New: spec.Function{Name: "Counter"}, Methods: []spec.Function{{Name: "Inc"}}}}})
}

// BenchmarkSleepers makes b.N named actors of a guest in C or in Go, lets them fall asleep, and finds and calls some at
// random. How it grows, and a million of them:
//
//	for n in 30000 100000 300000 1000000; do
//		go test ./host -run '^$' -bench Sleepers/C -benchtime ${n}x -timeout 1h
//	done
func BenchmarkSleepers(b *testing.B) {
	b.Run("C", func(b *testing.B) { sleepers(b, counterInC(b)) })
	b.Run("Go", func(b *testing.B) {
		wasm, err := guest()
		if err != nil {
			b.Fatal(err)
		}
		sleepers(b, wasm)
	})
}

func sleepers(b *testing.B, wasm []byte) {
	node, _ := open(b, host.Config{SleepDir: b.TempDir(), ParkedMemory: 16 * spec.MiB})
	module, err := node.Load(b.Context(), wasm)
	if err != nil {
		b.Fatal(err)
	}
	j := job(b, node, host.JobConfig{Module: module, Namespace: "sleepers"})
	actors := make([]*host.Actor, b.N)
	before, resident, disk := liveBytes(), residentBytes(), written(b)
	b.ResetTimer()
	for i := range actors {
		a, err := j.NewActor(b.Context(), "Counter", spec.ActorOptions{Name: "actor " + strconv.Itoa(i)}, i)
		if err != nil {
			b.Fatal(err)
		}
		actors[i] = a
		if n, err := host.CallMethod[int](b.Context(), a, "Inc", 1); err != nil || n != i+1 { // so that few are on their way at once
			b.Fatal(n, err)
		}
	}
	made := b.Elapsed()
	b.StopTimer()
	each, all := float64(liveBytes()-before)/float64(b.N), float64(residentBytes()-resident)/float64(b.N)
	u := node.Usage()
	disk = written(b) - disk
	r := rand.New(rand.NewPCG(1, 2))
	wakeUps := make([]time.Duration, min(b.N, 10_000))
	for k := range wakeUps {
		i := r.IntN(b.N)
		begin := time.Now()
		a, err := j.FindActor(b.Context(), "actor "+strconv.Itoa(i), "")
		if err != nil {
			b.Fatal(err)
		}
		n, err := host.CallMethod[int](b.Context(), a, "Inc", 0)
		wakeUps[k] = time.Since(begin)
		if err != nil || n != i+1 {
			b.Fatalf("actor %d counts %d, %v", i, n, err)
		}
		a.Release()
	}
	slices.Sort(wakeUps)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(made.Nanoseconds())/1e3/float64(b.N), "µs/made-and-called")
	b.ReportMetric(each, "heap-B/actor")
	b.ReportMetric(all, "resident-B/actor")
	b.ReportMetric(float64(u.SleepingActors), "asleep")
	b.ReportMetric(float64(disk)/float64(max(1, u.SleepingActors)), "B-written/asleep")
	b.ReportMetric(float64(wakeUps[len(wakeUps)/2].Microseconds()), "µs/woken-median")
	b.ReportMetric(float64(wakeUps[len(wakeUps)*99/100].Microseconds()), "µs/woken-99%")
	for _, a := range actors {
		a.Release()
	}
}

// liveBytes is what the heap has after a collection.
func liveBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// residentBytes is the process's memory.
func residentBytes() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	_, _ = fmt.Sscan(string(statm), &size, &resident)
	return resident * int64(os.Getpagesize())
}
