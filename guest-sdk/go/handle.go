package ray

import (
	"runtime"
	"strconv"
	"sync"

	"github.com/raywasm/raywasm/spec"
)

// handle is a right to an object or an actor that the host keeps for this sandbox: a number, counted by the host. Refs
// and actor handles are copies of one pointer to it; when the last copy is collected the number is queued, and the next
// call of the host gives it back.
type handle struct {
	id       uint32
	held     bool  // id is the host's and not yet given back
	err      error // why there is none: the submission failed
	cleanup  runtime.Cleanup
	released bool
}

func newHandle(id uint32) *handle {
	h := &handle{id: id, held: true}
	h.cleanup = runtime.AddCleanup(h, bury, id)
	return h
}

// failed is the handle of a submission that failed: it has its error already.
func failed(err error) *handle { return &handle{err: err} }

// use returns the host's number for h, or why there is none. The caller keeps h alive until the host has been called.
func (h *handle) use(op, what string) (uint32, error) {
	switch {
	case h == nil:
		return 0, spec.Errorf(op, spec.InvalidArgument, "", "the %s is a zero value", what)
	case h.err != nil:
		return 0, h.err
	case h.released:
		return 0, spec.Errorf(op, spec.ReferenceCounting, "", "the %s was released", what)
	}
	return h.id, nil
}

// release gives the handle back now. Doing so twice, or to a failed or zero one, is harmless.
func (h *handle) release() {
	if h == nil || !h.held {
		return
	}
	h.held, h.released = false, true
	h.cleanup.Stop()
	hostRelease(h.id)
}

// graveyard holds the numbers of collected handles until somebody calls the host.
var graveyard struct {
	mu  sync.Mutex
	ids []uint32
}

func bury(id uint32) {
	graveyard.mu.Lock()
	graveyard.ids = append(graveyard.ids, id)
	graveyard.mu.Unlock()
}

// yieldEvery is how many host calls pass before waiting goroutines, the runtime's cleanups among them, get a turn: a
// guest has one thread and a program that only calls the host never yields it.
const yieldEvery = 256

var callsUntilYield = yieldEvery

// sweep gives back what was collected. It is called with mu held, before the host is.
func sweep() {
	if callsUntilYield--; callsUntilYield <= 0 {
		callsUntilYield = yieldEvery
		runtime.Gosched()
	}
	graveyard.mu.Lock()
	defer graveyard.mu.Unlock()
	for _, id := range graveyard.ids {
		hostRelease(id)
	}
	graveyard.ids = graveyard.ids[:0]
}

// state is a handle's part of a ref's String.
func (h *handle) state() string {
	switch {
	case h == nil:
		return "(zero)"
	case h.err != nil:
		return "(failed: " + h.err.Error() + ")"
	case h.released:
		return "(released)"
	}
	return "(" + strconv.FormatUint(uint64(h.id), 10) + ")"
}
