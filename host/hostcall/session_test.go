package hostcall

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

func TestServeACall(t *testing.T) {
	w := newWorld(t)
	inner := spec.ObjectLink(w.host.object(fakeObject{value: spec.Value{Data: []byte("inner")}}))
	w.host.own[inner]++ // as the task's argument
	w.session.Begin("Counter.Inc", values(spec.Value{Data: []byte("first")}, spec.Value{Data: []byte("second"), Links: []spec.Link{inner}}))

	if n := w.must("name", 100, 4); n != 11 || w.memory[100] != 0 {
		t.Errorf("a name that does not fit: %d, and wrote %q", n, w.memory[100:111])
	}
	if n := w.must("name", 100, 11); n != 11 || string(w.memory[100:111]) != "Counter.Inc" {
		t.Errorf("name: %d, %q", n, w.memory[100:111])
	}
	first, second := w.must("arg", 0), w.must("arg", 1)
	if again := w.must("arg", 0); again != first || first == second || first <= 0 {
		t.Errorf("handles of arguments: %d, again %d, %d", first, again, second)
	}
	w.refused(spec.InvalidArgument, "arg", 2)
	w.refused(spec.InvalidArgument, "arg", -1)
	if got := w.read(first) + " " + w.read(second); got != "first second" {
		t.Errorf("arguments: %q", got)
	}
	w.must("release", first)
	if w.read(first) != "first" {
		t.Error("an argument's handle ends before the call")
	}
	links := w.linksOf(second)
	if len(links) != 1 || w.get(links[0]) != 0 || w.read(links[0]) != "inner" {
		t.Errorf("links of an argument: %v", links)
	}

	ptr, size := w.text("result")
	at, n := w.list(links[0])
	w.must("ret", ptr, size, at, n)
	w.must("release", links[0])
	results := w.session.Results()
	if len(results) != 1 || string(results[0].Data) != "result" || !slices.Equal(results[0].Links, []spec.Link{inner}) {
		t.Fatalf("results: %v", results)
	}
	if w.host.session[inner] != 1 {
		t.Errorf("the result's link is counted %d times", w.host.session[inner])
	}
	if w.session.Failure() != nil {
		t.Errorf("failure: %v", w.session.Failure())
	}
	w.session.End()
	if w.host.session[inner] != 0 || w.session.Results() != nil {
		t.Error("the result outlives the call")
	}
}

func TestHandlesLiveOnAndArgumentsDoNot(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", values(spec.Value{Data: []byte("a")}))
	kept, arg := w.put("kept"), w.must("arg", 0)
	ptr, size := w.text("x")
	w.must("pass_value", ptr, size, 0, 0)
	w.must("ret", ptr, size, 0, 0)

	w.session.Begin("g", values(spec.Value{Data: []byte("b")}))
	w.refused(spec.ReferenceCounting, "size", arg)
	if now := w.must("arg", 0); now == arg || w.read(now) != "b" {
		t.Errorf("the argument of the next call: handle %d, before %d", now, arg)
	}
	if w.get(kept) != 0 || w.read(kept) != "kept" {
		t.Error("a handle of the call before is gone")
	}
	if len(w.session.Results()) != 0 {
		t.Error("the result of the call before is there")
	}
	w.submit("h")
	if args := w.host.calls[0].Args; len(args) != 0 {
		t.Errorf("the call before passed %v to a call of this one", args)
	}
}

func TestADriverServesNoCall(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"name", "arg", "ret", "fail"} {
		w.refused(spec.NotFound, name, make([]int64, len(w.functions[name].Params))...)
	}
	w.session.Begin("f", nil)
	w.session.End()
	w.refused(spec.NotFound, "ret", 0, 0, 0, 0)
}

func TestFail(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		err  *spec.Error
		kind spec.Kind // found in the failure beside TaskError
		text string
	}{
		{&spec.Error{Op: "call f", Kind: spec.TaskError, Err: &spec.Fault{Type: "T", Message: "boom"}}, spec.TaskError, "call f: boom (TaskError)"},
		{&spec.Error{Op: "call f", Kind: spec.InvalidArgument}, spec.InvalidArgument, "call f (InvalidArgument) (TaskError)"},
		{&spec.Error{Kind: spec.OutOfMemory}, spec.OutOfMemory, "OutOfMemory (TaskError)"}, // not the host's own
	} {
		w.session.Begin("f", nil)
		ptr, size := w.bytes(spec.MarshalError(c.err))
		w.must("fail", ptr, size)
		got := w.session.Failure()
		if got == nil || got.Kind != spec.TaskError || !errors.Is(got, c.kind) || got.Error() != c.text {
			t.Errorf("after fail(%v): %v", c.err, got)
		}
	}
	w.session.Begin("f", nil)
	ptr, size := w.text("not an error")
	w.refused(spec.InvalidArgument, "fail", ptr, size)
	w.refused(spec.InvalidArgument, "fail", 0, 0)
	w.refused(spec.LimitExceeded, "fail", 0, spec.MaxFormBytes+1)
	if w.session.Failure() != nil {
		t.Errorf("failure: %v", w.session.Failure())
	}
}

func TestAModuleDescribesItself(t *testing.T) {
	w := newWorld(t)
	w.session = NewSession(Caller{})
	w.guest.Owner = w.session
	w.session.Begin(spec.ExportDescribe, nil)
	for _, f := range functions {
		valid := validCall(newWorld(t), f.Name)
		switch f.Name {
		case "name", "frame", "error", "pieces":
			w.must(f.Name, valid...)
		case "ret", "fail": // see below and TestFail
		case "arg", "size", "read", "links", "release": // there is nothing that they could be about
			if got := w.call(f.Name, valid...); got >= 0 {
				t.Errorf("%s returned %d", f.Name, got)
			}
		default:
			w.refused(spec.PermissionDenied, f.Name, valid...)
		}
	}
	ptr, size := w.text("description")
	w.must("ret", ptr, size, 0, 0)
	if r := w.session.Results(); len(r) != 1 || string(r[0].Data) != "description" {
		t.Errorf("results: %v", r)
	}
	w.session.Close()
}

func TestWithoutASession(t *testing.T) {
	w := newWorld(t)
	for _, owner := range []any{nil, "somebody", (*Session)(nil)} {
		w.guest.Owner = owner
		for name, args := range validCalls(newWorld(t)) {
			if got := w.call(name, args...); got != -int64(spec.Unsupported) {
				t.Errorf("%s without a session returned %d", name, got)
			}
		}
	}
}

func TestAClosedSessionDoesNothing(t *testing.T) {
	w := newWorld(t)
	h := w.put("x")
	w.session.Close()
	w.refused(spec.ReferenceCounting, "size", h)
	w.refused(spec.ReferenceCounting, "release", h)
	w.refused(spec.PermissionDenied, "put", 0, 0, 0, 0)
	w.refused(spec.NotFound, "name", 0, 0)
}

func TestCloseReleasesEverythingOnce(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", nil)
	many := 2*releaseBatch + 10
	for range many {
		w.put("x")
	}
	value := w.put("inner")
	at, n := w.list(value, value)
	ptr, size := w.text("v")
	w.must("ret", ptr, size, at, n)
	w.must("pass_value", ptr, size, at, n)
	w.must("pass_ref", value)
	if got := w.held(value); got != 6 { // the handle, two in the result, two in the passed value, the passed ref
		t.Errorf("it is counted %d times", got)
	}
	w.session.Close()
	w.host.balanced()
	if len(w.host.session) != many+1 {
		t.Errorf("%d objects were counted", len(w.host.session))
	}
}

func TestAnotherCaller(t *testing.T) {
	w := newWorld(t)
	w.session.SetCaller(Caller{Counts: w.host})
	w.refused(spec.PermissionDenied, "put", 0, 0, 0, 0)
	w.session.SetCaller(w.host.caller())
	w.put("x")
}

func TestError(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", nil)
	if n := w.must("error", 0, 100); n != 0 {
		t.Errorf("nothing has failed, and error returns %d bytes", n)
	}
	w.refused(spec.ReferenceCounting, "size", 77)
	n := w.must("error", 0, 0)
	if w.call("error", memoryBytes-1, 2) != -int64(spec.InvalidArgument) {
		t.Error("error wrote outside the memory")
	}
	if w.put("x"); w.must("error", 0, n) != n {
		t.Error("what succeeds, or error itself, replaces the error")
	}
	e, err := spec.UnmarshalError(w.memory[:n])
	if err != nil || e.Kind != spec.ReferenceCounting || !strings.Contains(e.Error(), "77") {
		t.Errorf("error: %v, %v", e, err)
	}
	w.session.Begin("g", nil)
	if n := w.must("error", 0, 100); n != 0 {
		t.Errorf("the error of the call before is there")
	}
}

// TestStatusIsNeverASuccess: errors that are no *spec.Error, or have no kind, are the host's.
func TestStatusIsNeverASuccess(t *testing.T) {
	w := newWorld(t)
	ptr, size := w.text("missing")
	w.refused(spec.FunctionNotFound, "actor_create", ptr, size, 0, 0)
	w.refused(spec.System, "actor_find", ptr, size, 0, 0)
	class, n := w.text("C")
	a := w.must("actor_create", class, n, 0, 0)
	if got := w.call("actor_call", a, ptr, size, 0, 0, 0, 0); got != -int64(spec.System) {
		t.Errorf("an error without a kind: %d", got)
	}
}

func TestTheEndOfACallEndsTheGuest(t *testing.T) {
	for _, name := range []string{"get", "wait"} {
		w := newWorld(t)
		h := w.submit("never")
		ptr, n := w.list(h)
		args := []uint64{uint64(ptr), uint64(n), 1<<64 - 1}
		if name == "wait" {
			args = []uint64{uint64(ptr), uint64(n), 1, 1<<64 - 1, 0}
		}
		if _, err := w.invoke(name, args...); !errors.Is(err, errStopped) {
			t.Errorf("%s: %v", name, err)
		}
		if context.Cause(w.ctx) != errStopped {
			t.Errorf("%s did not wait", name)
		}
	}
}
