package wasmrt

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raywasm/raywasm/runtime/wasi"
)

// turns is how guests that compute take turns on the processors, a quantum each: in the queue that Go's scheduler has for
// all who are ready.
//
// Nobody leaves that queue before its turn. With hundreds of guests in it a turn comes after many milliseconds, and a guest
// whose context ends meanwhile would learn of it only then. So where turns are long another goroutine queues in the guest's
// place, and the guest waits for its turn or the end of its context, whichever is first; whoever is woken goes on at once.
type turns struct {
	last    atomic.Int64   // how long the guest that had its turn last waited for it, in nanoseconds
	queuing sync.WaitGroup // goroutines in guests' places
}

// longTurn is how long guests wait for their turns where it is worth a goroutine, about a microsecond for each quantum, to
// notice an end at once. It is half of what a deadline may be late.
const longTurn = time.Millisecond

// next returns when all who are ready had their turn, or when ctx has ended.
func (t *turns) next(ctx context.Context) {
	if t.last.Load() < int64(longTurn) {
		t.queue()
		return
	}
	come := make(chan struct{})
	t.queuing.Go(func() {
		t.queue()
		close(come)
	})
	select {
	case <-come:
	case <-ctx.Done():
	}
}

func (t *turns) queue() {
	began := wasi.HostMonotonic()
	runtime.Gosched()
	t.last.Store(wasi.HostMonotonic() - began)
}
