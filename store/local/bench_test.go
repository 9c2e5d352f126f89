package local_test

import (
	"fmt"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/storetest"
)

// BenchmarkPut compares keeping bytes with copying them to memory that is there.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{spec.KiB, 100 * spec.KiB, spec.MiB, spec.GiB} {
		data, to := make([]byte, size), make([]byte, size)
		copy(data, "all of it is there")
		copy(to, data)
		limit := max(2*int64(size), 64*spec.MiB)
		s := open(b, local.Config{Limit: limit, Keep: limit, Prefault: limit})
		b.Run(fmt.Sprintf("%d KiB/put", size/spec.KiB), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := store.Put(b.Context(), s, storetest.Object(1), data, store.Primary); err != nil {
					b.Fatal(err)
				}
				s.Delete(storetest.Object(1))
			}
		})
		b.Run(fmt.Sprintf("%d KiB/memmove", size/spec.KiB), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				copy(to, data)
			}
		})
		if err := store.Put(b.Context(), s, storetest.Object(2), data, store.Primary); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%d KiB/get", size/spec.KiB), func(b *testing.B) {
			for b.Loop() {
				v, err := s.Get(b.Context(), storetest.Object(2))
				if err != nil {
					b.Fatal(err)
				}
				v.Release()
			}
		})
	}
}
