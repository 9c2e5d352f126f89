package host

import (
	"context"
	"testing"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// logging is a call of an actor that keeps a log, and where what it is told is written down.
func logging(t *testing.T) (*actor, *journal, *record) {
	o, memory := table(t, spec.MiB)
	node := &Node{objects: o}
	job := &Job{node: node, memory: memory}
	r := &record{task: &task{terms: &terms{}}}
	a := &actor{node: node, job: job, log: map[owner.CallID]*record{r.task.call: r}}
	return a, &journal{caller: &caller{job: job, origin: spec.DriverTaskID(spec.JobNumber(1))}, actor: a, record: r}, r
}

// TestWhatACallDoesWhileItIsStoppedIsLogged: it has been done, and is not done again; what was not done is.
func TestWhatACallDoesWhileItIsStoppedIsLogged(t *testing.T) {
	a, j, r := logging(t)
	ctx, stop := context.WithCancel(t.Context())
	done := j.answer(ctx, "put", func(t *told) {
		id, err := j.caller.Put(ctx, spec.Value{Data: []byte{1}})
		t.ids, t.err = []spec.ObjectID{id}, err
		stop()
	})
	if len(r.told) != 1 || done.err != nil || r.told[0].ids[0] != done.ids[0] {
		t.Fatalf("it is told %+v, in the log is %+v", done, r.told)
	}
	j.answer(ctx, "get", func(t *told) { t.err = context.Cause(ctx) })
	if len(r.told) != 1 {
		t.Errorf("an answer that there was not is in the log: %+v", r.told)
	}
	j.caller.job.node.objects.release(linksTo(done.ids)) // the session's
	a.forget(a.takeLog())
}

// TestNothingIsLoggedForADeadActor: what its last call holds and reserves while the actor ends is given back.
func TestNothingIsLoggedForADeadActor(t *testing.T) {
	a, j, r := logging(t)
	done := j.answer(t.Context(), "put", func(told *told) {
		id, err := j.caller.Put(t.Context(), spec.Value{Data: []byte{1}})
		told.ids, told.err = []spec.ObjectID{id}, err
		a.forget(a.takeLog())
	})
	if len(r.told) != 0 || done.err != nil {
		t.Fatalf("it is told %+v, in the log is %+v", done, r.told)
	}
	a.node.objects.release(linksTo(done.ids))
}
