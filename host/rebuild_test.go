package host_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// submit calls a function with one result.
func submit(t testing.TB, j *host.Job, function string, opts spec.TaskOptions, args ...any) *host.Ref {
	t.Helper()
	refs, err := j.Submit(t.Context(), function, opts, args...)
	if err != nil {
		t.Fatal(err)
	}
	return refs[0]
}

// wantBytes gets the object, which has so many bytes.
func wantBytes(t testing.TB, r *host.Ref, n int) {
	t.Helper()
	if b, err := host.Get[[]byte](t.Context(), r); err != nil || len(b) != n {
		t.Errorf("%d bytes, %v; want %d", len(b), err, n)
	}
}

const lostSize = 200 * spec.KiB // lies in the store

func TestALostObjectIsMadeAgain(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	once := submit(t, j, "make_", spec.TaskOptions{}, lostSize)
	twice := submit(t, j, "double", spec.TaskOptions{}, once)
	wantBytes(t, twice, 2*lostSize)
	node.Lose(once, twice)
	wantBytes(t, twice, 2*lostSize)
	if s := j.Stats(); s.Rebuilt != 2 {
		t.Errorf("%d tasks ran again, want 2", s.Rebuilt)
	}
	once.Release() // what it was made of is remembered
	node.Lose(twice)
	if n, err := host.Call[int](t.Context(), j, "length", twice); err != nil || n != 2*lostSize {
		t.Errorf("as an argument, after what it is made of was freed: %d, %v", n, err)
	}
	if s := j.Stats(); s.Rebuilt != 4 {
		t.Errorf("%d tasks ran again, want 4", s.Rebuilt)
	}
	twice.Release()
	clean(t, node, j)
}

func TestALostObjectIsMadeAgainAtMostMaxRetriesTimes(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	for _, c := range []struct {
		retries int32
		kind    spec.Kind
	}{{2, spec.ReconstructionAttemptsExceeded}, {0, spec.ReconstructionFailed}} {
		r := submit(t, j, "make_", spec.TaskOptions{MaxRetries: &c.retries}, lostSize)
		wantBytes(t, r, lostSize)
		for range c.retries {
			node.Lose(r)
			wantBytes(t, r, lostSize)
		}
		node.Lose(r)
		_, err := r.GetValue(t.Context())
		if !errors.Is(err, c.kind) || !errors.Is(err, spec.ObjectLost) {
			t.Errorf("max_retries %d: %v", c.retries, err)
		}
		for _, who := range []string{r.ID().String(), r.ID().Task().String(), node.ID().String()} {
			if err != nil && !strings.Contains(err.Error(), who) {
				t.Errorf("it does not name %s: %v", who, err)
			}
		}
		r.Release()
	}
	clean(t, node, j)
}

func TestWhatWasPutIsNotMadeAgain(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	put, err := j.Put(t.Context(), make([]byte, lostSize))
	if err != nil {
		t.Fatal(err)
	}
	node.Lose(put)
	if _, err := put.GetValue(t.Context()); !errors.Is(err, spec.ReconstructionFailed) || !strings.Contains(err.Error(), "put it") {
		t.Errorf("a lost put: %v", err)
	}
	if _, err := host.Call[int](t.Context(), j, "length", put); !errors.Is(err, spec.ObjectLost) {
		t.Errorf("as an argument: %v", err)
	}
	put.Release()
	clean(t, node, j)
}

// TestTheBooksLostObject: with making again switched off, as it was in the book's time, the error is ObjectLost.
func TestTheBooksLostObject(t *testing.T) {
	node, module := open(t, host.Config{LoseObjects: true})
	j := job(t, node, host.JobConfig{Module: module})
	r := submit(t, j, "make_", spec.TaskOptions{}, lostSize)
	wantBytes(t, r, lostSize)
	node.Lose(r)
	if _, err := r.GetValue(t.Context()); spec.KindOf(err) != spec.ObjectLost {
		t.Errorf("a lost object: %v", err)
	}
	r.Release()
	clean(t, node, j)
}

func TestLineageThatIsTooLargeIsForgotten(t *testing.T) {
	node, module := open(t, host.Config{LineageMemory: 1})
	j := job(t, node, host.JobConfig{Module: module})
	r := submit(t, j, "make_", spec.TaskOptions{}, lostSize)
	wantBytes(t, r, lostSize)
	node.Lose(r)
	if _, err := r.GetValue(t.Context()); !errors.Is(err, spec.ReconstructionLineageEvicted) {
		t.Errorf("a lost object: %v", err)
	}
	r.Release()
	clean(t, node, j)
}

func TestAFreedObjectSaysSo(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	r := submit(t, j, "make_", spec.TaskOptions{}, lostSize)
	wantBytes(t, r, lostSize)
	r.Free()
	if u := node.Usage(); u.StoreObjects != 0 {
		t.Errorf("%d objects are in the store", u.StoreObjects)
	}
	if _, err := r.GetValue(t.Context()); !errors.Is(err, spec.ObjectFreed) {
		t.Errorf("a freed object: %v", err)
	}
	r.Release()
	clean(t, node, j)
}

// TestLostResultsOfAGeneratorAreMadeAgain: it runs again for those that were lost, and the others stay.
func TestLostResultsOfAGeneratorAreMadeAgain(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	g := generate(t, j, "big", spec.TaskOptions{MaxRetries: new(int32(2))}, 5)
	var all []*host.Ref
	for range 5 {
		r, err := g.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	wantEnd(t, g)
	if _, err := g.Completed().GetValue(t.Context()); err != nil {
		t.Fatal(err)
	}
	node.Lose(all[0], all[3], all[4])
	for i, r := range all {
		if b, err := host.Get[[]byte](t.Context(), r); err != nil || len(b) != 1<<20 {
			t.Errorf("result %d: %d bytes, %v", i, len(b), err)
		}
	}
	if n := j.Stats().Rebuilt; n != 1 {
		t.Errorf("%d tasks ran again, want 1", n)
	}
	node.Lose(all[1])
	if b, err := host.Get[[]byte](t.Context(), all[1]); err != nil || len(b) != 1<<20 {
		t.Errorf("lost the second time: %d bytes, %v", len(b), err)
	}
	for j.Stats().Running > 0 { // it has given the lost one, and goes on
		runtime.Gosched()
	}
	node.Lose(all[2])
	if _, err := all[2].GetValue(t.Context()); !errors.Is(err, spec.ReconstructionAttemptsExceeded) {
		t.Errorf("lost once more: %v", err)
	}
	for _, r := range all {
		r.Release()
	}
	g.Release()
	clean(t, node, j)
}

// TestAGeneratorThatGivesLessTheSecondTime: what it does not give again is an error that says so, and nobody waits for it.
func TestAGeneratorThatGivesLessTheSecondTime(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	for how, want := range map[string]string{"less": "it gave 4 results the first time, and 2 now", "crash": "ended itself with status 1"} {
		g := generate(t, j, "bigOnce", spec.TaskOptions{}, 4, how)
		var all []*host.Ref
		for range 4 {
			r, err := g.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		wantEnd(t, g)
		if _, err := g.Completed().GetValue(t.Context()); err != nil {
			t.Fatal(err)
		}
		node.Lose(all[0], all[3])
		if b, err := host.Get[[]byte](t.Context(), all[0]); how == "less" && (err != nil || len(b) != 1<<20) {
			t.Errorf("%s: what it gives again: %d bytes, %v", how, len(b), err)
		}
		if _, err := all[3].GetValue(t.Context()); !errors.Is(err, spec.ReconstructionFailed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: what it does not give again: %v", how, err)
		}
		for _, r := range all {
			r.Release()
		}
		g.Release()
	}
	clean(t, node, j)
}
