package local_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/wal"
)

func openBench(b *testing.B, path string) *local.Store {
	b.Helper()
	var dir wal.Dir
	if path != "" {
		var err error
		if dir, err = wal.OpenDir(path); err != nil {
			b.Fatal(err)
		}
	}
	s, err := local.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func closeBench(b *testing.B, s *local.Store) {
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

func fill(b *testing.B, s *local.Store, keys int) {
	for from := 0; from < keys; from += 1000 {
		var txn control.Txn
		for i := from; i < from+1000; i++ {
			txn.Put = append(txn.Put, control.Put{Key: fmt.Sprintf("key/%07d", i), Value: make([]byte, 300)})
		}
		if _, err := s.Commit(b.Context(), txn); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%dwriters", where, writers), func(b *testing.B) {
				path := ""
				if where == "disk" {
					path = b.TempDir()
				}
				s := openBench(b, path)
				defer closeBench(b, s)
				var n atomic.Int64
				b.SetParallelism(writers / 2) // of two processors
				if writers == 1 {
					for b.Loop() {
						if _, err := s.Commit(b.Context(), control.Txn{Put: []control.Put{{Key: fmt.Sprint(n.Add(1) % 1000), Value: make([]byte, 300)}}}); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := s.Commit(b.Context(), control.Txn{Put: []control.Put{{Key: fmt.Sprint(n.Add(1) % 1000), Value: make([]byte, 300)}}}); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, keys := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("%dkeys", keys), func(b *testing.B) {
			path := b.TempDir()
			s := openBench(b, path)
			fill(b, s, keys)
			closeBench(b, s)
			for b.Loop() {
				closeBench(b, openBench(b, path))
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s := openBench(b, "")
	defer closeBench(b, s)
	fill(b, s, 100_000)
	for i := 0; b.Loop(); i++ {
		if _, err := s.Get(b.Context(), fmt.Sprintf("key/%07d", i%100_000)); err != nil {
			b.Fatal(err)
		}
	}
}
