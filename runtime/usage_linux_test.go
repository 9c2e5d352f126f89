package wasmrt_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// processorTime returns how long processors have run this process.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	check(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Guests that compute on more threads than there are processors are not charged for the time that their threads wait: by
// the clock they would have computed several times as long as the process has run.
func TestGuestsAreChargedForTheProcessorsTime(t *testing.T) {
	const each, long = 4, 500 * time.Millisecond
	everyEngine(t, func(t *testing.T, open engine.Open) {
		guests := each * runtime.NumCPU()
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(guests))
		m := load(t, open, attacker())
		list := make([]*wasmrt.Sandbox, guests)
		for k := range list {
			list[k] = sandbox(t, m, wasmrt.SandboxConfig{})
		}
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		before := processorTime(t)
		var wg sync.WaitGroup
		for _, s := range list {
			wg.Go(func() {
				if err := run(ctx, s, do("loop")); spec.KindOf(err) != spec.DeadlineExceeded {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		ran := processorTime(t) - before
		charged := time.Duration(0)
		for _, s := range list {
			charged += s.Usage().CPU
		}
		// The first and the last piece of each are taken by the clock.
		if most := 2*ran + long/2; charged > most {
			t.Errorf("guests are charged for %v, the process has run for %v", charged, ran)
		}
		if charged < ran/4 {
			t.Errorf("guests that did all the work of %v are charged for %v", ran, charged)
		}
	})
}
