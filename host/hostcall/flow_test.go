package hostcall

import (
	"slices"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

func TestPutGetRead(t *testing.T) {
	w := newWorld(t)
	inner := w.put("inner")
	outer := w.put("outer value", inner)
	w.refused(spec.ObjectNotAvailable, "size", outer)
	w.refused(spec.ObjectNotAvailable, "read", outer, 0, 0, 10)
	w.refused(spec.ObjectNotAvailable, "links", outer, 0, 0)
	if w.get(outer, outer, inner) != 0 {
		t.Fatal(w.session.last)
	}
	if got := w.read(outer); got != "outer value" {
		t.Errorf("read %q", got)
	}
	if n := w.must("read", outer, 6, 100, 50); n != 5 || string(w.memory[100:105]) != "value" {
		t.Errorf("from byte 6: %d, %q", n, w.memory[100:105])
	}
	if n := w.must("read", outer, 11, 100, 50); n != 0 {
		t.Errorf("at the end: %d", n)
	}
	w.refused(spec.InvalidArgument, "read", outer, 12, 100, 50)
	w.refused(spec.InvalidArgument, "read", outer, -1, 100, 50)
	links := w.linksOf(outer)
	if len(links) != 1 || links[0] == inner || w.held(inner) != 2 {
		t.Fatalf("links: %v, counted %d times", links, w.held(inner))
	}
	if w.get(links[0]); w.read(links[0]) != "inner" {
		t.Error("the link leads elsewhere")
	}
	for _, h := range []int64{inner, outer, links[0]} {
		w.must("release", h)
		w.refused(spec.ReferenceCounting, "release", h)
		w.refused(spec.ReferenceCounting, "size", h)
	}
}

func TestGetTellsTheFirstError(t *testing.T) {
	w := newWorld(t)
	good, bad, never := w.submit("good"), w.submit("bad"), w.submit("never")
	ptr, n := w.list(good, bad, never)
	w.refused(spec.TaskError, "get", ptr, n, 1)
	ptr, n = w.list(good, never)
	w.refused(spec.GetTimeout, "get", ptr, n, 1)
	w.refused(spec.ObjectNotAvailable, "size", good) // all or nothing
	if w.must("get", 0, 0, -1) != 0 {
		t.Error("get of nothing")
	}
}

func TestWait(t *testing.T) {
	w := newWorld(t)
	good, bad, never := w.submit("good"), w.submit("bad"), w.submit("never")
	ptr, n := w.list(never, good, bad, never)
	const ready = 1001
	for i := range n {
		w.memory[ready+i] = 7
	}
	if got := w.must("wait", ptr, n, 1, -1, ready); got != 2 || !slices.Equal(w.memory[ready:ready+5], []byte{0, 1, 1, 0, 0}) {
		t.Errorf("%d are ready: %v", got, w.memory[ready:ready+5])
	}
	if got := w.must("wait", ptr, n, 4, 1000, ready); got != 2 {
		t.Errorf("after a timeout %d are ready", got)
	}
	w.refused(spec.InvalidArgument, "wait", ptr, n, 0, 0, ready)
	w.refused(spec.InvalidArgument, "wait", ptr, n, 5, 0, ready)
	w.refused(spec.InvalidArgument, "wait", ptr, 0, 0, 0, ready)
	w.refused(spec.InvalidArgument, "wait", ptr, n, 1, 0, memoryBytes-3)
}

func TestSubmit(t *testing.T) {
	w := newWorld(t)
	ref, inner := w.put("ref"), w.put("inner")
	at, n := w.list(inner)
	ptr, size := w.text("value")
	w.must("pass_value", ptr, size, at, n)
	w.must("pass_ref", ref)
	w.must("pass_value", ptr, size, 0, 0)
	refID, innerLink := w.session.handles.at(uint32(ref)).link.Object, w.session.handles.at(uint32(inner)).link
	w.must("release", ref) // what is passed lives on
	w.must("release", inner)
	copy(w.memory[ptr:], "wrong") // and is a copy

	returns := int32(3)
	name, nameSize := w.text("f")
	opts, optsSize := w.form(&spec.TaskOptions{Returns: &returns})
	const out = 2002 // of no alignment
	if got := w.must("submit", name, nameSize, opts, optsSize, out, 2); got != 3 {
		t.Errorf("%d results", got)
	}
	call := w.host.calls[0]
	if call.Function != "f" || *call.Options.Returns != 3 || len(call.Args) != 3 {
		t.Fatalf("submitted %+v", call)
	}
	if a := call.Args[0]; string(a.Value.Data) != "value" || !slices.Equal(a.Value.Links, []spec.Link{innerLink}) || a.IsRef {
		t.Errorf("first argument: %+v", a)
	}
	if a := call.Args[1]; !a.IsRef || a.Ref != refID {
		t.Errorf("second argument: %+v", a)
	}
	if w.host.session[innerLink] != 0 || w.host.session[spec.ObjectLink(refID)] != 0 {
		t.Error("what was passed is still counted for the session")
	}
	results := []int64{w.handleIn(out, 0), w.handleIn(out, 1), w.handleIn(out, 2)}
	if results[2] != 0 || w.get(results[0], results[1]) != 0 || w.read(results[1]) != "f" {
		t.Errorf("handles of results: %v", results)
	}
	if w.session.handles.open != 2 {
		t.Errorf("%d handles are open, want those of the two results asked for", w.session.handles.open)
	}
	if w.submit("g"); len(w.host.calls[1].Args) != 0 {
		t.Error("the next call has the arguments of the one before")
	}
	none := int32(0)
	opts, optsSize = w.form(&spec.TaskOptions{Returns: &none})
	if got := w.must("submit", name, nameSize, opts, optsSize, out, 1); got != 0 {
		t.Errorf("a call without results has %d", got)
	}
}

// TestAnAbandonedCallLeavesNothing: what was passed before a failure never reaches another call.
func TestAnAbandonedCallLeavesNothing(t *testing.T) {
	w := newWorld(t)
	ref := w.put("ref")
	gone := w.put("gone")
	w.must("release", gone)
	missing, missingSize := w.text("missing")
	full, fullSize := w.text("full")
	badOpts, badSize := w.text("bad options")
	for _, c := range []struct {
		kind spec.Kind
		name string
		args []int64
	}{
		{spec.ReferenceCounting, "pass_ref", []int64{gone}},
		{spec.LimitExceeded, "pass_value", []int64{0, spec.MaxInlineBytes + 1, 0, 0}},
		{spec.ObjectStoreFull, "put", []int64{full, fullSize, 0, 0}},
		{spec.FunctionNotFound, "submit", []int64{missing, missingSize, 0, 0, 0, 1}},
		{spec.InvalidArgument, "submit", []int64{missing, missingSize, badOpts, badSize, 0, 1}},
		{spec.InvalidArgument, "submit", []int64{missing, 0, 0, 0, 0, 1}},
		{spec.FunctionNotFound, "actor_create", []int64{missing, missingSize, 0, 0}},
		{spec.ReferenceCounting, "actor_call", []int64{gone, missing, missingSize, 0, 0, 0, 1}},
	} {
		w.must("pass_ref", ref)
		before := w.held(ref)
		w.refused(c.kind, c.name, c.args...)
		if w.held(ref) != before-1 {
			t.Errorf("after %s the passed ref is counted %d times", c.name, w.held(ref))
		}
		w.submit("next")
		if args := w.host.calls[len(w.host.calls)-1].Args; len(args) != 0 {
			t.Errorf("after %s the next call has %d arguments", c.name, len(args))
		}
	}
	w.must("pass_ref", ref)
	w.refused(spec.ReferenceCounting, "release", gone) // this is not part of the call
	w.submit("next")
	if args := w.host.calls[len(w.host.calls)-1].Args; len(args) != 1 {
		t.Errorf("a failed release took %v", args)
	}
}

func TestActors(t *testing.T) {
	w := newWorld(t)
	class, classSize := w.text("Counter")
	opts, optsSize := w.form(&spec.ActorOptions{Name: "c"})
	start, startSize := w.text("10")
	w.must("pass_value", start, startSize, 0, 0)
	a := w.must("actor_create", class, classSize, opts, optsSize)
	if c := w.host.calls[0]; c.Function != "Counter" || string(c.Args[0].Value.Data) != "10" {
		t.Errorf("created %+v", c)
	}
	opts, optsSize = w.form(&spec.ActorOptions{Name: "c", GetIfExists: true})
	same := w.must("actor_create", class, classSize, opts, optsSize)
	name, nameSize := w.text("c")
	found := w.must("actor_find", name, nameSize, 0, 0)
	if a == same || same == found || w.held(a) != 3 {
		t.Errorf("handles %d, %d, %d of an actor that is counted %d times", a, same, found, w.held(a))
	}
	method, methodSize := w.text("Inc")
	at, n := w.list(a)
	w.must("pass_value", start, startSize, at, n) // an actor inside an argument
	const out = 3000
	if got := w.must("actor_call", found, method, methodSize, 0, 0, out, 1); got != 1 {
		t.Errorf("%d results", got)
	}
	result := w.handleIn(out, 0)
	if w.get(result) != 0 || w.read(result) != "Inc" {
		t.Error(w.session.last)
	}
	if inner := w.linksOf(result); len(inner) != 1 || w.must("actor_kill", inner[0], 1) != 0 || w.host.kills != 1 {
		t.Errorf("the actor in the result: %v", inner)
	}
	// An actor is no object and an object no actor.
	w.refused(spec.InvalidArgument, "actor_call", result, method, methodSize, 0, 0, out, 1)
	w.refused(spec.InvalidArgument, "actor_kill", result, 1)
	w.refused(spec.InvalidArgument, "pass_ref", a)
	w.refused(spec.InvalidArgument, "cancel", a, 0)
	w.refused(spec.InvalidArgument, "size", a)
	at, n = w.list(a)
	w.refused(spec.InvalidArgument, "get", at, n, -1)
}

func TestArgumentsAreNoRefs(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", values(spec.Value{Data: []byte("x")}))
	arg := w.must("arg", 0)
	at, n := w.list(arg)
	w.refused(spec.InvalidArgument, "put", 0, 1, at, n)
	w.refused(spec.InvalidArgument, "ret", 0, 1, at, n)
	w.refused(spec.InvalidArgument, "pass_value", 0, 1, at, n)
	w.refused(spec.InvalidArgument, "pass_ref", arg)
	w.refused(spec.InvalidArgument, "get", at, n, 0)
	w.refused(spec.InvalidArgument, "actor_kill", arg, 0)
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	h := w.submit("never")
	for flags := range int64(4) {
		w.must("cancel", h, flags)
	}
	if want := []string{"false false", "true false", "false true", "true true"}; !slices.Equal(w.host.cancels, want) {
		t.Errorf("cancelled with %v, want %v", w.host.cancels, want)
	}
	w.refused(spec.InvalidArgument, "cancel", h, 4)
}

func TestSelfAndLog(t *testing.T) {
	w := newWorld(t)
	n := w.must("self", 0, memoryBytes)
	var self spec.Self
	if err := spec.Unmarshal(w.memory[:n], &self); err != nil || self.Attempt != 2 {
		t.Errorf("self: %+v, %v", self, err)
	}
	ptr, size := w.text("hello \xff!")
	w.must("log", -4, ptr, size)
	if want := []string{"-4 hello \uFFFD!"}; !slices.Equal(w.host.logs, want) {
		t.Errorf("logged %q", w.host.logs)
	}
	w.refused(spec.LimitExceeded, "log", 0, 0, spec.MaxLogBytes+1)
}

func TestNames(t *testing.T) {
	w := newWorld(t)
	long, longSize := w.text(strings.Repeat("n", spec.MaxNameBytes+1))
	w.refused(spec.InvalidArgument, "submit", long, longSize, 0, 0, 0, 1)
	w.must("submit", long, longSize-1, 0, 0, 0, 1)
	w.refused(spec.InvalidArgument, "submit", long, 0, 0, 0, 0, 1)
	bad, badSize := w.text("\xff")
	w.refused(spec.InvalidArgument, "submit", bad, badSize, 0, 0, 0, 1)
	w.refused(spec.InvalidArgument, "actor_create", bad, badSize, 0, 0)
	w.refused(spec.InvalidArgument, "actor_find", bad, badSize, 0, 0)
	w.refused(spec.InvalidArgument, "actor_find", long, 1, bad, badSize)
	below := int32(-2)
	opts, optsSize := w.form(&spec.TaskOptions{MaxRetries: &below})
	w.refused(spec.InvalidArgument, "submit", long, 1, opts, optsSize, 0, 1)
	w.refused(spec.LimitExceeded, "submit", long, 1, 0, spec.MaxFormBytes+1, 0, 1)
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", nil)
	name, nameSize := w.text("f")
	for range spec.MaxArgs {
		w.must("pass_value", 0, 0, 0, 0)
	}
	w.refused(spec.LimitExceeded, "pass_value", 0, 0, 0, 0)

	w.session.passed.bytes = MaxPassedBytes - 5
	w.must("pass_value", 0, 5, 0, 0)
	w.refused(spec.LimitExceeded, "pass_value", 0, 1, 0, 0)
	h := w.put("x")
	w.session.passed.links = make([]spec.Link, spec.MaxLinks)
	w.host.session[spec.Link{}] = spec.MaxLinks
	at, n := w.list(h)
	w.refused(spec.LimitExceeded, "pass_value", 0, 0, at, n)

	w.session.resultBytes = MaxResultBytes - 5
	w.must("ret", 0, 5, 0, 0)
	w.refused(spec.LimitExceeded, "ret", 0, 1, 0, 0)
	w.session.resultLinks = spec.MaxLinks
	w.refused(spec.LimitExceeded, "ret", 0, 0, at, n)
	w.session.results = make([]spec.Value, spec.MaxReturns)
	w.refused(spec.LimitExceeded, "ret", 0, 0, 0, 0)

	w.session.logged = MaxLoggedBytes - LogRecordBytes - 5
	w.refused(spec.LimitExceeded, "log", 0, 0, 6)
	w.must("log", 0, 0, 5)
	w.refused(spec.LimitExceeded, "log", 0, 0, 0)

	w.refused(spec.LimitExceeded, "get", 0, MaxWaited+1, 0)
	w.refused(spec.LimitExceeded, "wait", 0, MaxWaited+1, 1, 0, 0)
	w.refused(spec.LimitExceeded, "put", 0, 1, 0, spec.MaxLinks+1)
	w.refused(spec.LimitExceeded, "put", 0, spec.MaxValueBytes+1, 0, 0)
	w.refused(spec.LimitExceeded, "submit", name, nameSize, 0, 0, 0, spec.MaxReturns+1)
	w.refused(spec.InvalidArgument, "submit", name, nameSize, 0, 0, 0, spec.MaxReturns)

	outer := w.put("outer", h)
	w.get(outer)
	open := w.session.handles.open
	w.session.handles.open = spec.MaxHandles
	w.refused(spec.LimitExceeded, "put", 0, 0, 0, 0)
	w.refused(spec.LimitExceeded, "links", outer, 0, 1)
	w.refused(spec.LimitExceeded, "submit", name, nameSize, 0, 0, 0, 1)
	w.refused(spec.LimitExceeded, "actor_create", name, nameSize, 0, 0)
	w.refused(spec.LimitExceeded, "actor_find", name, nameSize, 0, 0)
	w.session.handles.open = open
}

func TestHandlesAreReusedButNotTheirNumbers(t *testing.T) {
	var table handles
	table.grow(table.lacks(1))
	seen := make(map[uint32]bool)
	for i := range 1 << (30 - slotBits) {
		h := table.give(spec.Link{})
		if seen[h] || h == 0 || h&(argumentBit|statusBit) != 0 {
			t.Fatalf("handle %#x at turn %d", h, i)
		}
		seen[h] = true
		if _, ok := table.take(h); !ok || table.at(h) != nil {
			t.Fatalf("handle %#x cannot be closed", h)
		}
	}
	if len(table.slots) != 2 || table.open != 0 {
		t.Errorf("%d slots for one handle, %d open", len(table.slots), table.open)
	}
	if h := table.give(spec.Link{}); !seen[h] {
		t.Error("generations do not wrap")
	}
	for _, h := range []uint32{0, 2, 1 << slotBits, argumentBit, argumentBit | 1, statusBit | 1, 1<<32 - 1} {
		if table.at(h) != nil {
			t.Errorf("%#x is a handle", h)
		}
	}
}

func TestWhatASessionKeepsIsReserved(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", nil)
	const size = 10_000
	ptr, _ := w.bytes(make([]byte, size))
	name, nameSize := w.text("f")
	reserves := func(what string, from, to int64) {
		t.Helper()
		if w.host.used < from || w.host.used > to {
			t.Errorf("%s: %d bytes are reserved, want %d to %d", what, w.host.used, from, to)
		}
	}
	reserves("an empty session", 0, 0)
	for range 3 {
		w.must("pass_value", ptr, size, 0, 0)
	}
	reserves("three passed values", 3*size-Allowance, 3*size)
	w.must("submit", name, nameSize, 0, 0, 0, 0)
	reserves("once they are submitted", 0, 0)
	for range 3 {
		w.must("ret", ptr, size, 0, 0)
	}
	reserves("three results", 3*size-Allowance, 3*size)
	w.session.Results()
	reserves("once they are taken", 0, 0)
	for range 100 {
		w.must("ret", ptr, size, 0, 0)
	}
	w.session.End()
	reserves("once the call has ended", 0, 0)
	h := w.put("x")
	many, n := w.list(slices.Repeat([]int64{h}, 1000)...)
	w.must("get", many, n, 0)
	reserves("after a get", 0, 0)
	for range 1000 {
		w.put("x")
	}
	reserves("1001 handles", 1001*HandleBytes-Allowance, 2*1001*HandleBytes)

	w.host.room = w.host.used + size/2
	before := w.host.used
	w.session.Begin("g", nil)
	w.refused(spec.ObjectStoreFull, "ret", ptr, size, 0, 0)
	w.refused(spec.ObjectStoreFull, "pass_value", ptr, size, 0, 0)
	w.refused(spec.ObjectStoreFull, "put", ptr, size, 0, 0)
	w.refused(spec.ObjectStoreFull, "get", many, n, 0)
	w.refused(spec.ObjectStoreFull, "wait", many, n, 1, 0, 0)
	w.refused(spec.ObjectStoreFull, "submit", name, nameSize, 0, 0, 0, 2000)
	reserves("after refusals", before, before)
	w.must("pass_value", ptr, size/4, 0, 0)
	w.must("pass_ref", h)
	w.must("ret", ptr, size/8, 0, 0)
	w.session.Close()
	reserves("a closed session", 0, 0)
}

func TestAFrameIsTheNameAndTheArguments(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("add", values(spec.Value{Data: []byte{7}}, spec.Value{}, spec.Value{Data: []byte{0x18, 42}}))
	want := "\x03\x00\x00\x00add" + "\x01\x00\x00\x00\x07" + "\x00\x00\x00\x00" + "\x02\x00\x00\x00\x18\x2a"
	at := int64(memoryBytes / 2)
	if n := w.must("frame", at, int64(len(want))); n != int64(len(want)) || string(w.memory[at:at+n]) != want {
		t.Errorf("%d bytes: %q, want %q", n, w.memory[at:at+n], want)
	}
	copy(w.memory[at:], "untouched")
	if n := w.must("frame", at, int64(len(want))-1); n != int64(len(want)) || string(w.memory[at:at+9]) != "untouched" {
		t.Errorf("a frame that does not fit: %d, %q", n, w.memory[at:at+9])
	}
	w.session.End()
	w.refused(spec.NotFound, "frame", at, 100)
}

func TestGetValueIsGetAndRead(t *testing.T) {
	w := newWorld(t)
	data, size := w.text("some bytes")
	object := w.must("put", data, size, 0, 0)
	at := int64(memoryBytes / 2)
	if n := w.must("get_value", object, -1, at, 9); n != size || w.memory[at] != 0 {
		t.Errorf("a value that does not fit: %d, %q", n, w.memory[at:at+size])
	}
	if n := w.must("get_value", object, -1, at, 10); n != size || string(w.memory[at:at+n]) != "some bytes" {
		t.Errorf("%d bytes: %q", n, w.memory[at:at+n])
	}
	if n := w.must("size", object); n != size { // as after get
		t.Errorf("size %d", n)
	}
	w.must("release", object)
	w.refused(spec.ReferenceCounting, "get_value", object, -1, at, 10)
}
