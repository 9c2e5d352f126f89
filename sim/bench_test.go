package sim

import (
	"testing"
)

// BenchmarkLarge is 10,000 nodes and 1,000,000 tasks with 500 deaths; -benchtime 1x. Policies are named.
func BenchmarkLarge(b *testing.B) {
	for _, test := range []struct {
		name                 string
		nodes, tasks, deaths int
		policy               func() Policy
	}{
		{"ours/1000x100000", 1_000, 100_000, 50, func() Policy { return NewFirstFit() }},
		{"ray/1000x100000", 1_000, 100_000, 50, func() Policy { return NewRay(1) }},
		{"ours/10000x1000000", 10_000, 1_000_000, 500, func() Policy { return NewFirstFit() }},
		{"ray/10000x1000000", 10_000, 1_000_000, 500, func() Policy { return NewRay(1) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			p := Large(test.nodes, test.tasks, test.deaths, 1)
			for b.Loop() {
				r, err := Run(p, Options{Policy: test.policy()})
				if err != nil || r.Done != test.tasks {
					b.Fatalf("%d done of %d: %v", r.Done, test.tasks, err)
				}
				b.ReportMetric(r.End.Seconds(), "simulated-s")
				b.ReportMetric(r.End.Seconds()/p.Bound().Seconds(), "x-bound")
				b.ReportMetric(100*r.Busy/r.Capacity, "%-busy")
				b.ReportMetric(100*r.Wasted/r.Busy, "%-wasted")
				b.ReportMetric(float64(r.Steps), "steps")
				b.ReportMetric(float64(r.Attempts), "attempts")
			}
		})
	}
}
