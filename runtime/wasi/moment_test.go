package wasi

import (
	"bytes"
	"testing"
	"time"
)

func TestAPinnedGuestSeesOneMoment(t *testing.T) {
	var s System
	s.Reset(Config{})
	first := s.Now()
	see := func() (int64, int64, []byte) {
		b := make([]byte, 100)
		s.random(b)
		return s.realtime(), s.Monotonic(), b
	}
	s.Pin(first)
	real1, mono1, rand1 := see()
	if real1 != first.Realtime || mono1 != first.Monotonic {
		t.Errorf("the clocks show %d and %d, not the moment", real1, mono1)
	}
	s.slept += int64(time.Hour) // as poll_oneoff does
	next := s.Now()
	if next.Monotonic < mono1+int64(time.Hour) || next.Realtime < real1+int64(time.Hour) || next.Seed == first.Seed {
		t.Errorf("the moment after an hour's sleep is %+v, before %+v", next, first)
	}
	s.Pin(first)
	if real2, mono2, rand2 := see(); real2 != real1 || mono2 != mono1 || !bytes.Equal(rand1, rand2) {
		t.Error("the same moment shows something else")
	}
	s.Reset(Config{})
	if _, mono, b := see(); mono >= mono1+int64(time.Hour) || bytes.Equal(b, rand1) {
		t.Error("a sandbox that was reset is still pinned")
	}
}
