package host

import (
	"errors"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/local"
)

// table returns a table of objects with room for limit bytes, and a job's account in it. At the end of the test nothing
// may be reserved.
func table(t *testing.T, limit int64) (*objects, *store.Account) {
	bound := store.NewBound(limit, 0)
	s, err := local.Open(local.Config{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	o := newObjects(s)
	t.Cleanup(func() {
		known, counted := o.count()
		if bytes, stored := bound.Used(), s.Usage().Objects; bytes != 0 || stored != 0 || known != 0 || counted != 0 {
			t.Errorf("left: %d bytes reserved, %d objects stored, %d known, %d counted", bytes, stored, known, counted)
		}
		o.close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return o, bound.Account()
}

// objectID returns the n-th result of some task.
func objectID(n uint32) spec.ObjectID { return spec.DriverTaskID(spec.JobNumber(1)).Object(n) }

// pending makes a pending object, whose record is reserved.
func pending(t *testing.T, o *objects, memory *store.Account, n uint32) spec.ObjectID {
	t.Helper()
	if err := memory.Reserve(objectBytes); err != nil {
		t.Fatal(err)
	}
	o.expect(memory, []spec.ObjectID{objectID(n)}, Site{"f", "g"})
	return objectID(n)
}

func TestEveryByteOfAnObjectIsReserved(t *testing.T) {
	o, memory := table(t, spec.MiB)
	small, large, linking, failed := objectID(1), objectID(2), objectID(3), objectID(4)
	reserved := int64(0)
	put := func(id spec.ObjectID, v spec.Value) {
		t.Helper()
		if err := o.put(t.Context(), memory, id, v, Site{"f", ""}); err != nil {
			t.Fatal(err)
		}
		if reserved += objectBytes + valueBytes(v); memory.Used() != reserved {
			t.Errorf("%d bytes are reserved, want %d", memory.Used(), reserved)
		}
	}
	put(small, spec.Value{Data: make([]byte, 1000)})
	put(large, spec.Value{Data: make([]byte, 2*spec.MaxInlineBytes)})
	put(linking, spec.Value{Data: []byte("x"), Links: linksTo([]spec.ObjectID{small, large})})
	pending(t, o, memory, 4)
	text := strings.Repeat("e", 5000)
	o.complete(failed, spec.Value{}, &spec.Error{Op: "run", Kind: spec.TaskError, Err: &spec.Fault{Message: text, Cause: &spec.Fault{Stack: text}}})
	if reserved += objectBytes; memory.Used() < reserved+2*5000 {
		t.Errorf("an error of %d bytes: %d are reserved", 2*len(text), memory.Used()-reserved)
	}
	o.release(linksTo([]spec.ObjectID{small, large, failed}))
	if memory.Used() != reserved-objectBytes {
		t.Errorf("%d bytes are reserved for what the last object holds, want %d", memory.Used(), reserved-objectBytes)
	}
	o.release(linksTo([]spec.ObjectID{linking}))
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	o, memory := table(t, 100*spec.KiB)
	tooLarge := spec.Value{Data: make([]byte, 90*spec.KiB)}
	if err := o.put(t.Context(), memory, objectID(1), tooLarge, Site{"f", ""}); !errors.Is(err, spec.ObjectStoreFull) {
		t.Errorf("a put without room: %v", err)
	}
	for i, err := range []*spec.Error{nil, {Kind: spec.TaskError, Err: &spec.Fault{Message: string(tooLarge.Data)}}} {
		id := pending(t, o, memory, uint32(i)+1)
		o.complete(id, tooLarge, err)
		if _, ready, err := o.value(t.Context(), id); !ready || !errors.Is(err, spec.ObjectStoreFull) {
			t.Errorf("a result without room: %v, %v", ready, err)
		}
		if memory.Used() != objectBytes {
			t.Errorf("%d bytes are reserved for a record", memory.Used())
		}
		o.release(linksTo([]spec.ObjectID{id}))
	}
}

// A guest decides how many tasks wait for the result of another: no stack may grow with them.
func TestAChainOfWaitersNeedsNoStack(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(spec.MiB))
	o, memory := table(t, 64*spec.MiB)
	const length = 20_000
	ids := make([]spec.ObjectID, length)
	for i := range ids {
		ids[i] = pending(t, o, memory, uint32(i)+1)
	}
	for i := range ids[1:] {
		o.join(&waiter{ids: ids[i : i+1], left: 1, failFast: true, fire: func() { o.complete(ids[i+1], spec.Value{}, errJobEnded) }})
	}
	o.complete(ids[0], spec.Value{}, errJobEnded)
	if _, ready, err := o.value(t.Context(), ids[length-1]); !ready || err == nil {
		t.Errorf("the last of the chain: ready %v, %v", ready, err)
	}
	o.release(linksTo(ids))
}

// It decides, too, how many actors hold the handle of another.
func TestAChainOfActorsNeedsNoStack(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(spec.MiB))
	o, _ := table(t, spec.MiB)
	const length = 20_000
	ids := make([]spec.ActorID, length)
	next := make(map[spec.ActorID]spec.ActorID)
	for i := range ids {
		ids[i] = spec.NewActorID(spec.DriverTaskID(spec.JobNumber(1)), uint64(i))
		o.adopt(ids[i])
		if i > 0 {
			next[ids[i-1]] = ids[i]
		}
	}
	ended := 0
	o.atEnd(ids[length-1], func() { ended++ })
	o.forget = func(id spec.ActorID) {
		ended++
		if held, ok := next[id]; ok {
			o.release([]spec.Link{spec.ActorLink(held)})
		}
	}
	o.release([]spec.Link{spec.ActorLink(ids[0])})
	if ended != length+1 {
		t.Errorf("%d of %d things were done", ended, length+1)
	}
}

// A task that is cancelled, or fails for another argument, leaves nothing behind at an object that is never made.
func TestNothingIsKeptForWhoWaitsNoLonger(t *testing.T) {
	o, memory := table(t, spec.MiB)
	never, soon := pending(t, o, memory, 1), pending(t, o, memory, 2)
	stays := &waiter{ids: []spec.ObjectID{never}, left: 1, fire: func() { t.Error("it never happens") }}
	o.join(stays)
	for i := range 1000 {
		w := &waiter{ids: []spec.ObjectID{never, soon}, left: 2, failFast: true, fire: func() { t.Error("it was ignored") }}
		if i%2 == 0 {
			o.ignore(w) // before it begins
		}
		if !o.join(w) {
			t.Fatal("there is something to wait for")
		}
		o.ignore(w)
		if w.fire != nil || w.ids != nil {
			t.Fatal("an ignored waiter keeps what it would have done")
		}
		for _, id := range []spec.ObjectID{never, soon} {
			if n := len(o.refs.Object(id).waiters); n > 4 {
				t.Fatalf("%d waiters are listed, one waits", n)
			}
		}
	}
	if w := o.refs.Object(never).waiters; len(w) == 0 || w[0] != stays {
		t.Error("the one that waits was dropped")
	}
	o.ignore(stays)
	o.release(linksTo([]spec.ObjectID{never, soon}))
}

func TestAJobHasOnlySoManyTasks(t *testing.T) {
	j := &Job{}
	j.stats.unfinished.Store(spec.MaxPendingTasks - 1)
	last, over := &task{terms: &terms{}}, &task{terms: &terms{}}
	if err := j.add(last); err != nil {
		t.Errorf("the last that is allowed: %v", err)
	}
	if err := j.add(over); !errors.Is(err, spec.LimitExceeded) || !strings.Contains(err.Error(), "MaxPendingTasks") {
		t.Errorf("one more: %v", err)
	}
	j.remove(last, nil)
	if err := j.add(over); err != nil {
		t.Errorf("after one has finished: %v", err)
	}
	j.remove(over, nil)
	j.over = true
	if err := j.add(&task{terms: &terms{}}); !errors.Is(err, spec.TaskCancelled) {
		t.Errorf("in a job that has ended: %v", err)
	}
	if n := j.stats.unfinished.Load(); n != spec.MaxPendingTasks-1 {
		t.Errorf("%d are counted", n)
	}
}

func TestAJobHasOnlySoManyActors(t *testing.T) {
	o, _ := table(t, 0)
	j := &Job{node: &Node{objects: o}, memory: store.NewBound(0, 0).Account()}
	c := actorCaller{&caller{job: j}}
	if err := c.create(spec.ActorID{1}, &spec.Class{Name: "C"}, nil, spec.ActorOptions{}, false); !errors.Is(err, spec.ObjectStoreFull) {
		t.Errorf("without room: %v", err)
	}
	j.stats.actorsKept.Store(spec.MaxActors)
	if err := c.create(spec.ActorID{1}, &spec.Class{Name: "C"}, nil, spec.ActorOptions{}, false); !errors.Is(err, spec.LimitExceeded) || !strings.Contains(err.Error(), "MaxActors") {
		t.Errorf("one too many: %v", err)
	}
	if n := j.stats.actorsKept.Load(); n != spec.MaxActors {
		t.Errorf("%d are counted", n)
	}
}

func TestACallerPutsOnlySoMany(t *testing.T) {
	o, memory := table(t, spec.MiB)
	c := &caller{job: &Job{node: &Node{objects: o}, memory: memory}, origin: spec.DriverTaskID(spec.JobNumber(1))}
	c.nextPut.Store(maxPuts - 1)
	id, err := c.Put(t.Context(), spec.Value{})
	if err != nil || id != c.origin.Object(1<<32-1) {
		t.Errorf("the last index: %v, %v", id, err)
	}
	if _, err := c.Put(t.Context(), spec.Value{}); !errors.Is(err, spec.LimitExceeded) {
		t.Errorf("one more: %v", err)
	}
	o.release(linksTo([]spec.ObjectID{id}))
}
