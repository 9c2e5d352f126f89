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

// BenchmarkPut keeps bytes and, by turns, copies them: warm, to memory that is there; cold, to memory that is new each time,
// and given back.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{spec.KiB, 100 * spec.KiB, spec.MiB, spec.GiB} {
		data := storetest.Bytes(1, size)
		times := max(1, 16*spec.MiB/size) // a turn is long enough to be timed
		limit := max(2*int64(size), 64*spec.MiB)
		for _, keep := range []int64{limit, 0} {
			s := open(b, local.Config{Limit: limit, Keep: keep, Prefault: keep})
			to := storetest.Bytes(2, size) // so that all of it is there
			put := func() error {
				for range times {
					if err := store.Put(b.Context(), s, storetest.Object(1), data, store.Primary); err != nil {
						return err
					}
					s.Delete(storetest.Object(1))
				}
				return nil
			}
			warm := func() error {
				for range times {
					copy(to, data)
				}
				return nil
			}
			cold := func() error {
				for range times {
					fresh, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
					if err != nil {
						return err
					}
					copy(fresh, data)
					if err := unix.Munmap(fresh); err != nil {
						return err
					}
				}
				return nil
			}
			name, plain := "warm", warm
			if keep == 0 {
				name, plain = "cold", cold
			}
			b.Run(fmt.Sprintf("%d KiB/%s", size/spec.KiB, name), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				var turns storetest.Turns
				b.ReportAllocs()
				for b.Loop() {
					turns.Take(plain, put)
				}
				turns.Report(b, "put", int64(times*size))
				turns.ReportCPU(b, "put")
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
