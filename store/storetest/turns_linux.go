package storetest

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Turns compares what a store does with what plain code does with the same bytes, by turns, so that whatever else the
// machine does is the same for both.
type Turns struct {
	plain, ours, ratio, cpu []float64
	err                     error
}

// Take does both, and takes their times.
func (t *Turns) Take(plain, ours func() error) {
	began, cpu := time.Now(), threadTime()
	err := plain()
	between, cpuBetween := time.Now(), threadTime()
	if err == nil {
		err = ours()
	}
	end, cpuEnd := time.Now(), threadTime()
	t.plain = append(t.plain, between.Sub(began).Seconds())
	t.ours = append(t.ours, end.Sub(between).Seconds())
	t.ratio = append(t.ratio, between.Sub(began).Seconds()/end.Sub(between).Seconds())
	t.cpu = append(t.cpu, (cpuBetween-cpu).Seconds()/(cpuEnd-cpuBetween).Seconds())
	if t.err == nil {
		t.err = err
	}
}

// threadTime returns the processor's time that this thread has had.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // only a wrong argument could make it fail
	return time.Duration(t.Nano())
}

// Report reports the medians of what took size bytes a turn: both rates, and the store's in per cent of the plain one. An
// error that Take met fails the benchmark.
func (t *Turns) Report(b *testing.B, what string, size int64) {
	if t.err != nil {
		b.Fatal(t.err)
	}
	b.ReportMetric(float64(size)/1e6/median(t.plain), "plain-"+what+"-MB/s")
	b.ReportMetric(float64(size)/1e6/median(t.ours), what+"-MB/s")
	b.ReportMetric(100*median(t.ratio), what+"-%")
}

// ReportCPU reports the median of the processor's time that plain code took, in per cent of the store's, where all is done
// by the calling thread: other work on the machine does not change it as much.
func (t *Turns) ReportCPU(b *testing.B, what string) {
	b.ReportMetric(100*median(t.cpu), what+"-cpu-%")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
