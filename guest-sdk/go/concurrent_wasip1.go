//go:build wasip1

package ray

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

// What the exports do with concurrent calls.

// running is one call, from start to done. A goroutine is known to belong to it by its label, which the goroutines that it
// starts inherit.
type running struct {
	labels [3]uintptr // stays zero: the label of a goroutine begins like an empty set of labels of package runtime/pprof
	number uint32
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// others is how many goroutines belong to no call, the export's among them.
var others int

var eventBuffer [64 * 8]byte

// start begins a method beside those that run.
func start(number uint32, nargs int) int32 {
	c := &concurrency
	if !c.on {
		c.on, c.calls, c.parked = true, make(map[uint32]*running), make(map[uint32]*parking)
		others = runtime.NumGoroutine()
	}
	c.serving = number
	call := &running{number: number}
	call.ctx, call.cancel = context.WithCancelCause(context.Background())
	c.calls[number] = call
	name, frame := receive()
	if name == nil {
		call.end(spec.Errorf("call", spec.System, "", "the host gave no name"))
		return settle()
	}
	e := find(spec.CallMethod, name)
	switch {
	case e == nil:
		call.end(missing(spec.CallMethod, string(name)))
	case e.problem != nil:
		call.end(e.problem)
	default:
		in := &inbound{entry: e, nargs: nargs, frame: bytes.Clone(frame)} // the next call overwrites what was received
		go func() {
			setLabel(call)
			err := e.invoke(in)
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
	closeWindows(c.number)
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
		if runtime.NumGoroutine() <= others+len(concurrency.parked) {
			return int32(spec.ProgressWaiting)
		}
		runtime.Gosched()
	}
	if runtime.NumGoroutine() <= others+len(concurrency.parked) {
		return int32(spec.ProgressWaiting)
	}
	return int32(spec.ProgressPoll)
}

// resume wakes what the host says.
func resume(events int) int32 {
	for events > 0 {
		n := int(hostEvents(eventBuffer[:]))
		if n <= 0 {
			break
		}
		for b := eventBuffer[:n]; len(b) >= 8; b = b[8:] {
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

// A goroutine's label is a pointer that the goroutines it starts inherit. Package runtime/pprof keeps its own there: to
// import it for this would add a third of a megabyte to every guest.

//go:linkname runtimeSetLabel runtime/pprof.runtime_setProfLabel
func runtimeSetLabel(unsafe.Pointer)

//go:linkname runtimeGetLabel runtime/pprof.runtime_getProfLabel
func runtimeGetLabel() unsafe.Pointer

// setLabel says that this goroutine, and those it starts, belong to a call.
func setLabel(c *running) { runtimeSetLabel(unsafe.Pointer(c)) }

// currentCall returns the call that this goroutine belongs to, nil for none.
func currentCall() *running {
	if !concurrency.on { // somebody else may use labels
		return nil
	}
	return (*running)(runtimeGetLabel())
}
