package wasi

import (
	"context"
	"math"
	"time"
)

// A subscription says what to wait for (48 bytes):
//
//	 0          8      16      20      24        32          40      42   48
//	+----------+------+-------+-------+---------+-----------+-------+----+
//	| userdata | what | clock |       | timeout | precision | flags |    |
//	|          |      | or fd |       |         |           |       |    |
//	+----------+------+-------+-------+---------+-----------+-------+----+
//
// An event says that it has come (32 bytes):
//
//	 0          8       10     11    16      24      26   32
//	+----------+-------+------+-----+-------+-------+----+
//	| userdata | errno | what |     | bytes | flags |    |
//	+----------+-------+------+-----+-------+-------+----+
const (
	subscriptionBytes = 48
	eventBytes        = 32

	onClock = 0 // what: a clock shows timeout, or has moved on by it
	onRead  = 1 // what: fd can be read
	onWrite = 2 // what: fd can be written

	clockAbsolute = 1 // flag of a clock: timeout is an instant
)

// pollOneoff waits until one of several things has come and tells which have. What can be read or written can always
// be: only clocks make it wait. A frozen guest does not wait; its clocks move instead.
//
//	in             u32  where the subscriptions are
//	out            u32  where the events go; room for one for each subscription
//	nsubscriptions u32
//	nevents        u32  where the number of events goes, u32
//
// Errors: EINVAL for no or too many subscriptions, EFAULT; an error about one subscription is in its event. The call
// ends if ctx does.
func pollOneoff(ctx context.Context, s *System, m memory, p params) error {
	count := p.u32(2)
	if count == 0 || count > maxSubscriptions {
		return einval
	}
	in, err := m.view(p.u32(0), uint64(count)*subscriptionBytes)
	if err != nil {
		return err
	}
	out, err := m.view(p.u32(1), uint64(count)*eventBytes)
	if err != nil {
		return err
	}
	nevents, err := m.view(p.u32(3), 4)
	if err != nil {
		return err
	}

	now := instant{realtime: s.realtime(), monotonic: s.Monotonic()}
	patience := time.Duration(math.MaxInt64)
	for at := 0; at < len(in); at += subscriptionBytes {
		wait, _ := s.wait(in[at:], now)
		patience = min(patience, wait)
	}
	if err := s.sleep(ctx, patience); err != nil {
		return err
	}

	// The events may overwrite subscriptions that have not been read yet: whoever asks for that gets what it reads.
	events := uint32(0)
	for at := 0; at < len(in); at += subscriptionBytes {
		if wait, errno := s.wait(in[at:], now); wait <= patience {
			putEvent(out[events*eventBytes:][:eventBytes], in[at:], errno)
			events++
		}
	}
	le.PutUint32(nevents, events)
	return nil
}

// instant is what the clocks showed when a poll began, in nanoseconds.
type instant struct {
	realtime, monotonic int64
}

// wait returns how long a subscription has to wait from now on, at least 0, and the errno of its event.
func (s *System) wait(subscription []byte, now instant) (time.Duration, errno) {
	which := le.Uint32(subscription[16:])
	switch subscription[8] {
	case onClock:
		return waitClock(subscription, clock(which), now)
	case onRead, onWrite:
		d, err := s.lookup(which)
		output := err == nil && (d.kind == stdout || d.kind == stderr)
		if err != nil || output != (subscription[8] == onWrite) {
			return 0, ebadf
		}
		return 0, 0
	}
	return 0, einval
}

// waitClock is wait for a clock.
func waitClock(subscription []byte, c clock, now instant) (time.Duration, errno) {
	timeout, flags := le.Uint64(subscription[24:]), le.Uint16(subscription[40:])
	var begin int64
	switch c {
	case realtime:
		begin = now.realtime
	case monotonic:
		begin = now.monotonic
	case processCPU, threadCPU:
		return 0, enotsup
	default:
		return 0, einval
	}
	switch flags {
	case 0:
	case clockAbsolute:
		timeout -= min(timeout, uint64(begin))
	default:
		return 0, einval
	}
	return time.Duration(min(timeout, math.MaxInt64)), 0
}

// putEvent writes the event of a subscription. It may be written over it.
func putEvent(out, subscription []byte, errno errno) {
	userdata, what := le.Uint64(subscription), subscription[8]
	clear(out)
	le.PutUint64(out, userdata)
	le.PutUint16(out[8:], uint16(errno))
	out[10] = what
}

// sleep waits for d, or ends with the cause of ctx if that ends first.
func (s *System) sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	if s.config.Frozen || s.pinned {
		s.slept += min(int64(d), s.maxSleep()-s.slept)
		return nil
	}
	start := time.Now()
	defer func() { s.waited = time.Since(start) }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
