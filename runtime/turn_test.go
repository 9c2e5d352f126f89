package wasmrt_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
)

// One of many whose context ends while the others are before it does not wait until all of them had their turns.
func TestAnEndDoesNotWaitForTheTurnsOfOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one queue, so that turns can be counted
	const others = 200
	var (
		turns        wasmrt.Turns
		wg           sync.WaitGroup
		long         = make(chan struct{}) // closed when turns are
		once         sync.Once
		mu           sync.Mutex
		had, atEnd   int // turns of others: all, and until the context ended
		queued, done bool
	)
	ctx, cancel := context.WithCancel(t.Context())
	end := func() { // as a deadline's timer does
		mu.Lock()
		defer mu.Unlock()
		atEnd = had
		cancel()
	}
	for range others {
		wg.Go(func() {
			for n := uint32(1); ; turns.Next(t.Context()) {
				n = spin(n)
				if turns.Long() {
					once.Do(func() { close(long) })
				}
				mu.Lock()
				had++
				if queued {
					queued = false
					time.AfterFunc(0, end)
				}
				stop := done
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	<-long
	mu.Lock()
	queued = true
	mu.Unlock()
	turns.Next(ctx)
	mu.Lock()
	passed, ended := had-atEnd, ctx.Err() != nil
	done = true
	mu.Unlock()
	wg.Wait()
	if !ended || passed > others/10 {
		t.Errorf("the context ended: %v; then %d others had their turns before it was seen", ended, passed)
	}
}
