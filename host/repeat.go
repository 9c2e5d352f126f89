package host

import (
	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/spec"
)

// A task that runs again makes its calls again. An actor whose calls take effect exactly once is not called again for that:
// the nth call of it that an attempt makes is the nth that the attempts before made, if it is of the same method, and has the
// same results. The task remembers these calls until it has ended.

// asked is a call of such an actor.
type asked struct {
	method  string
	results []spec.ObjectID // each counted once for the task
}

// askedBytes is a call beside its results.
const askedBytes = 128

func (a asked) bytes() int64 { return askedBytes + hostcall.LinkBytes*int64(len(a.results)) }

// repeats returns the results of the call of the actor that the caller is about to make, counted for it, if an attempt before
// has made it. Otherwise it is the caller's to note.
func (c *caller) repeats(id spec.ActorID, method string) (results []spec.ObjectID, made bool) {
	if c.of == nil || c.of.retry.MaxRetries == 0 {
		return nil, false
	}
	if c.once == nil {
		c.once = make(map[spec.ActorID]int)
	}
	at := c.once[id]
	c.once[id]++
	t := c.of
	t.mu.Lock()
	calls := t.asked[id]
	t.mu.Unlock()
	if at >= len(calls) || calls[at].method != method {
		return nil, false
	}
	c.Retain(linksTo(calls[at].results)) // if the task ends meanwhile, they may be gone: nobody asks for them any more
	return calls[at].results, true
}

// note remembers a call of the actor for the attempts that may follow. Without room for that, nothing is remembered of the
// actor any more.
func (c *caller) note(id spec.ActorID, method string, results []spec.ObjectID) {
	t := c.of
	if t == nil || t.retry.MaxRetries == 0 {
		return
	}
	call := asked{method, results}
	if t.job.memory.Reserve(call.bytes()) != nil {
		return
	}
	c.Retain(linksTo(results))
	t.mu.Lock()
	noted := !t.finished && len(t.asked[id]) == c.once[id]-1
	if noted {
		if t.asked == nil {
			t.asked = make(map[spec.ActorID][]asked)
		}
		t.asked[id] = append(t.asked[id], call)
	}
	t.mu.Unlock()
	if !noted {
		call.forget(t.job)
	}
}

// forgetAsked: the task has ended.
func (t *task) forgetAsked() {
	t.mu.Lock()
	calls := t.asked
	t.asked = nil
	t.mu.Unlock()
	for _, of := range calls {
		for _, call := range of {
			call.forget(t.job)
		}
	}
}

func (a asked) forget(j *Job) {
	j.node.objects.release(linksTo(a.results))
	j.memory.Release(a.bytes())
}
