package local_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/storetest"
)

// BenchmarkPut compares keeping bytes with copying them: warm, to memory that is there; cold, to memory that is new each
// time, and given back.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{spec.KiB, 100 * spec.KiB, spec.MiB, spec.GiB} {
		data, to := storetest.Bytes(1, size), storetest.Bytes(2, size) // so that all of it is there
		limit := max(2*int64(size), 64*spec.MiB)
		for _, keep := range []int64{limit, 0} {
			s := open(b, local.Config{Limit: limit, Keep: keep, Prefault: keep})
			name := fmt.Sprintf("%d KiB/%s", size/spec.KiB, map[bool]string{true: "warm", false: "cold"}[keep > 0])
			b.Run(name+"/put", func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := store.Put(b.Context(), s, storetest.Object(1), data, store.Primary); err != nil {
						b.Fatal(err)
					}
					s.Delete(storetest.Object(1))
				}
			})
			b.Run(name+"/memmove", func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					if keep == 0 {
						fresh, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
						if err != nil {
							b.Fatal(err)
						}
						copy(fresh, data)
						if err := unix.Munmap(fresh); err != nil {
							b.Fatal(err)
						}
					} else {
						copy(to, data)
					}
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
