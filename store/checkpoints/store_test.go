package checkpoints_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/checkpoints"
)

func actor(n uint64) spec.ActorID { return spec.NewActorID(spec.DriverTaskID(spec.JobNumber(1)), n) }

func call(seq uint64, method string) checkpoints.Call {
	return checkpoints.Call{Caller: spec.DriverTaskID(spec.JobNumber(1)), Seq: seq, Method: method, Args: []byte{byte(seq)}, Result: []byte("ok")}
}

func open(t *testing.T, dir string, o checkpoints.Options) *checkpoints.Store {
	t.Helper()
	s, err := checkpoints.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// expect checks what the store has of an actor: the checkpoint, "" for none, and the methods of the calls after it.
func expect(t *testing.T, s *checkpoints.Store, a spec.ActorID, checkpoint string, upTo uint64, methods ...string) {
	t.Helper()
	saved, err := s.Load(a)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range saved.Calls {
		got = append(got, c.Method)
	}
	if string(saved.Checkpoint) != checkpoint || (saved.Checkpoint == nil) != (checkpoint == "") || saved.UpTo != upTo || !slices.Equal(got, methods) {
		t.Fatalf("loaded %q up to %d and the calls %q, want %q up to %d and %q", saved.Checkpoint, saved.UpTo, got, checkpoint, upTo, methods)
	}
}

func TestACheckpointReplacesTheCallsThatItHas(t *testing.T) {
	s, ctx := open(t, t.TempDir(), checkpoints.Options{}), t.Context()
	for i, method := range []string{"a", "b", "c"} {
		if at, err := s.Append(ctx, actor(1), call(uint64(i), method)); err != nil || at != uint64(i+1) {
			t.Fatalf("call %d got position %d, %v", i, at, err)
		}
	}
	expect(t, s, actor(1), "", 0, "a", "b", "c")
	if err := s.Save(ctx, actor(1), []byte("after b"), 2); err != nil {
		t.Fatal(err)
	}
	expect(t, s, actor(1), "after b", 2, "c")
	for _, wrong := range []uint64{1, 4} {
		if err := s.Save(ctx, actor(1), []byte("wrong"), wrong); !errors.Is(err, spec.InvalidArgument) {
			t.Fatalf("a checkpoint up to %d of a log from 2 to 3: got %v, want InvalidArgument", wrong, err)
		}
	}
	if err := s.Save(ctx, actor(1), []byte("after c"), 3); err != nil {
		t.Fatal(err)
	}
	expect(t, s, actor(1), "after c", 3)
	if at, err := s.Append(ctx, actor(1), call(3, "d")); err != nil || at != 4 {
		t.Fatalf("the fourth call got position %d, %v", at, err)
	}
	expect(t, s, actor(1), "after c", 3, "d")
}

func TestADeletedActorIsForgotten(t *testing.T) {
	s, ctx := open(t, t.TempDir(), checkpoints.Options{}), t.Context()
	for n := range uint64(3) {
		if err := s.Save(ctx, actor(n), []byte("state"), 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Delete(ctx, actor(1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Load(actor(1)); !errors.Is(err, spec.NotFound) {
		t.Fatalf("a deleted actor: got %v, want NotFound", err)
	}
	left := slices.SortedFunc(s.Actors(), func(a, b spec.ActorID) int { return slices.Compare(a[:], b[:]) })
	want := []spec.ActorID{actor(0), actor(2)}
	slices.SortFunc(want, func(a, b spec.ActorID) int { return slices.Compare(a[:], b[:]) })
	if !slices.Equal(left, want) {
		t.Fatalf("the store lists %v, want %v", left, want)
	}
	if at, err := s.Append(ctx, actor(1), call(0, "again")); err != nil || at != 1 {
		t.Fatalf("the first call after the deletion got position %d, %v", at, err)
	}
}

func TestAClosedStoreFails(t *testing.T) {
	s := open(t, t.TempDir(), checkpoints.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Append(t.Context(), actor(1), call(0, "late"))
	_, lerr := s.Load(actor(1))
	for _, err := range []error{err, lerr, s.Save(t.Context(), actor(1), nil, 0), s.Delete(t.Context(), actor(1))} {
		if !errors.Is(err, spec.LocalNodeDied) {
			t.Errorf("after Close: got %v, want LocalNodeDied", err)
		}
	}
}
