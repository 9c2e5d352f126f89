package wasmrt

// Most sandboxes change only pages of which their memory has private copies already, for those before them changed the
// same ones, and these stay when they are reset. Then there is no page fault, and the scan for private copies would find
// what it found last. The kernel counts the faults of every thread, and tells them in a third of the time of a scan, or less.
//
// So a call is watched: it keeps its thread, whose faults are read before and after. What has to hold for a memory to be
// reset without a scan is that since the last reset
//
//   - every call that ran in it was watched from its begin to its end, and its thread took no fault, by code of the guest's,
//     of host functions, or of the kernel on their behalf;
//   - nobody wrote to it outside of calls, but for freshEntropy, whose pages are known;
//   - no page of it can become a private copy without a fault: see room.foresees.
//
// A call that gives its thread up, since it waits or has used up a quantum, may go on elsewhere, where nobody counts.

// maxWatched is how many calls of a sandbox are watched: tasks have one or two, and an actor is not reset.
const maxWatched = 2

// watch is what is known of the page faults of a sandbox.
type watch struct {
	calls  int
	faults int64 // its thread's when this call began
	missed bool  // something may have become a private copy
}

// begin watches a call.
func (w *watch) begin(i *instance) {
	if w.missed {
		return
	}
	if w.calls++; w.calls > maxWatched || !i.room.foresees() {
		w.missed = true
		return
	}
	i.guest.Pin()
	w.faults = threadFaults()
}

// end says what the call has shown.
func (w *watch) end(i *instance) {
	if w.missed {
		return
	}
	w.missed = !i.guest.Pinned() || threadFaults() != w.faults
	i.guest.Unpin()
}
