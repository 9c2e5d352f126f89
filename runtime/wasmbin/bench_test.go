package wasmbin

import (
	"testing"
	"time"
)

// The benchmarks of the passes work on the Go guest of testdata/kernels/go, of
// about 4 MB.

func BenchmarkParse(b *testing.B) {
	wasm := buildGo(b, false)
	b.SetBytes(int64(len(wasm)))
	for b.Loop() {
		parse(b, wasm)
	}
}

func BenchmarkEncode(b *testing.B) {
	m := parse(b, buildGo(b, false))
	b.SetBytes(int64(len(m.Encode())))
	for b.Loop() {
		m.Encode()
	}
}

func BenchmarkMeter(b *testing.B) {
	wasm := buildGo(b, false)
	b.SetBytes(int64(len(wasm)))
	for b.Loop() {
		b.StopTimer()
		m := parse(b, wasm)
		b.StartTimer()
		if err := m.Meter(tick); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdmission is all that happens to a guest that enters a node: it is
// read, judged, rewritten by every pass, and written. It reports the shortest
// time, too, which a machine that does other things disturbs less.
func BenchmarkAdmission(b *testing.B) {
	wasm := buildGo(b, false)
	b.SetBytes(int64(len(wasm)))
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		m := parse(b, wasm)
		if reasons := m.Snapshotable(); reasons != nil {
			b.Fatal(reasons)
		}
		if _, err := everyPass(m); err != nil {
			b.Fatal(err)
		}
		m.Encode()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(best.Seconds()*1e3, "best-ms")
}
