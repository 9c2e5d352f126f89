package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// lasting makes a detached actor whose state is kept after each call.
func lasting(t *testing.T, j *host.Job, class, name string, opts spec.ActorOptions, args ...any) *host.Actor {
	t.Helper()
	opts.Name, opts.Namespace, opts.Lifetime, opts.Checkpoint = name, "lasting", spec.LifetimeDetached, &spec.CheckpointPolicy{Calls: 1}
	a, err := j.NewActor(t.Context(), class, opts, args...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func findLasting(t *testing.T, j *host.Job, name string) *host.Actor {
	t.Helper()
	a, err := j.FindActor(t.Context(), name, "lasting")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestADurableActorKeepsItsRefs: on the next node they mean the same, and the next, and nothing of them is left at its end.
func TestADurableActorKeepsItsRefs(t *testing.T) {
	dir := t.TempDir()
	node, j := openLasting(t, dir)
	a := lasting(t, j, "Counter", "keeper", spec.ActorOptions{}, 0)
	for round := range 3 {
		if n, err := host.Call[int](t.Context(), j, "feed", a, 10); err != nil || n != round+1 {
			t.Fatalf("it keeps %d refs, %v", n, err)
		}
		closeNode(t, node)
		node, j = openLasting(t, dir)
		a = findLasting(t, j, "keeper")
		if sum, err := host.CallMethod[int](t.Context(), a, "Kept"); err != nil || sum != 10*(round+1) {
			t.Fatalf("on node %d what it kept adds up to %d, %v", round+2, sum, err)
		}
	}
	kill(t, a)
	a.Release()
	clean(t, node, j)
}

// TestDurableActorsKnowEachOther: a handle of another durable actor is one on the next node.
func TestDurableActorsKnowEachOther(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		node, j := openLasting(t, dir)
		if round == 0 {
			lasting(t, j, "Ledger", "ledger", spec.ActorOptions{}, lasting(t, j, "Counter", "told", spec.ActorOptions{}, 0))
		}
		if _, err := host.CallMethod[string](t.Context(), findLasting(t, j, "ledger"), "Book", "line"); err != nil { // it tells the counter
			t.Fatal(err)
		}
		if n := inc(t, findLasting(t, j, "told"), 1); n != 2*round+2 {
			t.Fatalf("round %d: the counter is %d, want %d", round, n, 2*round+2)
		}
		closeNode(t, node)
	}
}

// TestADurableActorsArguments: what its constructor was given is there on the next node, in refs and inside values.
func TestADurableActorsArguments(t *testing.T) {
	dir := t.TempDir()
	node, j := openLasting(t, dir)
	start, err := j.Put(t.Context(), 40)
	if err != nil {
		t.Fatal(err)
	}
	for name, arg := range map[string]any{"by ref": start, "by value": 40} {
		a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: name, Namespace: "lasting", Lifetime: spec.LifetimeDetached}, arg)
		if err != nil {
			t.Fatal(err)
		}
		inc(t, a, 1)
	}
	closeNode(t, node)
	_, j = openLasting(t, dir)
	for _, name := range []string{"by ref", "by value"} {
		if n := inc(t, findLasting(t, j, name), 2); n != 42 {
			t.Errorf("%s: the counter is %d, want 42", name, n)
		}
	}
}

// TestWhatCannotBeKeptIsNamed: and the call that holds on to it fails, as its effect may be lost.
func TestWhatCannotBeKeptIsNamed(t *testing.T) {
	_, j := openLasting(t, t.TempDir())
	spins := submit(t, j, "spin", spec.TaskOptions{}, true)
	large, err := j.Put(t.Context(), make([]byte, spec.MaxKeptBytes))
	if err != nil {
		t.Fatal(err)
	}
	failed := submit(t, j, "fail", spec.TaskOptions{}, "error")
	for name, test := range map[string]struct {
		ref  *host.Ref
		want string
	}{
		"not there": {spins, "(driver: spin()): it is not there yet"},
		"too large": {large, "(driver: put): with its 1 MiB"},
		"an error":  {failed, "(driver: fail()): run fail"},
	} {
		a := lasting(t, j, "Counter", name, spec.ActorOptions{}, 0)
		_, err := host.CallMethod[int](t.Context(), a, "Keep", []any{test.ref})
		if !errors.Is(err, spec.Unsupported) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.ref.ID().String()) {
			t.Errorf("%s: %v, want Unsupported with %q", name, err, test.want)
		}
	}
	maker := lasting(t, j, "Maker", "maker", spec.ActorOptions{})
	if _, err := host.CallMethod[int](t.Context(), maker, "Make", "made"); !errors.Is(err, spec.Unsupported) || !strings.Contains(err.Error(), "it ends with the node: detach it") {
		t.Errorf("an actor that ends with the node: %v", err)
	}
	mortal := counter(t, j, spec.CheckpointPolicy{})
	if _, err := j.NewActor(t.Context(), "Guest", spec.ActorOptions{Lifetime: spec.LifetimeDetached}, mortal, ""); !errors.Is(err, spec.Unsupported) {
		t.Errorf("an argument that ends with the node: %v, want Unsupported", err)
	}
}

// TestAConcurrentDetachedActorOutlivesItsNode: from its last quiet point.
func TestAConcurrentDetachedActorOutlivesItsNode(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		node, j := openLasting(t, dir)
		var a *host.Actor
		if round == 0 {
			a = lasting(t, j, "Counter", "crowd", spec.ActorOptions{MaxConcurrency: new(int32(10))}, 0)
		} else {
			a = findLasting(t, j, "crowd")
		}
		if n := inc(t, a, 2); n != 2*round+2 {
			t.Fatalf("round %d: the counter is %d, want %d", round, n, 2*round+2)
		}
		for node.Usage().IdleActors == 0 { // quiet, and kept
			runtime.Gosched()
		}
		closeNode(t, node)
	}
}

// TestModulesThatNobodyNeedsAreRemoved: when the directory is opened the next time.
func TestModulesThatNobodyNeedsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	modules := func() int {
		files, err := os.ReadDir(filepath.Join(dir, "modules"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	node, j := openLasting(t, dir)
	lasting(t, j, "Counter", "user", spec.ActorOptions{}, 0)
	if err := os.WriteFile(filepath.Join(dir, "modules", "new-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	closeNode(t, node)
	node, j = openLasting(t, dir)
	if n := modules(); n != 1 {
		t.Fatalf("%d files of modules, want 1", n)
	}
	kill(t, findLasting(t, j, "user"))
	closeNode(t, node)
	openLasting(t, dir)
	if n := modules(); n != 0 {
		t.Errorf("%d files of modules are left, want none", n)
	}
}
