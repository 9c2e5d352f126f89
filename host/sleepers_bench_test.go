package host_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// BenchmarkSleepers makes b.N named actors, lets them fall asleep, and calls some at random. A million of them:
//
//	go test ./host -run '^$' -bench Sleepers -benchtime 1000000x -timeout 1h
func BenchmarkSleepers(b *testing.B) {
	node, module := open(b, host.Config{SleepDir: b.TempDir(), ParkedMemory: 16 * spec.MiB})
	j := job(b, node, host.JobConfig{Module: module, Namespace: "sleepers"})
	before := liveBytes()
	actors := make([]*host.Actor, b.N)
	b.ResetTimer()
	for i := range actors {
		a, err := j.NewActor(b.Context(), "Counter", spec.ActorOptions{Name: "actor " + strconv.Itoa(i)}, i)
		if err != nil {
			b.Fatal(err)
		}
		actors[i] = a
		if _, err := host.CallMethod[int](b.Context(), a, "Inc", 1); err != nil { // so that few are on their way at once
			b.Fatal(err)
		}
	}
	made := b.Elapsed()
	b.StopTimer()
	each := float64(liveBytes()-before) / float64(b.N)
	u := node.Usage()
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
	b.ReportMetric(float64(made.Microseconds())/float64(b.N), "µs/actor-made-and-called")
	b.ReportMetric(each, "heap-B/actor")
	b.ReportMetric(float64(u.SleepingActors), "asleep")
	b.ReportMetric(float64(wakeUps[len(wakeUps)/2].Microseconds()), "µs/found-and-called-median")
	b.ReportMetric(float64(wakeUps[len(wakeUps)*99/100].Microseconds()), "µs/found-and-called-99%")
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
