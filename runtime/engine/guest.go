package engine

import (
	"context"
	"runtime"
	"time"
)

// Guest is the instance that calls a host function, as that function sees it. It is valid during the call.
type Guest struct {
	// Owner is who answers for the sandbox: what its embedder gave it.
	Owner any
	// System is the sandbox's WASI state.
	System any
	// Waited is how long host functions have waited on the guest's behalf, for others and not for the host's own work.
	// A host function that waits adds to it: the guest does not compute meanwhile.
	Waited time.Duration
	// Calls is how many host functions it has called; the runtime counts them.
	Calls uint64
	// Tick is called when a metered guest has used its budget up.
	Tick func(ctx context.Context) error
	// Windows shows objects in place.
	Windows Windows

	memory func() []byte
	pinned bool
}

// Pin keeps the goroutine on its thread from now on, and the thread from other goroutines. Only the runtime does, when a call
// begins, to know which thread takes the page faults of the call.
func (g *Guest) Pin() {
	runtime.LockOSThread()
	g.pinned = true
}

// Pinned reports whether the goroutine has kept its thread since then.
func (g *Guest) Pinned() bool { return g.pinned }

// Unpin ends it. A host function that is [HostFunc.Quick] calls it before it waits after all.
func (g *Guest) Unpin() {
	if g.pinned {
		g.pinned = false
		runtime.UnlockOSThread()
	}
}

// Bind tells the guest where its memory is. An engine calls it when it has made the instance.
func (g *Guest) Bind(memory func() []byte) { g.memory = memory }

// Memory returns the guest's whole memory as it is now; nil if it has none yet.
func (g *Guest) Memory() []byte {
	if g.memory == nil {
		return nil
	}
	return g.memory()
}

// View returns n bytes of the guest's memory from ptr on, in place; false if they are not all inside it. What a host
// function keeps it copies.
func (g *Guest) View(ptr, n uint32) ([]byte, bool) {
	m := g.Memory()
	end := uint64(ptr) + uint64(n)
	if end > uint64(len(m)) {
		return nil, false
	}
	return m[ptr:end:end], true
}
