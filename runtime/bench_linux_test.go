package wasmrt_test

import (
	"testing"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/wazero"
)

// BenchmarkResetAndScan measures, in turns, a fresh sandbox with a call and its end, and the system call alone that a reset
// needs to find the changed pages: nothing can be faster than it. scan-ns/op is the latter.
func BenchmarkResetAndScan(b *testing.B) {
	everySize(b, func(b *testing.B, wasm []byte) {
		m := load(b, wazero.Open, wasm)
		for range 2 * wasmrt.SettleAfter { // now memories are where they stay
			if err := countOnce(b.Context(), m, true); err != nil {
				b.Fatal(err)
			}
		}
		used := sandbox(b, m, wasmrt.SandboxConfig{})
		call(b, used, "count")
		const turn = 200
		resets, scans := newLeast(turn), newLeast(turn)
		for b.Loop() {
			resets.measure(func() {
				if err := countOnce(b.Context(), m, true); err != nil {
					b.Fatal(err)
				}
			})
			scans.measure(func() { wasmrt.Scan(used) })
		}
		b.ReportMetric(resets.nanoseconds(), "least-reset-ns/op")
		b.ReportMetric(scans.nanoseconds(), "least-scan-ns/op")
		b.ReportMetric(0, "ns/op")
	})
}
