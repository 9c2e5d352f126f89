package ray

import (
	"runtime"
	"slices"
	"strconv"

	"github.com/raywasm/raywasm/spec"
)

// handle is a right to an object or an actor that the host keeps for this sandbox: a number, counted by the host. Refs
// and actor handles are copies of one pointer to it; when the last copy is collected the number is queued, and the next
// call of the host gives it back.
type handle struct {
	err      error // why there is none: the submission failed
	id       uint32
	held     bool // id is the host's and not yet given back
	aged     bool // a collection has found it in young
	watched  bool // the collector will bury it
	released bool
}

// newHandle takes over a number of the host's. mu is held.
func newHandle(id uint32) *handle {
	h := &handle{id: id, held: true}
	if len(young) >= maxYoung {
		grow()
	}
	young = append(young, h)
	return h
}

// young holds the latest handles. To have the collector watch a handle costs as much as a whole submission, and most refs of
// a careful program are released: so it watches those only that two collections have found here, so that the next one finds
// those that nobody has any more, and those for which there is no room here.
var young = newYoung()

// newYoung is young as a sandbox begins: the image has the room that most programs need. It lies on the heap, so that it goes
// when young needs more: what a variable's array still held then would never be given back.
func newYoung() []*handle { return make([]*handle, 0, 32) }

// maxYoung is how many handles young holds at most: more than a careful program has under way.
const maxYoung = 1 << 15

// grow makes room in young: what was released leaves it, and the eldest half of the room.
func grow() {
	young = slices.DeleteFunc(young, func(h *handle) bool { return !h.held })
	if more := len(young) - maxYoung/2; more > 0 {
		for _, h := range young[:more] {
			h.watch()
		}
		young = slices.Delete(young, 0, more)
	}
}

// watch has h buried when its last copy is collected.
func (h *handle) watch() {
	if h.held && !h.watched {
		h.watched = true
		runtime.SetFinalizer(h, bury)
	}
}

// failed is the handle of a submission that failed: it has its error already.
func failed(err error) *handle { return &handle{err: err} }

// use returns the host's number for h, or why there is none. The caller keeps h alive until the host has been called.
func (h *handle) use(op, what string) (uint32, error) {
	if h != nil && h.held {
		return h.id, nil
	}
	return 0, h.problem(op, what)
}

// problem is why h cannot be used.
func (h *handle) problem(op, what string) error {
	switch {
	case h == nil:
		return spec.Errorf(op, spec.InvalidArgument, "", "the %s is a zero value", what)
	case h.err != nil:
		return h.err
	}
	return spec.Errorf(op, spec.ReferenceCounting, "", "the %s was released", what)
}

// release gives the handle back now. Doing so twice, or to a failed or zero one, is harmless.
func (h *handle) release() {
	if h == nil {
		return
	}
	lock()
	defer mu.Unlock()
	if !h.held {
		return
	}
	h.held, h.released = false, true
	if h.watched {
		runtime.SetFinalizer(h, nil)
	}
	hostRelease(h.id)
}

// graveyard holds the numbers of collected handles until somebody calls the host.
var graveyard struct {
	mu        mutex
	ids       []uint32
	collected bool // there was a collection since the last look
}

// bury is the finalizer of a watched handle.
func bury(h *handle) {
	graveyard.mu.Lock()
	graveyard.ids = append(graveyard.ids, h.id)
	graveyard.mu.Unlock()
}

// bell is collected by every collection and made anew.
type bell struct{ _ *bell }

func (b *bell) ring() {
	graveyard.mu.Lock()
	graveyard.collected = true
	graveyard.mu.Unlock()
	runtime.SetFinalizer(b, (*bell).ring)
}

func init() { runtime.SetFinalizer(new(bell), (*bell).ring) }

// yieldEvery is how many host calls pass before waiting goroutines, the runtime's finalizers among them, get a turn: a
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
	if len(graveyard.ids) > 0 || graveyard.collected {
		dig()
	}
	graveyard.mu.Unlock()
}

// dig empties the graveyard, whose lock is held.
func dig() {
	for _, id := range graveyard.ids {
		hostRelease(id)
	}
	graveyard.ids = graveyard.ids[:0]
	if graveyard.collected {
		graveyard.collected = false
		young = slices.DeleteFunc(young, func(h *handle) bool {
			if h.aged {
				h.watch()
			}
			leaves := h.aged || !h.held
			h.aged = true
			return leaves
		})
	}
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
