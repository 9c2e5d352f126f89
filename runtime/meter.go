package wasmrt

import (
	"context"
	"runtime"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
)

// Quantum is how much a guest may execute before the host looks at its deadline and lets others run, in units of about
// one instruction: 10 to 100 microseconds on amd64.
const Quantum = 200_000

// meter is what one sandbox has used.
type meter struct {
	granted int64 // units
	cpu     time.Duration
	began   time.Time     // of the current call, or since the guest got its turn again
	waited  time.Duration // of guest.Waited, what has been taken off already
}

// tickFunc is the function that a metered guest calls when it has used its budget up.
var tickFunc = engine.HostFunc{
	Module: tickModule, Name: tickName,
	Func: func(ctx context.Context, guest *engine.Guest, _ []uint64) error { return guest.Tick(ctx) },
}

// tick gives the guest its next quantum, unless its context has ended, after others had their turn.
func (i *instance) tick(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	i.pause()
	runtime.Gosched()
	i.meter.began = time.Now()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	left := int64(i.budget.Get())
	grant := max(Quantum, -left) // after one large piece of work the next tick still comes soon
	i.budget.Set(uint64(left + grant))
	i.meter.granted += grant
	return nil
}

// pause adds the time since the guest got its turn to its CPU time, but for what it waited for in host functions.
func (i *instance) pause() {
	i.meter.cpu += time.Since(i.meter.began) - (i.guest.Waited - i.meter.waited)
	i.meter.waited = i.guest.Waited
}
