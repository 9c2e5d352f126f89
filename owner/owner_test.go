package owner_test

import (
	"slices"
	"testing"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

func object(n uint32) spec.Link {
	return spec.ObjectLink(spec.DriverTaskID(spec.JobNumber(1)).Object(n))
}

func TestReleaseFreesWhatWasContained(t *testing.T) {
	r := owner.NewRefs()
	for i := range uint32(4) {
		r.Create(object(i), 1)
	}
	r.Contain(object(0).Object, []spec.Link{object(1), object(2), object(9)}) // 9 is not counted
	r.Contain(object(1).Object, []spec.Link{object(3), object(3)})
	for i := range uint32(3) { // only object 0 and what it contains are left
		if freed := r.Release(object(i+1), nil); len(freed) != 0 {
			t.Fatalf("object %d, which is contained, is freed: %v", i+1, freed)
		}
	}
	freed := r.Release(object(0), nil)
	if !slices.Equal(freed, []spec.Link{object(0), object(1), object(2), object(3)}) {
		t.Fatalf("freed %v", freed)
	}
	if r.Len() != 0 || r.Retain(object(1)) {
		t.Fatalf("%d are left", r.Len())
	}
	if freed := r.Release(object(0), nil); len(freed) != 0 {
		t.Fatalf("freed twice: %v", freed)
	}
}

func TestALongChainIsFreed(t *testing.T) {
	const length = 1_000_000
	r := owner.NewRefs()
	for i := range uint32(length) {
		r.Create(object(i), 1)
		if i > 0 {
			r.Contain(object(i).Object, []spec.Link{object(i - 1)})
			r.Release(object(i-1), nil)
		}
	}
	if freed := r.Release(object(length-1), nil); len(freed) != length || r.Len() != 0 {
		t.Fatalf("freed %d, %d are left", len(freed), r.Len())
	}
}

// TestRetryByKind classifies every kind: a new one has to be thought about here.
func TestRetryByKind(t *testing.T) {
	retried := []spec.Kind{spec.WorkerCrashed, spec.NodeDied, spec.OutOfMemory, spec.GuestTrap, spec.GuestExit, spec.StackOverflow}
	forever := owner.RetryPolicy{MaxRetries: -1}
	exceptions := owner.RetryPolicy{MaxRetries: -1, RetryExceptions: true}
	for _, k := range spec.Kinds() {
		want := slices.Contains(retried, k)
		if got := forever.Retry(1000, k); got != want {
			t.Errorf("%v: retried %v, want %v", k, got, want)
		}
		if got := exceptions.Retry(1000, k); got != (want || k == spec.TaskError) {
			t.Errorf("%v with retry_exceptions: retried %v", k, got)
		}
	}
	two := owner.RetryPolicy{MaxRetries: 2}
	for attempt, want := range []bool{true, true, false, false} {
		if got := two.Retry(int32(attempt), spec.GuestTrap); got != want {
			t.Errorf("attempt %d of max_retries 2: %v", attempt, got)
		}
	}
}
