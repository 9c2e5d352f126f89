package wasi

import (
	"crypto/rand"
	"math"
	"time"
)

// Moment is what a pinned guest sees of the world: with the same moment, the same calls see the same.
type Moment struct {
	Realtime  int64    // what the realtime clock shows, in nanoseconds since 1970
	Monotonic int64    // what the monotonic clock shows, in nanoseconds
	Seed      [32]byte // of the stream that the guest's entropy is
}

// Now returns a moment to pin the guest to: the clocks as they are, but not behind what it was shown, and a new seed.
func (s *System) Now() (m Moment) {
	m.Realtime, m.Monotonic = time.Now().UnixNano(), HostMonotonic()+s.config.MonotonicOffset
	if s.pinned {
		m.Realtime, m.Monotonic = max(m.Realtime, s.realtime()), max(m.Monotonic, s.Monotonic())
	}
	rand.Read(m.Seed[:]) // never fails
	return m
}

// Pin lets the guest see one moment until it is pinned to the next, or Reset: the clocks stand still and the entropy is the
// seed's stream. A guest that sleeps goes on at once, and the clocks move by as long as it wanted to sleep.
func (s *System) Pin(m Moment) {
	s.pinned, s.moment, s.slept = true, m, 0
	s.entropy.Seed(m.Seed)
}

// maxSleep is how far sleeping moves the clocks at most.
func (s *System) maxSleep() int64 {
	if s.pinned {
		return math.MaxInt64 - max(s.moment.Realtime, s.moment.Monotonic)
	}
	return maxFrozenSleep
}
