package ray

import (
	"context"
	"time"
)

// Calls of one actor at once: each method is a goroutine. One that waits for refs parks in this package, and the export
// returns to the host when all goroutines have parked; the host resumes the guest when something that they wait for has
// happened. A result goes to the host by the number of its call, in whatever order.

// concurrency is what the guest knows of its calls. It is guarded by mu, but for what only exports use.
var concurrency struct {
	on      bool   // the host has begun a call by start
	serving uint32 // for which the host takes the guest to act
	calls   map[uint32]*running
	parked  map[uint32]*parking // by token
	token   uint32              // the last one
}

// parking is one goroutine that waits for the host.
type parking struct {
	call      *running // nil for the actor's own
	done      chan struct{}
	cancelled error
}

// lock makes what follows one piece, on behalf of the caller's call.
func lock() {
	mu.Lock()
	attribute()
}

// attribute tells the host for which call the next functions are, if there are several. The caller holds mu.
func attribute() {
	if !concurrency.on {
		return
	}
	number := uint32(0)
	if c := currentCall(); c != nil && concurrency.calls[c.number] == c {
		number = c.number
	}
	if number != concurrency.serving {
		concurrency.serving = number
		hostServe(number)
	}
}

// await waits for count of the objects, 0 for all or one that failed. It returns when they may be there or the time has
// passed. Only with concurrent calls.
func await(ids []uint32, count int, timeout time.Duration) error {
	c := &concurrency
	lock()
	call := currentCall()
	if call != nil && call.ctx.Err() != nil {
		mu.Unlock()
		return context.Cause(call.ctx)
	}
	c.token++
	token := c.token
	status := hostAwait(ids, count, int64(timeout), token)
	if status != 0 {
		err := check(status, "wait")
		mu.Unlock()
		return err
	}
	p := &parking{call: call, done: make(chan struct{})}
	c.parked[token] = p
	mu.Unlock()
	<-p.done
	return p.cancelled
}

// awaited waits, without holding up other calls, and returns how long is left to wait in the host: nothing if calls run at
// once, all of it otherwise.
func awaited(op string, ids []uint32, count int, timeout time.Duration) (left time.Duration, err error) {
	if !concurrency.on || timeout == 0 {
		return timeout, nil
	}
	if err := await(ids, count, timeout); err != nil {
		return 0, because(err, op)
	}
	return 0, nil
}

// Context returns the context of the call that runs: it is cancelled when the call of an actor with [MaxConcurrency] is
// cancelled, or has returned. A function, and an actor's method that runs alone, is stopped instead.
func Context() context.Context {
	if c := currentCall(); c != nil {
		return c.ctx
	}
	return context.Background()
}

// Sleep waits so long. Other calls of an actor with [MaxConcurrency] go on meanwhile, as they do with time.Sleep, which is
// less exact there. It returns early, with [TaskCancelled], when the call is cancelled.
func Sleep(d time.Duration) error {
	if !concurrency.on {
		time.Sleep(d)
		return nil
	}
	if d <= 0 {
		return nil
	}
	return await(nil, 0, d)
}
