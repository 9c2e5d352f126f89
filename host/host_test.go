package host_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/internal/guesttest"
	"github.com/raywasm/raywasm/spec"
)

// guest builds testdata/guest once.
var guest = guesttest.Go("testdata/guest")

// cache keeps the guest compiled for all tests of this package.
var cache = sync.OnceValue(func() string { return filepath.Join(os.TempDir(), "raywasm-host-test-cache") })

// open opens a node, of two CPUs on any machine if nothing is said, and loads the guest; at the end of the test nothing may
// be left in it.
func open(t testing.TB, cfg host.Config) (*host.Node, *host.Module) {
	t.Helper()
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	cfg.CacheDir, cfg.NumCPUs = cache(), cmp.Or(cfg.NumCPUs, 2)
	node, err := host.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	module, err := node.Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return node, module
}

// job opens a job whose end leaves the node as it was.
func job(t testing.TB, node *host.Node, cfg host.JobConfig) *host.Job {
	t.Helper()
	j, err := node.NewJob(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		u := node.Usage()
		if u.Free.CPU != u.Total.CPU || u.Free.Memory != u.Total.Memory || u.Waiting != 0 {
			t.Errorf("after the job: free %v of %v, %d waiting", u.Free, u.Total, u.Waiting)
		}
		if u.Actors != 0 {
			t.Errorf("after the job: %d actors are left", u.Actors)
		}
	})
	return j
}

// clean checks that no object is left once the test's own refs are released.
func clean(t testing.TB, node *host.Node, j *host.Job) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if u := node.Usage(); u.Objects != 0 || u.References != 0 || u.ObjectBytes != 0 {
		t.Errorf("left: %d objects, %d references, %d bytes", u.Objects, u.References, u.ObjectBytes)
	}
}

func TestCallAFunction(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	if sum, err := host.Call[int](t.Context(), j, "add", 2, 3); err != nil || sum != 5 {
		t.Fatalf("add(2, 3) = %d, %v", sum, err)
	}
	clean(t, node, j)
}

func TestARefTakesItsValuesPlace(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	one, err := j.Put(t.Context(), 40)
	if err != nil {
		t.Fatal(err)
	}
	two, err := j.Submit(t.Context(), "add", spec.TaskOptions{}, one, 1)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := host.Call[int](t.Context(), j, "add", two[0], one); err != nil || sum != 81 {
		t.Fatalf("add(add(40, 1), 40) = %d, %v", sum, err)
	}
	one.Release()
	two[0].Release()
	clean(t, node, j)
}

func TestLargeValuesGoThroughTheStore(t *testing.T) {
	node, module := open(t, host.Config{ObjectStoreMemory: 64 * spec.MiB})
	j := job(t, node, host.JobConfig{Module: module})
	const size = 3 * spec.MiB
	in, err := j.Put(t.Context(), make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	if u := node.Usage(); u.StoreObjects != 1 || u.ObjectBytes < size {
		t.Errorf("the store holds %d bytes in %d objects", u.ObjectBytes, u.StoreObjects)
	}
	if n, err := host.Call[int](t.Context(), j, "length", in); err != nil || n != size {
		t.Errorf("length = %d, %v", n, err)
	}
	if b, err := host.Call[[]byte](t.Context(), j, "make_", size); err != nil || len(b) != size {
		t.Errorf("make = %d bytes, %v", len(b), err)
	}
	if _, err := j.Put(t.Context(), make([]byte, 65*spec.MiB)); !errors.Is(err, spec.ObjectStoreFull) {
		t.Errorf("a put over the store's memory: %v", err)
	}
	in.Release()
	clean(t, node, j)
}

func TestNestedCallsFinishOnOneCPU(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j := job(t, node, host.JobConfig{Module: module})
	const depth = 100
	if n, err := host.Call[int](t.Context(), j, "nest", depth); err != nil || n != depth {
		t.Fatalf("nest(%d) = %d, %v", depth, n, err)
	}
	clean(t, node, j)
}

func TestRefsInsideValues(t *testing.T) {
	node, module := open(t, host.Config{})
	var out bytes.Buffer
	j := job(t, node, host.JobConfig{Module: module, Args: []string{"calls", "50"}, Stdout: &out, Stderr: &out})
	if status, err := j.Run(t.Context()); err != nil || status != 0 || out.String() != "all 50\n" {
		t.Fatalf("status %d, %v, %q", status, err, out.String())
	}
	clean(t, node, j)
}

func TestCrashesAreRetriedAndThenReported(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	if n, err := host.Call[int](t.Context(), j, "attempt", 3); err != nil || n != 3 {
		t.Errorf("a task that succeeds at its fourth attempt: %d, %v", n, err)
	}
	if s := j.Stats(); s.Retried != 3 {
		t.Errorf("%d retries, want 3", s.Retried)
	}
	_, err := host.Call[int](t.Context(), j, "attempt", 4)
	if !errors.Is(err, spec.GuestExit) || !errors.Is(err, spec.WorkerCrashed) {
		t.Errorf("a task that needs five attempts: %v", err)
	}
	none := int32(0)
	refs, err := j.Submit(t.Context(), "attempt", spec.TaskOptions{MaxRetries: &none}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Get[int](t.Context(), refs[0]); !errors.Is(err, spec.GuestExit) {
		t.Errorf("with no retries: %v", err)
	}
	refs[0].Release()
	clean(t, node, j)
}

func TestFailuresSayWhatHappened(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	none, small := int32(0), int64(64*spec.MiB)
	for _, c := range []struct {
		function string
		arg      any
		kind     spec.Kind
		says     []string // in the error's text or its fault's details
	}{
		{"crash", "exit", spec.GuestExit, []string{"crash", "3"}},
		{"crash", "panic in a goroutine", spec.WorkerCrashed, []string{"nobody recovers this"}},
		{"crash", "deadlock", spec.WorkerCrashed, []string{"deadlock"}},
		{"fail", "error", spec.TaskError, []string{"outer: code 7"}},
		{"fail", "panic", spec.TaskError, []string{"nil pointer", "main.fail"}},
		{"fail", "remote", spec.TaskError, []string{"code 7"}},
		{"recurse", 1, spec.WorkerCrashed, []string{"recurse"}},
		{"allocate", 100, spec.OutOfMemory, []string{"64 MiB"}},
		{"add", 1, spec.TaskError, []string{"add", "2 arguments"}},
		{"length", "text", spec.TaskError, []string{"length", "argument 1"}},
	} {
		t.Run(fmt.Sprint(c.function, " ", c.arg), func(t *testing.T) {
			refs, err := j.Submit(t.Context(), c.function, spec.TaskOptions{MaxRetries: &none, Memory: &small}, c.arg)
			if err != nil {
				t.Fatal(err)
			}
			defer refs[0].Release()
			_, err = host.Get[int](t.Context(), refs[0])
			if !errors.Is(err, c.kind) {
				t.Fatalf("kind %v of %v, want %v", spec.KindOf(err), err, c.kind)
			}
			text := err.Error()
			var fault *spec.Fault
			if errors.As(err, &fault) {
				text += fault.Detail()
			}
			for _, want := range append(c.says, "task ") {
				if !strings.Contains(text, want) {
					t.Errorf("the error does not say %q:\n%s", want, text)
				}
			}
		})
	}
	if _, err := j.Submit(t.Context(), "nothing", spec.TaskOptions{}); !errors.Is(err, spec.FunctionNotFound) || !strings.Contains(err.Error(), "add") {
		t.Errorf("an unknown function: %v", err)
	}
	clean(t, node, j)
}

func TestWhatCannotFitIsRefused(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2})
	j := job(t, node, host.JobConfig{Module: module})
	three := 3 * spec.Unit
	refs, err := j.Submit(t.Context(), "add", spec.TaskOptions{CPUs: &three}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Get[int](t.Context(), refs[0]); !errors.Is(err, spec.TaskUnschedulable) || !strings.Contains(err.Error(), "{CPU: 3}") {
		t.Errorf("three CPUs of two: %v", err)
	}
	refs[0].Release()
	clean(t, node, j)
}

func TestTimeoutsEndSpinningTasks(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j := job(t, node, host.JobConfig{Module: module})
	short := 200 * time.Millisecond
	refs, err := j.Submit(t.Context(), "spin", spec.TaskOptions{Timeout: &short}, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Get[int](t.Context(), refs[0]); !errors.Is(err, spec.DeadlineExceeded) {
		t.Errorf("a spinning task with a timeout: %v", err)
	}
	if sum, err := host.Call[int](t.Context(), j, "add", 1, 1); err != nil || sum != 2 {
		t.Errorf("the next task: %d, %v", sum, err)
	}
	refs[0].Release()
	clean(t, node, j)
}

func TestCancel(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j := job(t, node, host.JobConfig{Module: module})
	running, err := j.Submit(t.Context(), "spin", spec.TaskOptions{}, true)
	if err != nil {
		t.Fatal(err)
	}
	queued, err := j.Submit(t.Context(), "add", spec.TaskOptions{}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*host.Ref{queued[0], running[0]} {
		if err := r.Cancel(t.Context(), false, true); err != nil {
			t.Fatal(err)
		}
		if _, err := host.Get[int](t.Context(), r); !errors.Is(err, spec.TaskCancelled) {
			t.Errorf("a cancelled task: %v", err)
		}
		r.Release()
	}
	clean(t, node, j)
}

// TestCancelBelow: what a cancelled task has submitted is cancelled with it, if it is asked for.
func TestCancelBelow(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	for _, below := range []bool{true, false} {
		j := job(t, node, host.JobConfig{Module: module})
		refs, err := j.Submit(t.Context(), "spinBelow", spec.TaskOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for s := j.Stats(); s.Submitted < 2 || s.Running < 2; s = j.Stats() {
			runtime.Gosched()
		}
		if err := refs[0].Cancel(t.Context(), false, below); err != nil {
			t.Fatal(err)
		}
		if _, err := host.Get[int](t.Context(), refs[0]); !errors.Is(err, spec.TaskCancelled) {
			t.Errorf("a cancelled task: %v", err)
		}
		refs[0].Release()
		if below {
			for j.Stats().Cancelled < 2 {
				runtime.Gosched()
			}
		} else if s := j.Stats(); s.Cancelled != 1 || s.Running == 0 {
			t.Errorf("the task below was not to be cancelled: %+v", s)
		}
		clean(t, node, j)
	}
}

func TestWait(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2})
	j := job(t, node, host.JobConfig{Module: module})
	never, err := j.Submit(t.Context(), "spin", spec.TaskOptions{}, true)
	if err != nil {
		t.Fatal(err)
	}
	soon, err := j.Submit(t.Context(), "add", spec.TaskOptions{}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	refs := []*host.Ref{never[0], soon[0]}
	ready, pending, err := j.Wait(t.Context(), refs, 1, spec.Forever)
	if err != nil || len(ready) != 1 || ready[0] != soon[0] || len(pending) != 1 {
		t.Errorf("wait for one: ready %v, pending %v, %v", ready, pending, err)
	}
	ready, pending, err = j.Wait(t.Context(), refs, 2, time.Millisecond)
	if err != nil || len(ready) != 1 || len(pending) != 1 {
		t.Errorf("wait for two for a millisecond: ready %v, pending %v, %v", ready, pending, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := host.Get[int](ctx, never[0]); err == nil {
		t.Error("a get that was cancelled returned a value")
	}
	_ = never[0].Cancel(t.Context(), true, false)
	never[0].Release()
	soon[0].Release()
	clean(t, node, j)
}

func TestActorKeepsItsState(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	c, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		if n, err := host.CallMethod[int](t.Context(), c, "Inc", 1); err != nil || n != 10+i {
			t.Errorf("call %d: %d, %v", i, n, err)
		}
	}
	if n, err := host.Call[int](t.Context(), j, "useActor", c, 4); err != nil || n != 17 {
		t.Errorf("through a task that was given the handle: %d, %v", n, err)
	}
	if _, err := host.CallMethod[int](t.Context(), c, "Nothing"); !errors.Is(err, spec.FunctionNotFound) {
		t.Errorf("an unknown method: %v", err)
	}
	c.Release()
	clean(t, node, j)
}

func TestActorWithoutHandlesEnds(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	c, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	refs, err := c.Submit(t.Context(), "Inc", spec.TaskOptions{}, 5)
	if err != nil {
		t.Fatal(err)
	}
	c.Release()
	if n, err := host.Get[int](t.Context(), refs[0]); err != nil || n != 5 {
		t.Errorf("a call that was queued before the last handle went: %d, %v", n, err)
	}
	refs[0].Release()
	for node.Usage().Actors != 0 { // it ends by itself; the test's own deadline bounds this
		runtime.Gosched()
	}
	clean(t, node, j)
}

func TestActorThatEndsBeforeItsArgumentIsThereIsForgotten(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	never, err := j.Submit(t.Context(), "spin", spec.TaskOptions{}, true)
	if err != nil {
		t.Fatal(err)
	}
	a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, never[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := host.CallMethod[int](t.Context(), a, "Inc", 1); !errors.Is(err, spec.ActorDied) {
		t.Errorf("a call of it: %v", err)
	}
	a.Release()
	if u := node.Usage(); u.Actors != 0 {
		t.Errorf("%d actors are left while the argument is still made", u.Actors)
	}
	if err := never[0].Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	never[0].Release()
	clean(t, node, j)
}

func TestActorThatCrashes(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	mortal, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := host.CallMethod[int](t.Context(), mortal, "Crash", 3); !errors.Is(err, spec.ActorDied) {
			t.Errorf("a call that crashes an actor without restarts, and the one after: %v", err)
		}
	}
	once := int32(1)
	again, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{MaxRestarts: &once}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), again, "Inc", 7); err != nil || n != 7 {
		t.Errorf("before the crash: %d, %v", n, err)
	}
	if _, err := host.CallMethod[int](t.Context(), again, "Crash", 3); !errors.Is(err, spec.ActorError) || errors.Is(err, spec.ActorDied) {
		t.Errorf("the call that crashes an actor that will restart: %v", err)
	}
	if n, err := host.CallMethod[int](t.Context(), again, "Inc", 1); err != nil || n != 1 {
		t.Errorf("after the restart the constructor has run again: %d, %v", n, err)
	}
	broken, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.CallMethod[int](t.Context(), broken, "Inc", 1); !errors.Is(err, spec.ActorDied) || !strings.Contains(err.Error(), "code -1") {
		t.Errorf("an actor whose constructor failed: %v", err)
	}
	for _, a := range []*host.Actor{mortal, again, broken} {
		a.Release()
	}
	clean(t, node, j)
}

func TestNamedActors(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module, Namespace: "one"})
	other := job(t, node, host.JobConfig{Module: module, Namespace: "two"})
	a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "c"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "c"}, 0); !errors.Is(err, spec.AlreadyExists) {
		t.Errorf("the same name again: %v", err)
	}
	same, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "c", GetIfExists: true}, 0)
	if err != nil || same.ID() != a.ID() {
		t.Fatalf("get_if_exists: %v, %v", same, err)
	}
	if _, err := other.FindActor(t.Context(), "c", ""); !errors.Is(err, spec.NotFound) {
		t.Errorf("found in another namespace: %v", err)
	}
	found, err := other.FindActor(t.Context(), "c", "one")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), found, "Inc", 1); err != nil || n != 1 {
		t.Errorf("a call by another job: %d, %v", n, err)
	}
	if err := a.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := host.CallMethod[int](t.Context(), found, "Inc", 1); !errors.Is(err, spec.ActorDied) {
		t.Errorf("a call after the kill: %v", err)
	}
	if _, err := j.FindActor(t.Context(), "c", ""); !errors.Is(err, spec.NotFound) {
		t.Errorf("a killed actor is found: %v", err)
	}
	for _, h := range []*host.Actor{a, same, found} {
		h.Release()
	}
	clean(t, node, other)
	clean(t, node, j)
}

func TestDetachedActorOutlivesItsJob(t *testing.T) {
	node, module := open(t, host.Config{})
	first := job(t, node, host.JobConfig{Module: module, Namespace: "shared"})
	a, err := first.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "d", Lifetime: spec.LifetimeDetached}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), a, "Inc", 1); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	a.Release()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := job(t, node, host.JobConfig{Module: module, Namespace: "shared"})
	b, err := second.FindActor(t.Context(), "d", "")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), b, "Inc", 1); err != nil || n != 2 {
		t.Errorf("its state in the next job: %d, %v", n, err)
	}
	if err := b.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	b.Release()
	clean(t, node, second)
}

// TestADetachedActorGoesOnWorking: after the job that made it has ended, its own acts have effects, and what it made in a call
// of another job outlives that one, too.
func TestADetachedActorGoesOnWorking(t *testing.T) {
	node, module := open(t, host.Config{})
	next := func() *host.Job { return job(t, node, host.JobConfig{Module: module, Namespace: "shared"}) }
	detached := func(name string) spec.ActorOptions {
		return spec.ActorOptions{Name: name, Lifetime: spec.LifetimeDetached}
	}
	find := func(j *host.Job, name string) *host.Actor {
		a, err := j.FindActor(t.Context(), name, "")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := next()
	told, err := first.NewActor(t.Context(), "Counter", detached("told"), 0)
	if err != nil {
		t.Fatal(err)
	}
	guest, err := first.NewActor(t.Context(), "Guest", detached("guest"), told, "")
	if err != nil {
		t.Fatal(err)
	}
	maker, err := first.NewActor(t.Context(), "Maker", detached("maker"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*host.Actor{told, guest, maker} {
		a.Release()
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := next()
	guest, maker, told = find(second, "guest"), find(second, "maker"), find(second, "told")
	if _, err := host.CallMethod[int](t.Context(), maker, "Make", "made"); err != nil {
		t.Fatal(err)
	}
	if err := guest.Terminate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := 0; n != 1; { // its hook tells the counter
		if n, err = host.CallMethod[int](t.Context(), told, "Inc", 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []*host.Actor{told, guest, maker} {
		a.Release()
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}

	third := next()
	maker, told = find(third, "maker"), find(third, "told")
	if n, err := host.CallMethod[int](t.Context(), maker, "Touch"); n != 2 || err != nil {
		t.Errorf("what it made counts %d, %v, want 2", n, err)
	}
	for _, a := range []*host.Actor{told, maker} {
		kill(t, a)
		a.Release()
	}
	for node.Usage().References != 0 {
		runtime.Gosched()
	}
	clean(t, node, third)
}

func TestDriver(t *testing.T) {
	node, module := open(t, host.Config{})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{"tasks", "200"}, 0, "all 200\n"},
		{[]string{"exit"}, 3, ""},
		{[]string{"files", "a.txt"}, 0, "hello <nil>\n"},
		{[]string{"files", "/a.txt"}, 0, "hello <nil>\n"},
	} {
		var out, errs bytes.Buffer
		j := job(t, node, host.JobConfig{Module: module, Args: c.args, WorkingDir: dir, Stdout: &out, Stderr: &errs})
		status, err := j.Run(t.Context())
		if err != nil || status != c.status || out.String() != c.out {
			t.Errorf("%v: status %d, %v, stdout %q, stderr %q", c.args, status, err, out.String(), errs.String())
		}
		clean(t, node, j)
	}
	var out bytes.Buffer
	j := job(t, node, host.JobConfig{Module: module, Args: []string{"files", "link"}, WorkingDir: dir, Stdout: &out})
	if _, err := j.Run(t.Context()); err != nil || strings.Contains(out.String(), "secret") {
		t.Errorf("a link out of the working directory: %v, %q", err, out.String())
	}
}

func TestDriverThatSpinsIsStopped(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module, Args: []string{"spin"}})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, spec.Errorf("run the driver", spec.DeadlineExceeded, "", "the job's timeout passed"))
	defer cancel()
	if _, err := j.Run(ctx); !errors.Is(err, spec.DeadlineExceeded) {
		t.Errorf("a spinning driver: %v", err)
	}
	clean(t, node, j)
}

func TestClosingTheNodeEndsEverything(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j, err := node.NewJob(t.Context(), host.JobConfig{Module: module})
	if err != nil {
		t.Fatal(err)
	}
	running, err := j.Submit(t.Context(), "spin", spec.TaskOptions{}, true)
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := j.Submit(t.Context(), "add", spec.TaskOptions{}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*host.Ref{running[0], waiting[0]} {
		if _, err := host.Get[int](t.Context(), r); !errors.Is(err, spec.LocalNodeDied) {
			t.Errorf("a task of a closed node: %v", err)
		}
	}
	if _, err := node.NewJob(t.Context(), host.JobConfig{Module: module}); !errors.Is(err, spec.LocalNodeDied) {
		t.Errorf("a job of a closed node: %v", err)
	}
	if _, err := j.Submit(t.Context(), "add", spec.TaskOptions{}, 1, 2); err == nil {
		t.Error("a job of a closed node takes work")
	}
}

func TestEnvironment(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module, Namespace: "ns", Env: map[string]string{"HOST_TEST": "yes"}})
	self, err := host.Call[map[string]string](t.Context(), j, "self")
	if err != nil {
		t.Fatal(err)
	}
	if self["env"] != "yes" || self["namespace"] != "ns" || self["job"] != j.ID().String() || self["node"] != node.ID().String() {
		t.Errorf("a task sees %v", self)
	}
	for _, bad := range []map[string]string{{"": "x"}, {"A=B": "x"}, {"A": "\x00"}} {
		if _, err := node.NewJob(t.Context(), host.JobConfig{Module: module, Env: bad}); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
