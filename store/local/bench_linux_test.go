package local_test

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/storetest"
)

// BenchmarkPut keeps objects and, by turns, copies as many bytes to as many places: warm, to memory that is there; cold, to
// memory that is new. What gives the memory back is not timed.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{spec.KiB, 100 * spec.KiB, spec.MiB, spec.GiB} {
		data := storetest.Bytes(1, size)
		count := max(1, 16*spec.MiB/size)
		limit := max(2*int64(size), 64*spec.MiB)
		for _, keep := range []int64{limit, 0} {
			s := open(b, local.Config{Limit: limit, Keep: keep, Prefault: keep})
			name := map[bool]string{true: "warm", false: "cold"}[keep > 0]
			b.Run(fmt.Sprintf("%d KiB/%s", size/spec.KiB, name), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				to, err := unix.Mmap(-1, 0, count*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
				if err != nil {
					b.Fatal(err)
				}
				var turns storetest.Turns
				b.ReportAllocs()
				for b.Loop() {
					advice := unix.MADV_POPULATE_WRITE
					if keep == 0 {
						advice = unix.MADV_DONTNEED
					}
					if err := unix.Madvise(to, advice); err != nil {
						b.Fatal(err)
					}
					turns.Take(func() error {
						for k := range count {
							copy(to[k*size:], data)
						}
						return nil
					}, func() error {
						for k := range count {
							if err := store.Put(b.Context(), s, storetest.Object(k), data, store.Primary); err != nil {
								return err
							}
						}
						return nil
					})
					for k := range count {
						s.Delete(storetest.Object(k))
					}
					for s.Usage().Resident > keep { // until it is given back
						runtime.Gosched()
					}
				}
				turns.Report(b, "put", int64(count*size))
				turns.ReportCPU(b, "put")
				if err := unix.Munmap(to); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// BenchmarkGet reads objects of all sizes in place.
func BenchmarkGet(b *testing.B) {
	for _, size := range []int{spec.KiB, spec.MiB, spec.GiB} {
		s := open(b, local.Config{Limit: max(2*int64(size), 64*spec.MiB)})
		if err := store.Put(b.Context(), s, storetest.Object(1), make([]byte, size), store.Primary); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%d KiB", size/spec.KiB), func(b *testing.B) {
			for b.Loop() {
				v, err := s.Get(b.Context(), storetest.Object(1))
				if err != nil {
					b.Fatal(err)
				}
				v.Release()
			}
		})
	}
}
