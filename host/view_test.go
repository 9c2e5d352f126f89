package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmtime"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
)

// unused waits until no view and no draft is left in the store, which is the case when the sandbox that had them is gone.
func unused(t *testing.T, node *host.Node) {
	t.Helper()
	for u := node.Usage().Store; u.Viewed != 0 || u.Drafts != 0; u = node.Usage().Store {
		if t.Context().Err() != nil {
			t.Fatalf("in the store there are views and drafts: %+v", u)
		}
		runtime.Gosched()
	}
}

func putBytes(t *testing.T, j *host.Job, size int, fill byte) *host.Ref {
	t.Helper()
	r, err := j.Put(t.Context(), bytes.Repeat([]byte{fill}, size))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// asBytes checks what an object is.
func asBytes(t *testing.T, r *host.Ref, size int, fill byte) {
	t.Helper()
	v, err := host.ViewOf[[]byte](t.Context(), r)
	if err != nil || !bytes.Equal(v.Data(), bytes.Repeat([]byte{fill}, size)) {
		t.Fatalf("it is not %d times %d: %v", size, fill, err)
	}
	v.Release()
}

// onEveryEngine runs a test with each engine there is.
func onEveryEngine(t *testing.T, cfg host.Config, test func(t *testing.T, node *host.Node, j *host.Job)) {
	engines := []string{"wazero"}
	if e, err := wasmtime.Open(engine.Config{}); err == nil {
		_ = e.Close() // it has done nothing
		engines = append(engines, "wasmtime")
	}
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			cfg.Engine, cfg.Engines = name, map[string]engine.Open{"wasmtime": wasmtime.Open}
			node, module := open(t, cfg)
			j := job(t, node, host.JobConfig{Module: module})
			test(t, node, j)
			unused(t, node)
			clean(t, node, j)
		})
	}
}

// TestWhatAGuestWritesInAViewIsItsOwn: book example 5-2, without a copy. Small objects are copied, and it is the same.
func TestWhatAGuestWritesInAViewIsItsOwn(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		for _, size := range []int{5, 4096, spec.MaxInlineBytes + 1, spec.MiB + 77} {
			r := putBytes(t, j, size, 7)
			var calls []*host.Ref
			for range 3 { // at once, as far as there are CPUs, and each in a sandbox that was used before
				calls = append(calls, submit(t, j, "viewedSum", spec.TaskOptions{}, r))
			}
			for _, c := range calls {
				if n, err := host.Get[int](t.Context(), c); err != nil || n != 7*size {
					t.Errorf("of %d bytes a guest sees %d, %v", size, n, err)
				}
				c.Release()
			}
			asBytes(t, r, size, 7)
			r.Release()
		}
	})
}

func TestNumbersInPlace(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		for _, n := range []int{3, 1000, 200_000} {
			refs, err := host.Call[[]*host.Ref](t.Context(), j, "draftedNumbers", n)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := host.Call[float64](t.Context(), j, "viewedNumbers", refs[0]); err != nil || got != float64(n*(n-1)/2) {
				t.Errorf("of %d numbers a guest sees %v, %v", n, got, err)
			}
			v, err := host.ViewOf[spec.Array[float64]](t.Context(), refs[0])
			if err != nil || len(v.Data()) != n || v.Data()[n-1] != float64(n-1) {
				t.Fatalf("the host sees %d numbers, %v", n, err)
			}
			v.Release()
			refs[0].Release()
		}
	})
}

// TestWhatAGuestMakesInPlace cannot be altered by it when it is sealed.
func TestWhatAGuestMakesInPlace(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		for _, size := range []int{1, spec.MaxInlineBytes - 5, spec.MaxInlineBytes - 4, spec.MaxInlineBytes + 1, spec.MiB/2 + 1} {
			refs, err := host.Call[[]*host.Ref](t.Context(), j, "drafted", size, 9)
			if err != nil {
				t.Fatal(err)
			}
			asBytes(t, refs[0], size, 9)
			if n, err := host.Call[int](t.Context(), j, "viewedSum", refs[0]); err != nil || n != 9*size {
				t.Errorf("of %d bytes another guest sees %d, %v", size, n, err)
			}
			refs[0].Release()
			if n, err := host.Call[int](t.Context(), j, "draftedAndLeft", size); err != nil || n != size {
				t.Errorf("a draft that is not sealed: %d, %v", n, err)
			}
		}
	})
}

// TestNobodySeesANeighboursBytes: behind an object there are zeros, and in a draft, too, where others were before.
func TestNobodySeesANeighboursBytes(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		const size = spec.MaxInlineBytes + 11
		for range 3 {
			var secrets []*host.Ref
			for range 20 {
				secrets = append(secrets, putBytes(t, j, size, 0x55))
			}
			for _, r := range secrets[5:15] {
				r.Release()
			}
			if zeros, err := host.Call[bool](t.Context(), j, "draftedZeros", size); err != nil || !zeros {
				t.Errorf("a draft is all zeros: %v, %v", zeros, err)
			}
			r := putBytes(t, j, size, 1)
			tail, err := host.Call[[]byte](t.Context(), j, "viewedTail", r)
			if err != nil || len(tail) == 0 || len(bytes.Trim(tail, "\x00")) > 0 {
				t.Errorf("behind an object there is %x, %v", tail, err)
			}
			for _, r := range append(secrets, r) {
				r.Release()
			}
		}
	})
}

// TestAViewLivesBesideTheHeap of a Go guest, whose collector does not know it.
func TestAViewLivesBesideTheHeap(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		var refs []*host.Ref
		want := 0
		for i := range 10 {
			size := 50_000 * (i + 1)
			refs = append(refs, putBytes(t, j, size, byte(i+1)))
			want += 3 * size * (i + 1)
		}
		if got, err := host.Call[int](t.Context(), j, "viewedUnderStress", refs); err != nil || got != want {
			t.Errorf("it sees %d, %v; want %d", got, err, want)
		}
		for _, r := range refs {
			r.Release()
		}
	})
}

// TestNothingIsLeftOfAGuestThatEnds in whatever way, while it has a view and a draft.
func TestNothingIsLeftOfAGuestThatEnds(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		const size = spec.MiB
		r := putBytes(t, j, size, 3)
		never := int32(0)
		for how, want := range map[string]spec.Kind{"exit": spec.WorkerCrashed, "trap": spec.WorkerCrashed, "panic": spec.TaskError, "spin": spec.TaskCancelled, "wait": spec.TaskCancelled} {
			call := submit(t, j, "viewedEnd", spec.TaskOptions{MaxRetries: &never}, r, how)
			if want == spec.TaskCancelled {
				for u := node.Usage().Store; u.Viewed == 0 || u.Drafts == 0; u = node.Usage().Store {
					runtime.Gosched() // until it is in the midst of it
				}
				if err := call.Cancel(t.Context(), true, true); err != nil {
					t.Error(err)
				}
			}
			if _, err := host.Get[int](t.Context(), call); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", how, err, want)
			}
			call.Release()
			unused(t, node)
			asBytes(t, r, size, 3)
		}
		r.Release()
	})
}

// TestViewsHaveLimits: how many there are, how much of the sandbox's memory they take, and how much of the store's.
func TestViewsHaveLimits(t *testing.T) {
	all := func(t *testing.T, j *host.Job, memory int64, refs ...*host.Ref) string {
		t.Helper()
		call := submit(t, j, "viewedAll", spec.TaskOptions{Memory: &memory}, refs)
		got, err := host.Get[string](t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		call.Release()
		return got
	}
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		r := putBytes(t, j, 8*spec.MiB, 1)
		refs := make([]*host.Ref, spec.MaxWindows+1)
		for i := range refs {
			refs[i] = r
		}
		if got := all(t, j, spec.GiB, refs...); !strings.HasPrefix(got, "64 LimitExceeded") {
			t.Errorf("views at the same time: %s", got)
		}
		if got := all(t, j, 64*spec.MiB, refs...); !strings.Contains(got, "OutOfMemory") || strings.HasPrefix(got, "0") || !strings.Contains(got, "raise the memory option") {
			t.Errorf("views in 64 MiB: %s", got)
		}
		r.Release()
	})
	t.Run("of a store that spills", func(t *testing.T) {
		node, module := open(t, host.Config{ObjectStoreMemory: 16 * spec.MiB, Spill: spill.Config{Directories: []string{t.TempDir()}, Capacity: 1}})
		j := job(t, node, host.JobConfig{Module: module})
		var refs []*host.Ref
		for i := range 20 {
			refs = append(refs, putBytes(t, j, spec.MiB, byte(i)))
		}
		got := all(t, j, spec.GiB, refs...)
		if !strings.HasPrefix(got, "14 ObjectStoreFull") || !strings.Contains(got, "release views that are not needed") {
			t.Errorf("views of all there is: %s", got)
		}
		unused(t, node)
		for i, r := range refs {
			asBytes(t, r, spec.MiB, byte(i))
			r.Release()
		}
		clean(t, node, j)
	})
}

// TestAViewKeepsAnObjectThatWasFreed until it is released, in memory and in the job's account.
func TestAViewKeepsAnObjectThatWasFreed(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	r := putBytes(t, j, spec.MiB, 5)
	v, err := host.ViewOf[[]byte](t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	if u := node.Usage(); u.ObjectBytes < spec.MiB || u.Store.Viewed < spec.MiB {
		t.Errorf("while it is viewed: %+v", u)
	}
	if !bytes.Equal(v.Data(), bytes.Repeat([]byte{5}, spec.MiB)) {
		t.Error("what is viewed has changed")
	}
	v.Release()
	v.Release()
	if u := node.Usage(); u.ObjectBytes != 0 || u.Store.Used != 0 {
		t.Errorf("afterwards: %+v", u)
	}
}

// TestAnActorsViewEndsWithTheCall, whether it is parked, restored or neither; its ref goes on.
func TestAnActorsViewEndsWithTheCall(t *testing.T) {
	onEveryEngine(t, host.Config{}, func(t *testing.T, node *host.Node, j *host.Job) {
		restarts := int32(5)
		a, err := j.NewActor(t.Context(), "Viewer", spec.ActorOptions{MaxRestarts: &restarts, Checkpoint: &spec.CheckpointPolicy{Calls: 1}})
		if err != nil {
			t.Fatal(err)
		}
		r := putBytes(t, j, spec.MiB, 2)
		if n, err := host.CallMethod[int](t.Context(), a, "See", []*host.Ref{r}); err != nil || n != 2*spec.MiB {
			t.Fatalf("it sees %d, %v", n, err)
		}
		r.Release()
		for _, then := range []string{"the next call", "after a restart"} {
			if n, err := host.CallMethod[[]int](t.Context(), a, "Still"); err != nil || n[0] != 0 || n[1] != 2*spec.MiB {
				t.Errorf("%s: it sees %v, %v", then, n, err)
			}
			if err := a.Kill(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		a.Release()
	})
}

func TestDraftsOfGoPrograms(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	d, err := host.NewDraft[spec.Array[int32]](t.Context(), j, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.Data() {
		d.Data()[i] = int32(i)
	}
	r, err := d.Seal()
	if err != nil {
		t.Fatal(err)
	}
	d.Abort() // too late
	if _, err := d.Seal(); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("sealed twice: %v", err)
	}
	if got, err := host.Get[spec.Array[int32]](t.Context(), r); err != nil || len(got) != 100_000 || got[99_999] != 99_999 {
		t.Errorf("it is %d numbers, %v", len(got), err)
	}
	if _, err := host.ViewOf[string](t.Context(), r); !errors.Is(err, spec.InvalidResult) {
		t.Errorf("numbers as a text: %v", err)
	}
	r.Release()
	if d, err := host.NewDraft[[]byte](t.Context(), j, 5); err != nil {
		t.Error(err)
	} else {
		d.Abort()
		d.Abort()
	}
	for _, n := range []int{-1, 1 << 62} {
		if _, err := host.NewDraft[spec.Array[int64]](t.Context(), j, n); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("a draft of %d numbers: %v", n, err)
		}
	}
	if _, err := host.NewDraft[[]byte](t.Context(), j, 1<<50); !errors.Is(err, spec.ObjectStoreFull) {
		t.Errorf("a draft of a petabyte: %v", err)
	}
	if _, err := host.NewDraft[string](t.Context(), j, 1); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a draft of a text: %v", err)
	}
	unused(t, node)
	clean(t, node, j)
}

func ExampleViewOf() {
	ctx := context.Background()
	node, err := host.Open(ctx, host.Config{CacheDir: cache()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	wasm, err := guest()
	if err != nil {
		fmt.Println(err)
		return
	}
	module, err := node.Load(ctx, wasm)
	if err != nil {
		fmt.Println(err)
		return
	}
	j, err := node.NewJob(ctx, host.JobConfig{Module: module})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()
	draft, err := host.NewDraft[spec.Array[float64]](ctx, j, 1_000_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	draft.Data()[999_999] = 1.5
	ref, err := draft.Seal()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ref.Release()
	numbers, err := host.ViewOf[spec.Array[float64]](ctx, ref)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer numbers.Release()
	fmt.Println(len(numbers.Data()), numbers.Data()[999_999])
	// Output: 1000000 1.5
}

// TestObjectsInPlaceOnSeveralNodes: what one node's guest makes in place, others see in place, when it has come.
func TestObjectsInPlaceOnSeveralNodes(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	const size = 5 * spec.MiB
	made := get[[]*host.Ref](t, submit(t, j, "drafted", here(c.Nodes[1]), size, 4))[0]
	if n := get[int](t, submit(t, j, "viewedSum", here(c.Nodes[2]), made)); n != 4*size {
		t.Errorf("a third node's guest sees %d", n)
	}
	if n := get[int](t, submit(t, j, "viewedUnderStress", here(c.Nodes[2]), []*host.Ref{made})); n != 3*4*size {
		t.Errorf("a third node's guest sees %d in what it was lent", n)
	}
	asBytes(t, made, size, 4)
	for _, n := range c.Nodes {
		unused(t, n)
	}
	ended(t, j, c.Nodes...)
}
