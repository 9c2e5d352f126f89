package checkpoints_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/raywasm/raywasm/store/checkpoints"
)

func openBench(b *testing.B, dir string, o checkpoints.Options) *checkpoints.Store {
	b.Helper()
	s, err := checkpoints.Open(dir, o)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func closeBench(b *testing.B, s *checkpoints.Store) {
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// sleep puts n actors to sleep, with checkpoints of so many bytes.
func sleep(b *testing.B, s *checkpoints.Store, n uint64, size int) {
	state := make([]byte, size)
	var last *checkpoints.Pending
	for i := range n {
		if last = s.BeginSave(actor(i), state, 0); i%10_000 == 0 {
			if err := last.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSleepers is a million actors asleep: what each costs in memory and on disk, what waking one takes, and how
// long they take to be found again.
func BenchmarkSleepers(b *testing.B) {
	const actors, size = 1_000_000, 200
	dir := b.TempDir()
	before := heap()
	s := openBench(b, dir, checkpoints.Options{})
	sleep(b, s, actors, size)
	memory, disk := heap()-before, s.Usage().Bytes
	b.Run("wake", func(b *testing.B) {
		for i := uint64(0); b.Loop(); i++ {
			if saved, err := s.Load(actor(i * 7919 % actors)); err != nil || len(saved.Checkpoint) != size {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(memory)/actors, "heap-B/actor")
		b.ReportMetric(float64(disk)/actors, "disk-B/actor")
	})
	closeBench(b, s)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			closeBench(b, openBench(b, dir, checkpoints.Options{}))
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%dactors", writers), func(b *testing.B) {
			s := openBench(b, b.TempDir(), checkpoints.Options{})
			defer closeBench(b, s)
			var n atomic.Uint64
			b.SetParallelism(max(1, writers/2)) // of two processors
			body := func(a uint64) {
				if _, err := s.Append(b.Context(), actor(a), call(1, "add")); err != nil {
					b.Error(err)
				}
			}
			if writers == 1 {
				for b.Loop() {
					body(0)
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for a := n.Add(1); pb.Next(); {
					body(a)
				}
			})
		})
	}
}

func BenchmarkSave(b *testing.B) {
	for _, scratch := range []bool{false, true} {
		b.Run(fmt.Sprintf("20KB/scratch=%v", scratch), func(b *testing.B) {
			s := openBench(b, b.TempDir(), checkpoints.Options{Scratch: scratch})
			defer closeBench(b, s)
			state := make([]byte, 20_000)
			for i := uint64(0); b.Loop(); i++ {
				if err := s.Save(b.Context(), actor(i%1000), state, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
