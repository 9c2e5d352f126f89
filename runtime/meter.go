package wasmrt

import (
	"context"
	"runtime"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasi"
)

// Quantum is how much a guest may execute before the host looks at its deadline and lets others run, in units of about
// one instruction: 10 to 100 microseconds on amd64.
const Quantum = 200_000

// meter is what one sandbox has used.
//
// Its time is added up in pieces, from when the guest gets its turn to its next tick or the end of its call. A piece is
// taken by the clock, which is cheap, but for what host functions waited. One from tick to tick without a call of the host
// ran on one thread, for nothing moves a goroutine that executes machine code of a guest's: there the thread's own
// time is known, which passes only while a processor runs it. Asking for it is a system call, so nobody does in a call
// that is shorter than a quantum.
type meter struct {
	granted int64         // units
	cpu     time.Duration // of the pieces that have ended
	began   int64         // when this piece did, by the monotonic clock, in nanoseconds
	waited  time.Duration // of guest.Waited by then
	thread  time.Duration // the thread's time by then; unknownTime if nobody has asked
	calls   uint64        // of the host by then
}

// unknownTime stands for the time of a thread that nobody knows.
const unknownTime = -1

// tickFunc is the function that a metered guest calls when it has used its budget up.
var tickFunc = engine.HostFunc{
	Module: tickModule, Name: tickName,
	Func: func(ctx context.Context, guest *engine.Guest, _ []uint64) error { return guest.Tick(ctx) },
}

// counted returns a function whose calls are counted, as all are but tick's, and that gives the thread up if it may wait.
func counted(f engine.HostFunc) engine.HostFunc {
	serve, quick := f.Func, f.Quick
	f.Func = func(ctx context.Context, guest *engine.Guest, stack []uint64) error {
		guest.Calls++
		if !quick {
			guest.Unpin()
		}
		return serve(ctx, guest, stack)
	}
	return f
}

// tick gives the guest its next quantum, unless its context has ended, after others had their turn.
func (i *instance) tick(ctx context.Context) error {
	if err := ended(ctx); err != nil {
		return err
	}
	i.pause()
	i.guest.Unpin()
	runtime.Gosched()
	i.resume()
	i.meter.thread = threadTime()
	if err := ended(ctx); err != nil {
		return err
	}
	left := int64(i.budget.Get())
	grant := max(Quantum, -left) // after one large piece of work the next tick still comes soon
	i.budget.Set(uint64(left + grant))
	i.meter.granted += grant
	return nil
}

// ended returns the cause of the end of a context, nil if it has not ended. A deadline that has passed is one, whether the
// timer that ends the context has run or not: while guests are on every processor they see it pass first, and the timer may
// be with a processor that does not get to it for milliseconds.
func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if due, ok := ctx.Deadline(); ok && time.Until(due) <= 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// resume begins a piece.
func (i *instance) resume() {
	m := &i.meter
	m.began, m.waited, m.thread, m.calls = wasi.HostMonotonic(), i.guest.Waited, unknownTime, i.guest.Calls
}

// pause ends a piece.
func (i *instance) pause() {
	m := &i.meter
	used := time.Duration(wasi.HostMonotonic()-m.began) - (i.guest.Waited - m.waited)
	if m.thread != unknownTime && i.guest.Calls == m.calls {
		if t := threadTime() - m.thread; t >= 0 { // else the host's own code was moved, before or after the guest ran
			used = min(used, t)
		}
	}
	m.cpu += used
}
