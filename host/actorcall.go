package host

import (
	"context"
	"strconv"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/spec"
)

// actorCaller is what a caller may do with actors.
type actorCaller struct{ *caller }

func quote(s string) string { return strconv.Quote(s) }

// nonEmpty is the option of an empty-means-unsaid text.
func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Create makes an actor of the class, or returns the living one of that name if the options say so.
func (c actorCaller) Create(_ context.Context, class string, args []spec.Arg, opts spec.ActorOptions) (spec.ActorID, error) {
	const op = "create actor"
	described, ok := c.module.classes[class]
	if !ok {
		return spec.ActorID{}, c.module.missing(op, "class", class)
	}
	opts = opts.Over(described.Options)
	opts.Placement = c.placement(opts.Placement)
	if err := opts.Check(); err != nil {
		return spec.ActorID{}, err
	}
	if opts.Concurrent() && !(c.module.wasm.HasExport(spec.ExportStart) && c.module.wasm.HasExport(spec.ExportResume)) {
		return spec.ActorID{}, spec.Errorf(op, spec.Unsupported, class, "the module does not export %s and %s, so its calls run one by one: leave max_concurrency and groups away", spec.ExportStart, spec.ExportResume)
	}
	if len(args) > spec.MaxArgs {
		return spec.ActorID{}, spec.Errorf(op, spec.LimitExceeded, class, "%d arguments, at most %d", len(args), spec.MaxArgs)
	}
	for {
		if opts.GetIfExists {
			if id, err := c.Find(context.Background(), opts.Name, opts.Namespace); err == nil {
				return id, nil
			}
		}
		id, elsewhere, err := c.createElsewhere(described, args, opts)
		if err == nil && !elsewhere {
			id = spec.NewActorID(c.origin, c.nextActor.Add(1))
			err = c.create(id, described, args, opts, false)
		}
		if err == nil {
			return id, nil
		}
		if opts.GetIfExists && spec.KindOf(err) == spec.AlreadyExists {
			continue // somebody else made it between the two steps
		}
		return spec.ActorID{}, err
	}
}

// create makes an actor on this node, for which the job has to have room. counted: its handles are counted already.
func (c actorCaller) create(id spec.ActorID, class *spec.Class, args []spec.Arg, opts spec.ActorOptions, counted bool) error {
	op := "create " + class.Name
	j := c.job
	if n := j.stats.actorsKept.Add(1); n > spec.MaxActors {
		j.stats.actorsKept.Add(-1)
		return spec.Errorf(op, spec.LimitExceeded, "", "the job has %d actors, at most %d (MaxActors): release the handles of some", n-1, spec.MaxActors)
	}
	bytes := actorBytes + formBytes(opts.Custom) + placementBytes(opts.Placement) + int64(len(opts.Name)+len(opts.Namespace)) + argBytes(args)
	if err := j.node.objects.reserve(j.memory, bytes); err != nil {
		j.stats.actorsKept.Add(-1)
		return &spec.Error{Op: op, Kind: spec.KindOf(err), Err: err}
	}
	a, err := c.newActor(id, class, args, opts, counted)
	if err != nil {
		j.returnActor(bytes)
		return err
	}
	j.node.objects.atEnd(a.id, func() { j.returnActor(bytes) })
	return nil
}

// returnActor gives back what was reserved for an actor.
func (j *Job) returnActor(bytes int64) {
	j.stats.actorsKept.Add(-1)
	j.memory.Release(bytes)
}

// Find returns a living actor by its name; an empty namespace is the job's.
func (c actorCaller) Find(ctx context.Context, name, namespace string) (spec.ActorID, error) {
	n := c.job.node
	key := actorName{said(nonEmpty(namespace), c.job.namespace), name}
	n.mu.Lock()
	a, ok := n.names[key]
	n.mu.Unlock()
	if ok && n.objects.tryRetain(spec.ActorLink(a.id)) {
		return a.id, nil
	}
	if id, ok, err := n.cluster.find(ctx, key); ok || err != nil {
		return id, err
	}
	return spec.ActorID{}, spec.Errorf("find actor", spec.NotFound, quote(name), "no living actor of that name is in namespace %q", key.namespace)
}

// Call sends a method's call to the actor.
func (c actorCaller) Call(ctx context.Context, id spec.ActorID, call spec.Call) ([]spec.ObjectID, error) {
	a, err := c.lookUp(ctx, id, "call "+call.Function)
	if err != nil {
		return nil, err
	}
	terms, err := a.methodTerms(call.Function, call.Options)
	if err != nil {
		return nil, err
	}
	t, err := c.newTask(spec.NewTaskID(c.origin, c.nextTask.Add(1), id), terms, call.Args)
	if err != nil {
		return nil, err
	}
	if a.at != (spec.NodeID{}) {
		if t.stream != nil {
			return nil, spec.Errorf("call "+call.Function, spec.Unsupported, a.label(), "it is on node %s, and generators run where they are called", a.at)
		}
		t.abroad, t.module, t.said = a, a.module, &call.Options
		return t.begin()
	}
	t.actor, t.module, t.scope = a, a.module, a.scope
	if !said(a.opts.ExactlyOnce, false) {
		return t.begin()
	}
	if results, made := c.repeats(id, terms.function); made {
		return results, nil
	}
	results, err := t.begin()
	if err == nil {
		c.note(id, terms.function, results)
	}
	return results, err
}

// Kill ends the actor at once; without noRestart it may restart.
func (c actorCaller) Kill(ctx context.Context, id spec.ActorID, noRestart bool) error {
	a, err := c.lookUp(ctx, id, "kill actor")
	if err != nil {
		return err
	}
	if a.at != (spec.NodeID{}) {
		return a.node.cluster.end(a, peer.ActorEnd{By: c.task, NoRestart: noRestart})
	}
	a.kill(c.task, noRestart)
	return nil
}

// Terminate ends the actor once it has served the calls that wait.
func (c actorCaller) Terminate(ctx context.Context, id spec.ActorID) error {
	a, err := c.lookUp(ctx, id, "terminate actor")
	if err != nil {
		return err
	}
	if a.at != (spec.NodeID{}) {
		return a.node.cluster.end(a, peer.ActorEnd{By: c.task, Gracefully: true})
	}
	a.terminate(c.task)
	return nil
}

// Exit ends the actor that the caller is a method of, once it has returned.
func (c actorCaller) Exit(context.Context) error {
	if c.task.Actor().IsNone() {
		return spec.Errorf("exit actor", spec.InvalidArgument, "", "%s is no actor", c.name)
	}
	c.exits = true
	return nil
}

// lookUp returns an actor of this node or of another one.
func (c actorCaller) lookUp(ctx context.Context, id spec.ActorID, op string) (*actor, error) {
	n := c.job.node
	n.mu.Lock()
	a, ok := n.actors[id]
	n.mu.Unlock()
	if !ok {
		if a, err := n.cluster.abroad(ctx, id); a != nil || err != nil {
			return a, err
		}
		return nil, spec.Errorf(op, spec.ActorDied, "actor "+id.String(), "it is gone")
	}
	return a, nil
}
