package hostcall

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// start begins a call with one argument.
func (w *world) start(function, argument string) int64 {
	return int64(w.session.Start(w.host.caller(), function, values(spec.Value{Data: []byte(argument)})))
}

// answer gives the result of the call that the guest acts for, and ends it.
func (w *world) answer(result string) {
	w.t.Helper()
	ptr, size := w.text(result)
	w.must("ret", ptr, size, 0, 0)
	w.must("done", 0)
}

func TestCallsRunBesideEachOther(t *testing.T) {
	w := newWorld(t)
	w.session.Concurrent(w.host.caller(), w.host)
	first := w.start("A.first", "one")
	one := w.must("arg", 0)
	second := w.start("A.second", "two")
	two := w.must("arg", 0)
	if w.read(two) != "two" {
		t.Error("the second call's argument is not its own")
	}
	w.refused(spec.ReferenceCounting, "size", one) // another call's
	w.must("serve", first)
	if w.read(one) != "one" {
		t.Error("the first call's argument is not its own")
	}
	ptr, size := w.text("passed by the first")
	w.must("pass_value", ptr, size, 0, 0)
	w.must("serve", second)
	if w.submit("f"); len(w.host.calls[0].Args) != 0 {
		t.Error("what one call passed is submitted by another")
	}
	w.answer("of the second")
	w.refused(spec.NotFound, "arg", 0)
	w.refused(spec.NotFound, "done", 0)
	ended := w.session.Ended()
	if len(ended) != 1 || int64(ended[0].Number) != second || string(ended[0].Results[0].Data) != "of the second" {
		t.Fatalf("ended: %+v", ended)
	}
	w.session.Finish(ended[0].Number)
	w.refused(spec.NotFound, "serve", second)
	w.must("serve", first)
	if w.submit("g"); len(w.host.calls[1].Args) != 1 {
		t.Error("what the call passed is gone")
	}
	w.answer("of the first")
	w.session.Finish(uint32(first))
	w.must("serve", 0)
}

func TestAwaitingDoesNotWait(t *testing.T) {
	w := newWorld(t)
	w.session.Concurrent(w.host.caller(), w.host)
	w.start("A.m", "")
	there, never := w.submit("f"), w.submit("never")
	list, n := w.list(there)
	if w.must("await", list, n, 0, -1, 7) != 1 {
		t.Error("it waits for what is there")
	}
	list, n = w.list(there, never)
	if w.must("await", list, n, 0, -1, 8) != 0 || w.must("await", 0, 0, 0, 1000, 9) != 0 || !slices.Equal(w.host.awaits, []uint32{8, 9}) {
		t.Errorf("waits: %v", w.host.awaits)
	}
	w.refused(spec.InvalidArgument, "await", 0, 0, 0, -1, 1)
	w.refused(spec.InvalidArgument, "await", list, n, n+1, -1, 1)

	w.session.Deliver([]Event{{spec.EventReady, 8}, {spec.EventReady, 9}, {spec.EventCancelled, 1}})
	if n := w.must("events", 0, 2*eventBytes+3); n != 2*eventBytes {
		t.Fatalf("%d bytes of events", n)
	}
	if binary.LittleEndian.Uint32(w.memory) != uint32(spec.EventReady) || binary.LittleEndian.Uint32(w.memory[12:]) != 9 {
		t.Errorf("events: %x", w.memory[:16])
	}
	if n := w.must("events", 0, 100); n != eventBytes || w.memory[0] != byte(spec.EventCancelled) {
		t.Errorf("the rest of the events: %d bytes, %x", n, w.memory[:8])
	}
}

func TestOneCallAtATimeHasNoTurns(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", nil)
	w.refused(spec.Unsupported, "serve", 0)
	w.refused(spec.Unsupported, "done", 0)
	w.refused(spec.Unsupported, "await", 0, 0, 0, 1, 1)
	w.refused(spec.Unsupported, "events", 0, 0)
}
