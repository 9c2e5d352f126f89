package hostcall

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

const largeBytes = spec.MaxInlineBytes + 1

// large makes an object in the store and returns a handle of it.
func (w *world) large(links ...spec.Link) int64 {
	id := w.host.object(fakeObject{value: spec.Value{Data: bytes.Repeat([]byte("x"), largeBytes), Links: links}, large: true})
	w.host.given(spec.ObjectLink(id))
	return int64(w.session.handles.give(spec.ObjectLink(id)))
}

// view shows a value and returns where, and how long it is.
func (w *world) view(handle int64) (at, n int64) {
	w.t.Helper()
	const out = memoryBytes / 4
	n = w.must("view", handle, -1, out)
	return w.handleIn(out, 0), n
}

func TestView(t *testing.T) {
	w := newWorld(t)
	if err := w.session.roomFor(10); err != nil {
		t.Fatal(err)
	}
	inner := spec.ObjectLink(w.host.object(fakeObject{}))
	w.host.own[inner]++
	id := w.host.object(fakeObject{value: spec.Value{Data: bytes.Repeat([]byte("y"), largeBytes)}, large: true})
	w.session.Begin("f", []spec.Arg{spec.ValueArg(spec.Value{Data: []byte("an argument")}), {IsRef: true, Ref: id}})
	small := w.put("a small object")
	at, n := w.view(small)
	if got := string(w.memory[at : at+n]); got != "a small object" {
		t.Errorf("a small object is shown as %q", got)
	}
	if got := w.read(small); got != "a small object" { // it has been got
		t.Errorf("after its view it reads %q", got)
	}
	w.must("unview", at)
	w.refused(spec.NotFound, "unview", at)

	object := w.large(inner)
	at, n = w.view(object)
	if show := w.windows.opened[uint32(at)].show; n != largeBytes || show.FD != 3 || show.Write {
		t.Errorf("a large object of %d bytes is shown as %+v", n, show)
	}
	if got := w.linksOf(object); len(got) != 1 {
		t.Errorf("after its view it has links %v", got)
	}
	w.must("release", object)
	if w.host.views != 1 {
		t.Errorf("%d views are open after the handle was released", w.host.views)
	}
	w.must("unview", at)
	if w.host.views != 0 {
		t.Errorf("%d views are open after it was closed", w.host.views)
	}
	at, n = w.view(w.must("arg", 0))
	if got := string(w.memory[at : at+n]); got != "an argument" {
		t.Errorf("an argument is shown as %q", got)
	}
	at, n = w.view(w.must("arg", 1))
	if show := w.windows.opened[uint32(at)].show; n != largeBytes || show.FD != 3 {
		t.Errorf("a large argument of %d bytes is shown as %+v", n, show)
	}
	w.refused(spec.ReferenceCounting, "view", 77, 0, 0)
	w.refused(spec.InvalidArgument, "view", small, 0, memoryBytes-3)
	w.refused(spec.GetTimeout, "view", w.submit("never"), 0, 0)
	w.refused(spec.TaskError, "view", w.submit("bad"), -1, 0)
}

// A large value is nowhere in the session: what is read of it is read where it lies.
func TestALargeValueIsReadWhereItLies(t *testing.T) {
	w := newWorld(t)
	if err := w.session.roomFor(10); err != nil {
		t.Fatal(err)
	}
	id := w.host.object(fakeObject{value: spec.Value{Data: append(make([]byte, largeBytes), "end"...)}, large: true})
	w.session.Begin("f", []spec.Arg{{IsRef: true, Ref: id}})
	object := w.large()
	w.refused(spec.ObjectNotAvailable, "size", object)
	if n := w.must("get_value", object, -1, memoryBytes/2, 100); n != largeBytes {
		t.Errorf("get_value says %d bytes", n)
	}
	for handle, want := range map[int64]int64{object: largeBytes, w.must("arg", 0): largeBytes + 3} {
		if n := w.must("size", handle); n != want {
			t.Errorf("size says %d bytes, want %d", n, want)
		}
		if n := w.must("read", handle, want-3, memoryBytes/2, 100); n != 3 {
			t.Errorf("read gives %d bytes", n)
		}
	}
	if n, want := w.must("frame", memoryBytes/2, 100), int64(largeBytes+3+9); n != want {
		t.Errorf("frame needs %d bytes, want %d", n, want)
	}
	w.memory = make([]byte, 2*largeBytes) // beside what a world checks
	stack := []uint64{0, 2 * largeBytes}
	if err := w.functions["frame"].Func(w.ctx, &w.guest, stack); err != nil || !bytes.Equal(w.memory[9:stack[0]], w.host.objects[id].value.Data) {
		t.Errorf("a frame with room for it has another argument: %v", err)
	}
	w.memory = w.whole[margin : margin+memoryBytes]
	if len(w.session.handles.at(uint32(object)).value.Data) > 0 || w.host.views != 0 {
		t.Errorf("the session keeps its bytes, and %d views", w.host.views)
	}
}

func TestDraft(t *testing.T) {
	w := newWorld(t)
	small := w.draft(5)
	copy(w.memory[small:], "small")
	handle := w.must("seal", small)
	if got := string(w.memory[small : small+5]); got != "small" {
		t.Errorf("what the guest sees after the seal is %q", got)
	}
	copy(w.memory[small:], "other")
	w.get(handle)
	if got := w.read(handle); got != "small" {
		t.Errorf("the object is %q", got)
	}
	w.refused(spec.NotFound, "seal", small)
	w.must("unview", small)

	at := w.draft(largeBytes)
	if show := w.windows.opened[uint32(at)].show; !reflect.DeepEqual(show, engine.Shown{Size: largeBytes, FD: 4, Write: true}) {
		t.Errorf("a large draft is shown as %+v", show)
	}
	handle = w.must("seal", at)
	if show := w.windows.opened[uint32(at)].show; !reflect.DeepEqual(show, engine.Shown{Size: largeBytes, FD: 4}) || w.host.drafts != 0 || w.host.views != 1 {
		t.Errorf("when it is sealed it is shown as %+v, %d drafts and %d views", show, w.host.drafts, w.host.views)
	}
	w.refused(spec.NotFound, "seal", at)
	w.must("unview", at)
	if n := w.must("get_value", handle, 0, 0, 0); n != largeBytes {
		t.Errorf("the object has %d bytes", n)
	}

	w.must("unview", w.draft(largeBytes))
	at = w.draft(largeBytes)
	w.windows.returns() // and the draft goes with the call
	if w.host.drafts != 0 {
		t.Errorf("%d drafts are left that nobody can seal", w.host.drafts)
	}
	w.refused(spec.NotFound, "seal", at)
	w.refused(spec.InvalidArgument, "draft", 0, 0)
	w.refused(spec.LimitExceeded, "draft", spec.MaxValueBytes+1, 0)
	w.refused(spec.InvalidArgument, "draft", 5, memoryBytes-3)
	for range memoryBytes / 2 / windowBytes {
		w.draft(largeBytes)
	}
	w.refused(spec.OutOfMemory, "draft", largeBytes, 0)
	if want := memoryBytes / 2 / windowBytes; w.host.drafts != want {
		t.Errorf("%d drafts, want %d", w.host.drafts, want)
	}
}

// A draft for which there is no room when it is sealed is still there.
func TestASealThatIsRefused(t *testing.T) {
	w := newWorld(t)
	at := w.draft(4)
	copy(w.memory[at:], "full") // for which the fake has no room
	w.refused(spec.ObjectStoreFull, "seal", at)
	copy(w.memory[at:], "well")
	w.must("seal", at)
}

// TestWindowsOfSeveralCalls: each ends with its call, or before, and none is of no call.
func TestWindowsOfSeveralCalls(t *testing.T) {
	w := newWorld(t)
	if err := w.session.roomFor(10); err != nil {
		t.Fatal(err)
	}
	handle := w.large()
	w.session.Concurrent(w.host.caller(), w.host)
	w.refused(spec.Unsupported, "view", handle, 0, 0)
	w.refused(spec.Unsupported, "draft", 5, 0)
	first := w.start("A.first", "one")
	w.view(handle)
	closed, _ := w.view(handle)
	w.draft(largeBytes)
	second := w.start("A.second", "two")
	kept, _ := w.view(handle)
	w.must("unview", closed) // another call's: it is the same guest
	again, _ := w.view(handle)
	if again != closed {
		t.Fatalf("the place at %d is not used again, but %d", closed, again)
	}
	w.must("serve", first)
	w.answer("of the first")
	w.session.Finish(uint32(first))
	if len(w.windows.opened) != 2 || w.host.views != 2 || w.host.drafts != 0 {
		t.Errorf("when the first has ended, %d windows are open, %d views and %d drafts", len(w.windows.opened), w.host.views, w.host.drafts)
	}
	for _, at := range []int64{kept, again} {
		if _, open := w.windows.opened[uint32(at)]; !open {
			t.Errorf("the second call's window at %d has gone with the first", at)
		}
	}
	w.must("serve", second)
	w.answer("of the second")
	w.session.Finish(uint32(second))
	if len(w.windows.opened) != 0 || w.host.views != 0 || len(w.session.concurrent.windows) != 0 {
		t.Errorf("in the end %d windows are open, and %d views", len(w.windows.opened), w.host.views)
	}
}
