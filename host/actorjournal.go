package host

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// An actor whose calls take effect exactly once keeps a record of each call since its checkpoint: the arguments, the moment
// that the call saw, and what the host's functions told it, in order. A call that runs again is told the same, so it does
// the same, and what it submitted is not submitted twice; where the record of a call that was interrupted ends, the host's
// functions do what they are asked for again. So a sandbox is not begun before the last one is left: what that did is
// written down by then.

// record is one call in an actor's log.
type record struct {
	task   *task
	args   []spec.Arg
	moment *wasmrt.Moment // nil before the call has begun
	told   []told
	links  []spec.Link // held for it: what it was given and what it was told of
	bytes  int64       // reserved for it
	// broken is why it cannot be run again.
	broken *spec.Error
}

// told is what one of the host's functions answered.
type told struct {
	function string
	ids      []spec.ObjectID
	actor    spec.ActorID
	values   []spec.Value
	large    []spec.ObjectID // of which the values have no bytes: they are viewed
	flags    []bool
	self     spec.Self
	err      error
	// How many tasks, actors and objects the call had made by then.
	tasks, actors, puts uint64
}

// recordBytes is a record beside its arguments, toldBytes an answer beside its values.
const (
	recordBytes = 512
	toldBytes   = 384
)

// record returns the record of a call that runs, a new one the first time.
func (a *actor) record(c *caller, life *incarnation, t *task) (*record, *spec.Error) {
	a.mu.Lock()
	r := a.log[t.call]
	a.mu.Unlock()
	if r != nil {
		return r, nil
	}
	args, err := c.arguments(life.ctx, t)
	if err != nil {
		return nil, err
	}
	r = &record{task: t, args: args}
	bytes := int64(recordBytes)
	for _, arg := range args {
		bytes += hostcall.ValueBytes + valueBytes(arg.Value)
	}
	if full := a.job.memory.Reserve(bytes); full != nil {
		return nil, t.failure(full)
	}
	r.bytes, r.links = bytes, slices.Clone(t.links)
	a.node.objects.retain(r.links)
	a.mu.Lock()
	ended := a.ended
	if !ended {
		a.log[t.call] = r
	}
	a.mu.Unlock()
	if ended {
		a.forget(map[owner.CallID]*record{t.call: r})
		return nil, t.failure(errActorStopped)
	}
	return r, nil
}

// takeLog takes all records out. The caller holds mu.
func (a *actor) takeLog() map[owner.CallID]*record {
	log := a.log
	if log != nil {
		a.log = make(map[owner.CallID]*record)
	}
	return log
}

// forget drops records: there is a checkpoint that has their effects, or the actor has ended.
func (a *actor) forget(log map[owner.CallID]*record) {
	for _, r := range log {
		a.job.memory.Release(r.bytes)
		a.node.objects.release(r.links)
	}
}

// invokeLogged is invoke for an actor with a log: the call runs, or runs again.
func (a *actor) invokeLogged(life *incarnation, t *task, again bool) (ev owner.ActorEvent, crashed bool, answer func(error)) {
	ev, answer = owner.ActorEvent{Op: owner.Returned, Call: t.call, Now: clock()}, answered
	c := newCaller(t, 0, a.lease)
	c.holds, c.brood, c.of = a.hold, life.brood, nil
	r, err := a.record(c, life, t)
	if err != nil { // it has no effect then
		t.finish(nil, err)
		return ev, false, answer
	}
	moment, perr := life.sandbox.Pin(life.ctx, r.moment)
	if perr != nil {
		return owner.ActorEvent{Op: owner.Crashed, Err: t.failure(perr)}, true, answer
	}
	r.moment = &moment
	j := &journal{caller: c, actors: actorCaller{c}, actor: a, record: r}
	life.session.SetCaller(j.functions())
	before := life.sandbox.Usage().CPU
	values, err := t.invoke(life.ctx, life.sandbox, life.session, spec.CallMethod, r.args)
	a.job.stats.cpu.Add(int64(life.sandbox.Usage().CPU - before))
	life.out.close()
	if r.broken != nil {
		a.node.log.Error("a call of an actor cannot be logged or run again", zap.String("actor", a.label()), zap.String("name", t.name), zap.NamedError("reason", r.broken))
		return owner.ActorEvent{Op: owner.Crashed, Err: r.broken}, true, answer
	}
	if err != nil && isCrash(err.Kind) {
		return owner.ActorEvent{Op: owner.Crashed, Err: err}, true, answer
	}
	if c.exits {
		ev.Op = owner.Exited
	} else if !again {
		answer = a.settle(t, values, err)
	}
	life.session.End()
	ev.Now = clock()
	return ev, false, answer
}

// journal stands between a call and the host's functions: it answers from the record as far as that goes, then asks the
// caller and writes down what that answers. What counts and reserves passes through: both belong to the session.
type journal struct {
	caller *caller
	actors actorCaller
	actor  *actor
	record *record
	at     int // the next answer of the record
}

func (j *journal) functions() hostcall.Caller {
	return hostcall.Caller{Objects: j, Views: j, Counts: j.caller, Memory: (*jobMemory)(j.caller.job), Tasks: j, Actors: journalActors{j}, Context: j}
}

// answer returns what the function answered the first time, or asks it now. What it gave, it gives again: counted once.
func (j *journal) answer(ctx context.Context, function string, ask func(*told)) *told {
	c, r := j.caller, j.record
	if r.broken != nil {
		return &told{err: r.broken}
	}
	if j.at < len(r.told) {
		t := &r.told[j.at]
		j.at++
		if t.function != function {
			r.broken = spec.Errorf("run "+r.task.name+" again", spec.System, r.task.label(), "it calls %s where it called %s the first time: it does not do the same when it is told the same", function, t.function)
			return &told{err: r.broken}
		}
		c.nextTask.Store(t.tasks)
		c.nextActor.Store(t.actors)
		c.nextPut.Store(t.puts)
		if t.err == nil {
			c.Retain(t.gave())
		}
		return t
	}
	t := told{function: function}
	ask(&t)
	if t.err != nil && ctx.Err() != nil { // the call ends here, and was told nothing
		return &t
	}
	t.tasks, t.actors, t.puts = c.nextTask.Load(), c.nextActor.Load(), c.nextPut.Load()
	bytes := int64(toldBytes) + hostcall.LinkBytes*int64(len(t.ids)+len(t.large)) + int64(len(t.flags))
	for _, v := range t.values {
		bytes += hostcall.ValueBytes + valueBytes(v)
	}
	if full := c.job.memory.Reserve(bytes); full != nil {
		r.broken = &spec.Error{Op: "log " + function, Kind: spec.KindOf(full), ID: r.task.label(), Err: full}
		return &t
	}
	j.actor.write(r, t, bytes)
	j.at++
	return &t
}

// write adds an answer to a record, for which so many bytes are reserved, and keeps what it refers to. It changes nothing if
// the record was forgotten while the call asked.
func (a *actor) write(r *record, t told, bytes int64) {
	var links []spec.Link
	if t.err == nil {
		links = append(t.gave(), linksTo(t.large)...)
		for _, v := range t.values {
			links = append(links, v.Links...)
		}
	}
	a.node.objects.retain(links)
	a.mu.Lock()
	there := a.log[r.task.call] == r
	if there {
		r.told, r.links, r.bytes = append(r.told, t), append(r.links, links...), r.bytes+bytes
	}
	a.mu.Unlock()
	if !there {
		a.job.memory.Release(bytes)
		a.node.objects.release(links)
	}
}

// gave returns what the answer gave the guest a handle of.
func (t *told) gave() []spec.Link {
	links := linksTo(t.ids)
	if t.actor != (spec.ActorID{}) {
		links = append(links, spec.ActorLink(t.actor))
	}
	return links
}

// Put is hostcall.Objects, and so on: each asks its counterpart of the caller.
func (j *journal) Put(ctx context.Context, v spec.Value) (spec.ObjectID, error) {
	return j.put(ctx, func() (spec.ObjectID, error) { return j.caller.Put(ctx, v) })
}

func (j *journal) Place(ctx context.Context, parts [][]byte, links []spec.Link) (spec.ObjectID, error) {
	return j.put(ctx, func() (spec.ObjectID, error) { return j.caller.Place(ctx, parts, links) })
}

func (j *journal) put(ctx context.Context, put func() (spec.ObjectID, error)) (id spec.ObjectID, err error) {
	t := j.answer(ctx, "put", func(t *told) {
		var id spec.ObjectID
		if id, t.err = put(); t.err == nil {
			t.ids = []spec.ObjectID{id}
		}
	})
	if t.err != nil {
		return id, t.err
	}
	return t.ids[0], nil
}

func (j *journal) Get(ctx context.Context, ids []spec.ObjectID, timeout time.Duration, values []spec.Value) error {
	t := j.answer(ctx, "get", func(t *told) { j.get(ctx, t, ids, timeout) })
	copy(values, t.values)
	return t.err
}

func (j *journal) get(ctx context.Context, t *told, ids []spec.ObjectID, timeout time.Duration) {
	t.values = make([]spec.Value, len(ids))
	if t.err = j.caller.Get(ctx, ids, timeout, t.values); t.err != nil {
		return
	}
	for i, v := range t.values {
		if len(v.Data) == 0 {
			t.large = append(t.large, ids[i])
		}
	}
}

// View writes down that the object was there; its bytes are the same at any time.
func (j *journal) View(ctx context.Context, id spec.ObjectID, timeout time.Duration, keep bool) (hostcall.View, error) {
	t := j.answer(ctx, "view", func(t *told) { j.get(ctx, t, []spec.ObjectID{id}, timeout) })
	switch {
	case t.err != nil:
		return hostcall.View{}, t.err
	case len(t.large) == 0: // it may be freed by now
		return hostcall.View{View: store.NewView(t.values[0].Data, store.NoRegion, 0, func() {}), Links: t.values[0].Links}, nil
	}
	return j.caller.View(ctx, id, spec.Forever, keep)
}

// Draft has the call make the object by Put.
func (j *journal) Draft(context.Context, int64) (hostcall.Draft, error) { return nil, nil }

func (j *journal) Wait(ctx context.Context, ids []spec.ObjectID, count int, timeout time.Duration) ([]bool, error) {
	t := j.answer(ctx, "wait", func(t *told) { t.flags, t.err = j.caller.Wait(ctx, ids, count, timeout) })
	return t.flags, t.err
}

func (j *journal) Submit(ctx context.Context, call spec.Call) ([]spec.ObjectID, error) {
	t := j.answer(ctx, "submit", func(t *told) { t.ids, t.err = j.caller.Submit(ctx, call) })
	return t.ids, t.err
}

func (j *journal) Cancel(ctx context.Context, id spec.ObjectID, force, recursive bool) error {
	return j.answer(ctx, "cancel", func(t *told) { t.err = j.caller.Cancel(ctx, id, force, recursive) }).err
}

func (j *journal) Self() spec.Self {
	return j.answer(context.Background(), "self", func(t *told) { t.self = j.caller.Self() }).self
}

// Resources is written down as its form.
func (j *journal) Resources() (r spec.ClusterResources) {
	t := j.answer(context.Background(), "resources", func(t *told) {
		form, err := spec.Marshal(j.caller.Resources())
		t.values, t.err = []spec.Value{{Data: form}}, err
	})
	if t.err == nil {
		_ = spec.Unmarshal(t.values[0].Data, &r) // it was written here
	}
	return r
}

// Log writes what a call says for the first time.
func (j *journal) Log(level spec.LogLevel, text string) {
	j.answer(context.Background(), "log", func(*told) { j.caller.Log(level, text) })
}

// journalActors is the part of a journal that has methods of the same names.
type journalActors struct{ *journal }

func (j journalActors) Create(ctx context.Context, class string, args []spec.Arg, opts spec.ActorOptions) (spec.ActorID, error) {
	t := j.answer(ctx, "actor_create", func(t *told) { t.actor, t.err = j.actors.Create(ctx, class, args, opts) })
	return t.actor, t.err
}

func (j journalActors) Find(ctx context.Context, name, namespace string) (spec.ActorID, error) {
	t := j.answer(ctx, "actor_find", func(t *told) { t.actor, t.err = j.actors.Find(ctx, name, namespace) })
	return t.actor, t.err
}

func (j journalActors) Call(ctx context.Context, id spec.ActorID, call spec.Call) ([]spec.ObjectID, error) {
	t := j.answer(ctx, "actor_call", func(t *told) { t.ids, t.err = j.actors.Call(ctx, id, call) })
	return t.ids, t.err
}

func (j journalActors) Kill(ctx context.Context, id spec.ActorID, noRestart bool) error {
	return j.answer(ctx, "actor_kill", func(t *told) { t.err = j.actors.Kill(ctx, id, noRestart) }).err
}

func (j journalActors) Terminate(ctx context.Context, id spec.ActorID) error {
	return j.answer(ctx, "actor_terminate", func(t *told) { t.err = j.actors.Terminate(ctx, id) }).err
}

func (j journalActors) Exit(ctx context.Context) error { return j.actors.Exit(ctx) }
