package host

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/spec"
)

// caller acts for one task, method or driver: everything it submits, puts and waits for goes through here. It is what
// the functions of package hostcall find behind a sandbox.
type caller struct {
	job      *Job
	scope    *scope // whose goroutines run what it submits
	module   *Module
	task     spec.TaskID
	name     string
	function string // as its module spells it; "driver" for a driver
	// origin is what the ids of its tasks, actors and puts derive from: the task, or for a retry an id of its own, so
	// that an attempt never meets the children of the one before.
	origin    spec.TaskID
	attempt   int32
	lease     sched.Lease // lent to others while it waits; 0 for none
	gate      *gate       // to be told while it waits; nil for none
	holds     spec.Resources
	within    *spec.Placement // the placement group that what it submits runs in, unless it says otherwise; nil for none
	stream    *stream         // what a generator yields to; nil for others
	yields    int             // of this attempt
	deadline  time.Time
	nextTask  atomic.Uint64
	nextActor atomic.Uint64
	nextPut   atomic.Uint64
	nextGroup atomic.Uint64
	exits     bool                 // its actor is to end, see actorCaller.Exit
	asks      bool                 // it asked for what is not there, and has got nothing since
	brood     *brood               // of the actors that it made; nil before there are any
	outlives  bool                 // what it makes of actors outlives the job: it acts for an actor that does
	of        *task                // that it is an attempt of; nil for a driver, and for calls that are told what they were told before
	once      map[spec.ActorID]int // how many calls of actors it has made that take effect exactly once
}

// retryOrigin is where the indexes of attempts start, far beyond those of children.
const retryOrigin = 1 << 62

func newCaller(t *task, attempt int32, lease sched.Lease) *caller {
	return new(caller).become(t, attempt, lease)
}

// become makes c, which nobody uses any more, act for an attempt of a task.
func (c *caller) become(t *task, attempt int32, lease sched.Lease) *caller {
	*c = caller{job: t.job, scope: t.scope, module: t.module, task: t.id, name: t.name, function: t.function, origin: t.id, attempt: attempt,
		lease: lease, holds: t.need, stream: t.stream, deadline: t.deadline, of: t,
		outlives: t.detached || t.actor != nil && t.actor.outlives}
	c.within = captured(t.placement())
	if attempt > 0 {
		c.origin = spec.NewTaskID(t.id, retryOrigin+uint64(attempt), t.id.Actor())
	}
	return c
}

// newDriver returns the caller that acts for a job's driver; it holds no resources.
func newDriver(j *Job) *caller {
	id := spec.DriverTaskID(j.id)
	return &caller{job: j, scope: j.scope, module: j.module, task: id, name: "driver", function: "driver", origin: id}
}

// functions returns c in the form that a session wants.
func (c *caller) functions() hostcall.Caller {
	return hostcall.Caller{Objects: c, Views: c, Counts: c, Memory: (*jobMemory)(c.job), Tasks: c, Streams: c, Actors: actorCaller{c}, Groups: c, Context: c}
}

// maxPuts is how many objects a caller can put: their indexes have 32 bits, and never name two.
const maxPuts = math.MaxUint32 - spec.FirstPutIndex + 1

// Put makes an object of a value.
func (c *caller) Put(ctx context.Context, v spec.Value) (spec.ObjectID, error) {
	id, err := c.nextObject()
	if err != nil {
		return id, err
	}
	return id, c.job.node.objects.put(ctx, c.job.memory, id, v, Site{c.function, ""})
}

// Place makes a large object of what parts have.
func (c *caller) Place(ctx context.Context, parts [][]byte, links []spec.Link) (spec.ObjectID, error) {
	id, err := c.nextObject()
	if err != nil {
		return id, err
	}
	return id, c.job.node.objects.place(ctx, c.job.memory, id, parts, links, Site{c.function, ""})
}

// nextObject returns the id of the next object that is put.
func (c *caller) nextObject() (spec.ObjectID, error) {
	n := c.nextPut.Add(1)
	if n > maxPuts {
		return spec.ObjectID{}, spec.Errorf("put", spec.LimitExceeded, "", "the caller has put %d objects, which is all it can", maxPuts)
	}
	return c.origin.Object(spec.FirstPutIndex + uint32(n-1)), nil
}

// Get waits for the objects and gives their values, without the bytes of large ones, or the first error among them in their
// order.
func (c *caller) Get(ctx context.Context, ids []spec.ObjectID, timeout time.Duration, values []spec.Value) error {
	objects := c.job.node.objects
	for waited := error(nil); ; {
		pending := 0
		for i, id := range ids {
			v, ready, err := objects.look(id)
			if err != nil {
				return err
			}
			if !ready {
				pending++
			}
			values[i] = v
		}
		switch {
		case pending == 0:
			c.met()
			return nil
		case waited == nil: // not waited yet, or one was lost as soon as it was there
			waited = objects.await(ctx, ids, len(ids), true, timeout, c.block, c.resume)
			continue
		}
		if waited == spec.GetTimeout || errors.Is(waited, context.DeadlineExceeded) {
			c.unmet()
			return spec.Errorf("get", spec.GetTimeout, "", "%d of %d objects are not there: %s", pending, len(ids), c.job.node.explainAll(ids))
		}
		return &spec.Error{Op: "get", Kind: spec.KindOf(waited), Err: waited}
	}
}

// Wait waits until count of the objects are there, and reports which are. A timeout is no error.
func (c *caller) Wait(ctx context.Context, ids []spec.ObjectID, count int, timeout time.Duration) ([]bool, error) {
	objects := c.job.node.objects
	ready := objects.isReady(ids)
	if !enough(ready, count) && timeout != 0 {
		if err := objects.await(ctx, ids, count, false, timeout, c.block, c.resume); err != nil && err != spec.GetTimeout {
			return nil, &spec.Error{Op: "wait", Kind: spec.KindOf(err), Err: err}
		}
		ready = objects.isReady(ids)
	}
	if enough(ready, count) {
		c.met()
	} else {
		c.unmet()
	}
	return ready, nil
}

// enough reports whether count of the flags are set.
func enough(flags []bool, count int) bool {
	for i := 0; count > 0 && i < len(flags); i++ {
		if flags[i] {
			count--
		}
	}
	return count <= 0
}

// block lends the CPU to others; resume takes it back.
func (c *caller) block() {
	if c.lease != 0 {
		c.job.node.leases.block(c.lease)
	}
	if c.gate != nil && !c.asks {
		c.gate.wait()
	}
}

func (c *caller) resume() {
	if c.gate != nil && !c.asks {
		c.gate.resume()
	}
	if c.lease != 0 {
		c.job.node.leases.unblock(c.lease)
	}
}

// unmet: the caller asked for what is not there, and will not wait. The gate takes it for one that waits until it has got
// something or has ended, for it may do nothing but ask again.
func (c *caller) unmet() {
	if c.gate != nil && !c.asks {
		c.gate.wait()
		c.asks = true
	}
}

func (c *caller) met() {
	if c.asks {
		c.asks = false
		c.gate.resume()
	}
}

// Retain counts references in.
func (c *caller) Retain(links []spec.Link) { c.job.node.objects.retain(links) }

// Release counts references out.
func (c *caller) Release(links []spec.Link) { c.job.node.objects.release(links) }

// Submit sends a function's call on its way.
func (c *caller) Submit(_ context.Context, call spec.Call) ([]spec.ObjectID, error) {
	f, ok := c.module.functions[call.Function]
	if !ok {
		return nil, c.module.missing("submit", "function", call.Function)
	}
	id := spec.NewTaskID(c.origin, c.nextTask.Add(1), spec.NoActor(c.job.id))
	terms, err := c.functionTerms(f, call.Options)
	if err != nil {
		return nil, err
	}
	t, err := c.newTask(id, terms, call.Args)
	if err != nil {
		return nil, err
	}
	return t.begin()
}

// newTask makes the task. Nothing is reserved for it yet.
func (c *caller) newTask(id spec.TaskID, terms *terms, args []spec.Arg) (*task, error) {
	if len(args) > spec.MaxArgs {
		return nil, spec.Errorf("submit "+terms.function, spec.LimitExceeded, "", "%d arguments, at most %d", len(args), spec.MaxArgs)
	}
	t := &task{
		terms: terms, job: c.job, scope: c.scope, module: c.module, id: id, parent: c.task, by: c.function, args: args, links: linksOf(args),
		deadline: c.deadline, bytes: taskBytes + terms.bytes + argBytes(args),
	}
	sooner := func(at time.Time) {
		if t.deadline.IsZero() || at.Before(t.deadline) {
			t.deadline = at
		}
	}
	if terms.timeout > 0 {
		sooner(time.Now().Add(terms.timeout))
	}
	if !terms.deadline.IsZero() {
		sooner(terms.deadline)
	}
	t.detached = c.of != nil && c.of.detached
	t.nameResults()
	if terms.streaming {
		t.stream = newStream(t, terms.ahead)
	}
	return t, nil
}

// linksOf returns everything the arguments refer to.
func linksOf(args []spec.Arg) []spec.Link {
	var links []spec.Link
	for _, a := range args {
		if a.IsRef {
			links = append(links, spec.ObjectLink(a.Ref))
		} else {
			links = append(links, a.Value.Links...)
		}
	}
	return links
}

// Cancel cancels the task that makes the object, and with recursive also what that task submitted. Cancelling what has
// finished does nothing.
func (c *caller) Cancel(_ context.Context, id spec.ObjectID, force, recursive bool) error {
	if t := c.job.node.objects.maker(id); t != nil && t.job == c.job {
		c.job.cancel(t, force, recursive)
	} else {
		c.job.node.objects.cancelBorrowed(id, force, recursive)
	}
	return nil
}

// cancel cancels a task, and with recursive also what it submitted.
func (j *Job) cancel(t *task, force, recursive bool) {
	var below []*task
	if recursive {
		below = j.descendants(t)
		j.node.cluster.cancelBelow(append(below, t), force)
	}
	t.cancel(t.cancelled(), force)
	for _, child := range below {
		child.cancel(child.cancelled(), force)
	}
}

// cancelled is the error of a task that was cancelled.
func (t *task) cancelled() *spec.Error {
	return spec.Errorf("run "+t.name, spec.TaskCancelled, t.label(), "it was cancelled")
}

// descendants returns the unfinished tasks that t submitted, directly or not.
func (j *Job) descendants(t *task) []*task {
	children := make(map[spec.TaskID][]*task)
	for _, x := range j.tasks() {
		children[x.parent] = append(children[x.parent], x)
	}
	found := slices.Clone(children[t.id])
	for i := 0; i < len(found); i++ { // found is also the list of whose children are still to add
		found = append(found, children[found[i].id]...)
	}
	return found
}

// Self tells the guest where it runs.
func (c *caller) Self() spec.Self {
	s := spec.Self{
		Job: c.job.id.String(), Task: c.task.String(), Node: c.job.node.id.String(), Namespace: c.job.namespace,
		Name: c.name, Attempt: c.attempt, Resources: c.holds, Module: c.module.Digest().String(),
	}
	if a := c.task.Actor(); !a.IsNone() {
		s.Actor = a.String()
	}
	if !c.deadline.IsZero() {
		s.Deadline = c.deadline.UnixNano()
	}
	return s
}

// Resources tells what the cluster has.
func (c *caller) Resources() spec.ClusterResources { return c.job.node.resources() }

// Log passes a guest's record on, as data: its text is a field, never the message.
func (c *caller) Log(level spec.LogLevel, text string) {
	fields := []zap.Field{zap.String("text", text), zap.String("name", c.name), zap.String("task", c.task.String())}
	log := c.job.node.log
	switch {
	case level >= spec.LogError:
		log.Error("guest log", fields...)
	case level >= spec.LogWarn:
		log.Warn("guest log", fields...)
	case level >= spec.LogInfo:
		log.Info("guest log", fields...)
	default:
		log.Debug("guest log", fields...)
	}
}
