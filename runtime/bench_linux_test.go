package wasmrt_test

import (
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/wazero"
)

// BenchmarkLeast measures, in turns, the least that is taken by: a fresh sandbox from the pool with a call and its end; the
// system call alone that this needs to find the changed pages, which nothing can be faster than; and a new instance with a
// call and its end. On a machine that does other things, short turns find moments in which it does not.
func BenchmarkLeast(b *testing.B) {
	everySize(b, func(b *testing.B, wasm []byte) {
		m := load(b, wazero.Open, wasm)
		for range 2 * wasmrt.SettleAfter { // now memories are where they stay
			if err := countOnce(b.Context(), m, true); err != nil {
				b.Fatal(err)
			}
		}
		other := load(b, wazero.Open, wasm)
		used := sandbox(b, m, wasmrt.SandboxConfig{})
		call(b, used, "count")
		resets, scans, instances := newLeast(200), newLeast(200), newLeast(20)
		for b.Loop() {
			resets.measure(func() {
				if err := countOnce(b.Context(), m, true); err != nil {
					b.Fatal(err)
				}
			})
			scans.measure(func() { wasmrt.Scan(used) })
			instances.measure(func() {
				if err := countOnce(b.Context(), other, false); err != nil {
					b.Fatal(err)
				}
			})
		}
		b.ReportMetric(resets.nanoseconds(), "reset-ns/op")
		b.ReportMetric(scans.nanoseconds(), "scan-ns/op")
		b.ReportMetric(instances.nanoseconds(), "instance-ns/op")
		b.ReportMetric(0, "ns/op")
	})
}
