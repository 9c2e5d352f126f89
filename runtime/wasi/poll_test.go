package wasi

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// subscribe writes subscription i: what of which clock or descriptor, with a timeout and flags for clocks.
func (b *sandbox) subscribe(i int, what byte, which uint32, timeout uint64, flags uint16) {
	s := b.memory[atList+i*subscriptionBytes:][:subscriptionBytes]
	clear(s)
	le.PutUint64(s, uint64(100+i))
	s[8] = what
	le.PutUint32(s[16:], which)
	le.PutUint64(s[24:], timeout)
	le.PutUint16(s[40:], flags)
}

type event struct {
	userdata uint64
	errno    errno
	what     byte
}

// poll waits for the first n subscriptions.
func (b *sandbox) poll(t testing.TB, n int) []event {
	t.Helper()
	b.want(t, 0, "poll_oneoff", atList, atData, uint64(n), atResult)
	events := make([]event, b.u32(atResult))
	for i := range events {
		e := b.memory[atData+i*eventBytes:]
		events[i] = event{le.Uint64(e), errno(le.Uint16(e[8:])), e[10]}
	}
	return events
}

func TestPollWaitsForTheFirstClock(t *testing.T) {
	b := newSandbox(t, Config{})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		b.subscribe(0, onClock, uint32(monotonic), uint64(time.Hour), 0)
		b.subscribe(1, onClock, uint32(realtime), uint64(start.Add(2*time.Second).UnixNano()), clockAbsolute)
		b.subscribe(2, onClock, uint32(realtime), math.MaxUint64, 0)
		b.subscribe(3, onClock, uint32(realtime), math.MaxUint64, clockAbsolute)
		if got := b.poll(t, 4); len(got) != 1 || got[0] != (event{101, 0, onClock}) {
			t.Errorf("events %v", got)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		b.subscribe(1, onClock, uint32(monotonic), uint64(time.Hour), 0)
		if got := b.poll(t, 4); len(got) != 2 || time.Since(start) != time.Hour+2*time.Second {
			t.Errorf("events %v after %v", got, time.Since(start))
		}
		b.want(t, 0, "sched_yield")
		if b.guest.Waited != time.Since(start) {
			t.Errorf("the guest waited %v, told is %v", time.Since(start), b.guest.Waited)
		}
	})
}

func TestPollIsReadyAtOnce(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	fd := uint32(b.mustOpen(t, "a.txt"))
	b.subscribe(0, onClock, uint32(monotonic), math.MaxUint64, 0)
	b.subscribe(1, onRead, 0, 0, 0)
	b.subscribe(2, onWrite, 2, 0, 0)
	b.subscribe(3, onRead, fd, 0, 0)
	b.subscribe(4, onWrite, fd, 0, 0)
	b.subscribe(5, onRead, 1, 0, 0)
	b.subscribe(6, onRead, 77, 0, 0)
	b.subscribe(7, onClock, 9, 0, 0)
	b.subscribe(8, onClock, uint32(processCPU), 0, 0)
	b.subscribe(9, onClock, uint32(realtime), 0, 2)
	b.subscribe(10, 3, 0, 0, 0)
	b.subscribe(11, onClock, uint32(realtime), 1, clockAbsolute)
	want := []event{
		{101, 0, onRead}, {102, 0, onWrite}, {103, 0, onRead}, {104, ebadf, onWrite}, {105, ebadf, onRead},
		{106, ebadf, onRead}, {107, einval, onClock}, {108, enotsup, onClock}, {109, einval, onClock}, {110, einval, 3},
		{111, 0, onClock},
	}
	got := b.poll(t, 12)
	if len(got) != len(want) {
		t.Fatalf("events %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("event %v, want %v", got[i], want[i])
		}
	}
	b.want(t, einval, "poll_oneoff", atList, atData, 0, atResult)
	b.want(t, einval, "poll_oneoff", atList, atData, maxSubscriptions+1, atResult)
	b.want(t, efault, "poll_oneoff", atList, atData, maxSubscriptions, atResult)
}

func TestPollWritesOverItsSubscriptions(t *testing.T) {
	b := newSandbox(t, Config{})
	for i := range 3 {
		b.subscribe(i, onRead, 0, 0, 0)
	}
	b.want(t, 0, "poll_oneoff", atList, atList, 3, atResult)
	for i := range 3 {
		if got := b.u64(atList + i*eventBytes); got != uint64(100+i) {
			t.Errorf("event %d is about %d", i, got)
		}
	}
}

func TestPollIsGivenUp(t *testing.T) {
	b := newSandbox(t, Config{})
	b.subscribe(0, onClock, uint32(monotonic), math.MaxUint64, 0)
	if _, err := b.end(ended(errGivenUp), "poll_oneoff", atList, atData, 1, atResult); err != errGivenUp {
		t.Errorf("ended with %v", err)
	}
}

func TestFrozenSleepsMoveTheClocks(t *testing.T) {
	b := newSandbox(t, Config{Frozen: true})
	b.subscribe(0, onClock, uint32(monotonic), uint64(time.Minute), 0)
	b.subscribe(1, onClock, uint32(realtime), uint64(frozenRealtime+int64(time.Minute)), clockAbsolute)
	if got := b.poll(t, 2); len(got) != 2 {
		t.Errorf("events %v", got)
	}
	if got := b.Monotonic() - frozenMonotonic; got != int64(time.Minute) {
		t.Errorf("the clock moved by %v", time.Duration(got))
	}
	b.subscribe(0, onClock, uint32(monotonic), math.MaxUint64, 0)
	b.poll(t, 1)
	if b.guest.Waited != 0 {
		t.Errorf("a frozen guest waited %v", b.guest.Waited)
	}
	if b.Monotonic() >= HostMonotonic() {
		t.Errorf("the frozen clock %d is not behind the running one", b.Monotonic())
	}
}
