package wasi

import (
	"context"
	"time"
)

// clock says which clock a guest means.
type clock uint32

const (
	realtime   clock = 0 // nanoseconds since 1970
	monotonic  clock = 1 // nanoseconds since an instant in the past; never goes back
	processCPU clock = 2 // not offered, nor is the next: no guest learns how busy its host is
	threadCPU  clock = 3
)

// resolution is how fine the clocks are, in nanoseconds.
const resolution = 1

// The instants of the clocks. Frozen clocks are behind running ones whatever the guest slept: a guest that was frozen
// and then runs sees no clock go back.
const (
	// frozenRealtime is where the realtime clock of a frozen guest begins: 2020-01-01 00:00 UTC.
	frozenRealtime = 1_577_836_800 * int64(time.Second)
	// frozenMonotonic is where its monotonic clock begins. 0 would be refused by Go's runtime.
	frozenMonotonic = int64(time.Second)
	// maxFrozenSleep is how far sleeping moves the clocks of a frozen guest.
	maxFrozenSleep = int64(time.Hour)
	// hostMonotonic is what the monotonic clock shows when the host's process starts.
	hostMonotonic = frozenMonotonic + maxFrozenSleep
)

var processStart = time.Now()

// HostMonotonic returns what the monotonic clock of a running guest without an offset shows now, in nanoseconds.
func HostMonotonic() int64 { return hostMonotonic + int64(time.Since(processStart)) }

// Monotonic returns what the guest's monotonic clock shows now, in nanoseconds.
func (s *System) Monotonic() int64 {
	if s.config.Frozen {
		return frozenMonotonic + s.slept
	}
	if s.pinned {
		return s.moment.Monotonic + s.slept
	}
	return HostMonotonic() + s.config.MonotonicOffset
}

// realtime returns what the guest's realtime clock shows now, in nanoseconds since 1970.
func (s *System) realtime() int64 {
	if s.config.Frozen {
		return frozenRealtime + s.slept
	}
	if s.pinned {
		return s.moment.Realtime + s.slept
	}
	return time.Now().UnixNano()
}

// time returns what a clock shows now. Errors: ENOTSUP for a clock that is not offered, EINVAL for one that is unknown.
func (s *System) time(c clock) (uint64, error) {
	switch c {
	case realtime:
		return uint64(s.realtime()), nil
	case monotonic:
		return uint64(s.Monotonic()), nil
	case processCPU, threadCPU:
		return 0, enotsup
	}
	return 0, einval
}

// clockTimeGet tells what time it is.
//
//	id        u32  a clock
//	precision u64  how many nanoseconds the answer may be off; not used
//	time      u32  where the nanoseconds go, u64
//
// Errors: EINVAL for an unknown clock, ENOTSUP for one that is not offered, EFAULT.
func clockTimeGet(_ context.Context, s *System, m memory, p params) error {
	out, err := m.view(p.u32(2), 8)
	if err != nil {
		return err
	}
	now, err := s.time(clock(p.u32(0)))
	if err != nil {
		return err
	}
	le.PutUint64(out, now)
	return nil
}

// clockResGet tells how fine a clock is.
//
//	id         u32  a clock
//	resolution u32  where the nanoseconds go, u64
//
// Errors: as clock_time_get.
func clockResGet(_ context.Context, s *System, m memory, p params) error {
	out, err := m.view(p.u32(1), 8)
	if err != nil {
		return err
	}
	if _, err := s.time(clock(p.u32(0))); err != nil {
		return err
	}
	le.PutUint64(out, resolution)
	return nil
}
