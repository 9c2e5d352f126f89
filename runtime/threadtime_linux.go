package wasmrt

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time of the thread that calls it.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return unknownTime
	}
	return time.Duration(t.Nano())
}
