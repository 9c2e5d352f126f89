package owner_test

import (
	"slices"
	"testing"
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

func object(n uint32) spec.Link {
	return spec.ObjectLink(spec.DriverTaskID(spec.JobNumber(1)).Object(n))
}

// newRefs returns counts of which nothing else is kept.
func newRefs() *owner.Refs[struct{}] { return owner.NewRefs[struct{}]() }

// create begins to count l, whichever it is.
func create(r *owner.Refs[struct{}], l spec.Link, n int) {
	if l.IsActor {
		r.CreateActor(l.Actor, n)
	} else {
		r.Create(l.Object, n)
	}
}

// counted returns how many objects and actors are counted.
func counted(r *owner.Refs[struct{}]) int {
	objects, actors := r.Len()
	return objects + actors
}

// linksOf returns what was freed.
func linksOf(freed []owner.Freed[struct{}]) (links []spec.Link) {
	for _, f := range freed {
		links = append(links, f.Link)
	}
	return links
}

func TestReleaseFreesWhatWasContained(t *testing.T) {
	r := newRefs()
	for i := range uint32(4) {
		create(r, object(i), 1)
	}
	r.Contain(object(0).Object, []spec.Link{object(1), object(2), object(9)}) // 9 is not counted
	r.Contain(object(1).Object, []spec.Link{object(3), object(3)})
	for i := range uint32(3) { // only object 0 and what it contains are left
		if freed := r.Release(object(i+1), nil); len(freed) != 0 {
			t.Fatalf("object %d, which is contained, is freed: %v", i+1, freed)
		}
	}
	freed := r.Release(object(0), nil)
	if !slices.Equal(linksOf(freed), []spec.Link{object(0), object(1), object(2), object(3)}) {
		t.Fatalf("freed %v", freed)
	}
	if counted(r) != 0 || r.Retain(object(1)) {
		t.Fatalf("%d are left", counted(r))
	}
	if freed := r.Release(object(0), nil); len(freed) != 0 {
		t.Fatalf("freed twice: %v", freed)
	}
}

func TestALongChainIsFreed(t *testing.T) {
	const length = 1_000_000
	r := newRefs()
	for i := range uint32(length) {
		create(r, object(i), 1)
		if i > 0 {
			r.Contain(object(i).Object, []spec.Link{object(i - 1)})
			r.Release(object(i-1), nil)
		}
	}
	if freed := r.Release(object(length-1), nil); len(freed) != length || counted(r) != 0 {
		t.Fatalf("freed %d, %d are left", len(freed), counted(r))
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

func TestRetryByNameOfKindOrType(t *testing.T) {
	failed := &spec.Error{Op: "run f", Kind: spec.TaskError, Err: &spec.Error{Op: "call f", Kind: spec.TaskError,
		Err: &spec.Fault{Type: "*fmt.wrapError", Message: "outer", Cause: &spec.Fault{Type: "*main.busy", Message: "busy"}}}}
	caused := &spec.Error{Op: "run f", Kind: spec.TaskError, Err: &spec.Error{Op: "get", Kind: spec.ActorDied}}
	for _, c := range []struct {
		on   string
		err  error
		want bool
	}{
		{"*main.busy", failed, true}, {"*fmt.wrapError", failed, true}, {"TaskError", failed, true}, {"*main.other", failed, false}, {"Error", failed, false},
		{"ActorError", caused, true}, {"ActorDied", caused, true}, {"ActorUnavailable", caused, false},
		{"TaskCancelled", &spec.Error{Kind: spec.TaskCancelled}, false},
	} {
		if got := (owner.RetryPolicy{MaxRetries: 1, RetryOn: []string{c.on}}).Retry(0, c.err); got != c.want {
			t.Errorf("%q on %v: retried %v", c.on, c.err, got)
		}
	}
}

func TestRetriesWaitTwiceAsLongEachTimeWithinBounds(t *testing.T) {
	p := owner.RetryPolicy{MaxRetries: -1, Delay: time.Second}
	for attempt, longest := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		least, most := longest, time.Duration(0)
		for random := range uint64(10_000) {
			wait := p.Wait(int32(attempt), random*0x9e3779b97f4a7c15)
			least, most = min(least, wait), max(most, wait)
		}
		if least < longest/2 || most > longest || most-least < longest/4 {
			t.Errorf("attempt %d waits %v to %v, want within the second half of %v", attempt, least, most, longest)
		}
	}
	if wait := p.Wait(1<<30, 1<<63); wait > spec.MaxRetryDelay || wait < spec.MaxRetryDelay/2 {
		t.Errorf("after very many attempts: %v", wait)
	}
	if wait := (owner.RetryPolicy{}).Wait(3, 7); wait != 0 {
		t.Errorf("without a delay: %v", wait)
	}
}

func TestContainersTellWhatIsInValues(t *testing.T) {
	r := newRefs()
	task := spec.DriverTaskID(spec.JobNumber(1))
	inner, outer := task.Object(1), task.Object(2)
	link := spec.ObjectLink(inner)
	create(r, link, 1)
	create(r, spec.ObjectLink(outer), 1)
	r.Contain(outer, []spec.Link{link, link})
	if in := r.Containers(); len(in) != 1 || !slices.Equal(in[link], []spec.ObjectID{outer, outer}) || r.Count(link) != 3 {
		t.Errorf("contained: %v, of %d references", in, r.Count(link))
	}
	r.Empty(outer, nil)
	if in := r.Containers(); len(in) != 0 {
		t.Errorf("contained in nothing: %v", in)
	}
}
