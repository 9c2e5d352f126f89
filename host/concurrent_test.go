package host_test

import (
	"errors"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// hall makes an actor with concurrent calls.
func hall(t testing.TB, j *host.Job, opts spec.ActorOptions) *host.Actor {
	t.Helper()
	a, err := j.NewActor(t.Context(), "Hall", opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// method calls a method of one result.
func method(t testing.TB, a *host.Actor, method string, args ...any) *host.Ref {
	t.Helper()
	refs, err := a.Submit(t.Context(), method, spec.TaskOptions{}, args...)
	if err != nil {
		t.Fatal(err)
	}
	return refs[0]
}

// call calls a method and waits for its result.
func call(t testing.TB, a *host.Actor, method string, args ...any) int {
	t.Helper()
	n, err := host.CallMethod[int](t.Context(), a, method, args...)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return n
}

func TestOneActorServesAThousandWaitingCalls(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := hall(t, j, spec.ActorOptions{})
	const n = 1000
	if got, err := host.Call[int](t.Context(), j, "crowd", a, n); err != nil || got != n {
		t.Fatalf("%d of %d calls got what they waited for, %v", got, n, err)
	}
	if in := call(t, a, "Inside"); in != 0 {
		t.Errorf("%d are inside still", in)
	}
	a.Release()
	clean(t, node, j)
}

func TestConcurrentCallsEndInAnyOrder(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := hall(t, j, spec.ActorOptions{})
	waits := method(t, a, "Enter")
	slow, fast := method(t, a, "Nap", 30), method(t, a, "Rest", 1)
	if sum := call(t, a, "Children", 10); sum != 21 {
		t.Errorf("two tasks of a call gave %d, want 21", sum)
	}
	for ref, want := range map[*host.Ref]int{fast: 1, slow: 30} {
		if n, err := host.Get[int](t.Context(), ref); err != nil || n != want {
			t.Errorf("a call that slept gave %d, %v; want %d", n, err, want)
		}
		ref.Release()
	}
	if in := call(t, a, "Inside"); in != 1 {
		t.Errorf("%d wait inside, want the one that began first", in)
	}
	call(t, a, "Let", 1)
	if _, err := host.Get[int](t.Context(), waits); err != nil {
		t.Error(err)
	}
	waits.Release()
	a.Release()
	clean(t, node, j)
}

func TestConcurrencyGroupsHaveLimits(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := hall(t, j, spec.ActorOptions{})
	refs := make([]*host.Ref, 5)
	for i := range refs {
		refs[i] = method(t, a, "Squeeze", 1)
	}
	for _, r := range refs {
		if most, err := host.Get[int](t.Context(), r); err != nil || most != 1 {
			t.Errorf("%d ran at once in a group of one, %v", most, err)
		}
		r.Release()
	}
	group := "nowhere"
	if _, err := a.Submit(t.Context(), "Inside", spec.TaskOptions{Group: &group}); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a call in a group that the actor does not have: %v", err)
	}
	a.Release()
	clean(t, node, j)
}

func TestACrashEndsAllCallsThatRun(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := hall(t, j, spec.ActorOptions{MaxRestarts: new(int32(1))})
	first, second := method(t, a, "Enter"), method(t, a, "Enter")
	if _, err := host.CallMethod[int](t.Context(), a, "Collapse"); !errors.Is(err, spec.ActorUnavailable) {
		t.Errorf("the call that crashes the actor: %v", err)
	}
	for _, r := range []*host.Ref{first, second} {
		if _, err := host.Get[int](t.Context(), r); !errors.Is(err, spec.ActorUnavailable) {
			t.Errorf("a call beside it: %v", err)
		}
		r.Release()
	}
	if in := call(t, a, "Inside"); in != 0 {
		t.Errorf("%d are inside a new actor", in)
	}
	a.Release()
	clean(t, node, j)
}

func TestAConcurrentCallIsCancelled(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := hall(t, j, spec.ActorOptions{})
	if cancelled, err := host.Call[bool](t.Context(), j, "stopLingering", a); err != nil || !cancelled {
		t.Errorf("a cancelled call: cancelled %v, %v", cancelled, err)
	}
	a.Release()
	clean(t, node, j)
}

func TestAConcurrentActorExits(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := hall(t, j, spec.ActorOptions{})
	before := method(t, a, "Rest", 20)
	if _, err := host.CallMethod[int](t.Context(), a, "Leave"); !errors.Is(err, spec.ActorDied) {
		t.Errorf("the call that ends the actor: %v", err)
	}
	if n, err := host.Get[int](t.Context(), before); err != nil || n != 20 {
		t.Errorf("a call that ran meanwhile: %d, %v", n, err)
	}
	before.Release()
	a.Release()
	clean(t, node, j)
}

func TestAJobEndsWhileCallsWait(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	a := hall(t, j, spec.ActorOptions{})
	refs := []*host.Ref{method(t, a, "Enter"), method(t, a, "Nap", 1000_000), method(t, a, "Rest", 1000_000)}
	call(t, a, "Inside")
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	for _, r := range refs {
		if _, err := host.Get[int](t.Context(), r); err == nil {
			t.Error("a call outlived its job")
		}
		r.Release()
	}
	a.Release()
	clean(t, node, j)
}

func BenchmarkConcurrentWaits(b *testing.B) {
	node, module := open(b, host.Config{})
	j := job(b, node, host.JobConfig{Module: module})
	a := hall(b, j, spec.ActorOptions{})
	defer a.Release()
	const n = 1000
	for b.Loop() {
		if got, err := host.Call[int](b.Context(), j, "crowd", a, n); err != nil || got != n {
			b.Fatal(got, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/wait")
}

// TestConcurrentCallsViewObjects in place: each sees its own and what it has written there, until its own end, and nothing is
// left of it for the next, nor in a checkpoint.
func TestConcurrentCallsViewObjects(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		restarts := int32(1)
		a := hall(t, j, spec.ActorOptions{MaxRestarts: &restarts, Checkpoint: &spec.CheckpointPolicy{Calls: 1}})
		objects := []*host.Ref{putBytes(t, j, spec.MiB, 2), putBytes(t, j, 200_000, 3), putBytes(t, j, 3*spec.MiB, 4)}
		watch := func(n int) *host.Ref { return method(t, a, "Watch", objects[n]) }
		arrive := func(n int) {
			t.Helper()
			for call(t, a, "Inside") != n {
				if t.Context().Err() != nil {
					t.Fatal("the calls do not get as far")
				}
			}
		}
		saw := func(n int, r *host.Ref) {
			t.Helper()
			if got, err := host.Get[int](t.Context(), r); err != nil || got != n {
				t.Errorf("a call that views an object of %ds saw %d, %v", n, got, err)
			}
			r.Release()
		}
		first := watch(0)
		arrive(1)
		second, third, same := watch(1), watch(2), watch(0) // the last sees what the first has not written
		arrive(4)
		call(t, a, "Let", 1)
		saw(2, first)
		again := watch(0) // where the first one's was
		arrive(4)
		call(t, a, "Let", 4)
		saw(3, second)
		saw(4, third)
		saw(2, same)
		saw(2, again)
		if viewed := node.Usage().Store.Viewed; viewed != 0 {
			t.Errorf("%d bytes are viewed when all calls have ended", viewed)
		}
		if err := a.Kill(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		r := watch(2)
		arrive(1)
		call(t, a, "Let", 1)
		saw(4, r)
		for _, o := range objects {
			o.Release()
		}
		a.Release()
	})
}
