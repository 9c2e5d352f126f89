package ray

import (
	"context"
	"encoding/binary"
	"runtime"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Calls of one actor at once: each method is a goroutine. One that waits for refs parks in this package, and the export
// returns to the host when all goroutines have parked; the host resumes the guest when something that they wait for has
// happened. A result goes to the host by the number of its call, in whatever order.

// running is one call, from start to done. A goroutine is known to belong to it by its label, which the goroutines that it
// starts inherit.
type running struct {
	labels [3]uintptr // stays zero: the label of a goroutine begins like an empty set of labels of package runtime/pprof
	number uint32
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// concurrency is what the guest knows of its calls. It is guarded by mu, but for what only exports use.
var concurrency struct {
	on      bool   // the host has begun a call by start
	serving uint32 // for which the host takes the guest to act
	calls   map[uint32]*running
	parked  map[uint32]*parking // by token
	token   uint32              // the last one
	others  int                 // goroutines that belong to no call, the export's among them
	buffer  [64 * 8]byte
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

// start begins a method beside those that run.
func start(number uint32, nargs int) int32 {
	c := &concurrency
	if !c.on {
		c.on, c.calls, c.parked = true, make(map[uint32]*running), make(map[uint32]*parking)
		c.others = runtime.NumGoroutine()
	}
	c.serving = number
	call := &running{number: number}
	call.ctx, call.cancel = context.WithCancelCause(context.Background())
	c.calls[number] = call
	n := hostName(nameBuffer[:])
	if n < 0 || int(n) > len(nameBuffer) {
		call.end(spec.Errorf("call", spec.System, "", "the host gave no name"))
		return settle()
	}
	e := find(spec.CallMethod, nameBuffer[:n])
	switch {
	case e == nil:
		call.end(missing(spec.CallMethod, string(nameBuffer[:n])))
	case e.problem != nil:
		call.end(e.problem)
	default:
		go func() {
			setLabel(call)
			err := e.invoke(nargs)
			lock()
			defer mu.Unlock()
			call.end(err)
		}()
	}
	return settle()
}

// end hands the call's end to the host, which acts for the call.
func (c *running) end(err error) {
	status := int32(0)
	if err != nil {
		status = fail(err)
	}
	hostDone(status)
	concurrency.serving = 0
	delete(concurrency.calls, c.number)
	c.cancel(context.Canceled)
}

// settleRounds is how often goroutines get a turn before those that have not parked are taken to wait for something that
// the host does not know of.
const settleRounds = 16

// settle lets the goroutines go on until all have parked or ended.
func settle() int32 {
	for range settleRounds {
		if runtime.NumGoroutine() <= concurrency.others+len(concurrency.parked) {
			return int32(spec.ProgressWaiting)
		}
		runtime.Gosched()
	}
	if runtime.NumGoroutine() <= concurrency.others+len(concurrency.parked) {
		return int32(spec.ProgressWaiting)
	}
	return int32(spec.ProgressPoll)
}

// resume wakes what the host says.
func resume(events int) int32 {
	c := &concurrency
	for events > 0 {
		n := int(hostEvents(c.buffer[:]))
		if n <= 0 {
			break
		}
		for b := c.buffer[:n]; len(b) >= 8; b = b[8:] {
			events--
			number := binary.LittleEndian.Uint32(b[4:])
			switch spec.EventKind(binary.LittleEndian.Uint32(b)) {
			case spec.EventReady:
				wake(number, nil)
			case spec.EventCancelled:
				interrupt(number)
			}
		}
	}
	return settle()
}

// wake lets a parked goroutine go on. The others wait for the export, so no lock is needed.
func wake(token uint32, cancelled error) {
	if p := concurrency.parked[token]; p != nil {
		delete(concurrency.parked, token)
		p.cancelled = cancelled
		close(p.done)
	}
}

// interrupt tells a call that nobody wants it any more.
func interrupt(number uint32) {
	call := concurrency.calls[number]
	if call == nil {
		return
	}
	cause := spec.Errorf("wait", spec.TaskCancelled, "", "the call was cancelled")
	call.cancel(cause)
	for token, p := range concurrency.parked {
		if p.call == call {
			wake(token, cause)
		}
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

// getWithin is hostGet, without holding up other calls.
func getWithin(ids []uint32, timeout time.Duration, op string) error {
	if concurrency.on && timeout != 0 {
		if err := await(ids, 0, timeout); err != nil {
			return because(err, op)
		}
		lock()
		defer mu.Unlock()
		status := hostGet(ids, 0)
		if status == -int32(spec.GetTimeout) {
			return spec.Errorf(op, spec.GetTimeout, "", "not all of %d objects were there after %v", len(ids), timeout)
		}
		return check(status, op)
	}
	return check(hostGet(ids, int64(timeout)), op)
}

// waitWithin is hostWait, without holding up other calls.
func waitWithin(ids []uint32, count int, timeout time.Duration, found []byte) error {
	if concurrency.on && timeout != 0 {
		if err := await(ids, count, timeout); err != nil {
			return err
		}
		timeout = 0
		lock()
		defer mu.Unlock()
	}
	return check(hostWait(ids, count, int64(timeout), found), "wait")
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
