package host

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Ref is a Go program's right to an object. It counts as one reference until Release, or until the Ref is garbage.
type Ref struct {
	job   *Job
	id    spec.ObjectID
	right *right
}

// Actor is a Go program's handle to an actor. It counts as one reference until Release, or until it is garbage.
type Actor struct {
	job   *Job
	id    spec.ActorID
	right *right
}

// right is one reference that a Go program has, until it gives it back or the collector does.
type right struct {
	job   *Job
	link  spec.Link
	given atomic.Bool
}

func (r *right) giveBack() {
	if !r.given.Swap(true) {
		r.job.driver.Release([]spec.Link{r.link})
	}
}

// newRef takes over one reference.
func (j *Job) newRef(id spec.ObjectID) *Ref {
	r := &Ref{j, id, &right{job: j, link: spec.ObjectLink(id)}}
	runtime.AddCleanup(r, (*right).giveBack, r.right)
	return r
}

func (j *Job) newHandle(id spec.ActorID) *Actor {
	a := &Actor{j, id, &right{job: j, link: spec.ActorLink(id)}}
	runtime.AddCleanup(a, (*right).giveBack, a.right)
	return a
}

// ID returns the object's id.
func (r *Ref) ID() spec.ObjectID { return r.id }

// Release gives the reference back; the Ref must not be used after.
func (r *Ref) Release() { r.right.giveBack() }

// ID returns the actor's id.
func (a *Actor) ID() spec.ActorID { return a.id }

// Release gives the handle back; the Actor must not be used after. An actor without handles ends when its queued calls
// have run, unless it is detached.
func (a *Actor) Release() { a.right.giveBack() }

// Submit calls a function of the job's module and returns a Ref per result at once. args are Go values that CBOR can
// carry; a *Ref or *Actor inside one travels as a reference. A *Ref that is an argument itself is awaited: the object's value
// takes its place once it is there. Errors: spec.FunctionNotFound,
// spec.InvalidArgument, spec.Unserializable. The call's own failure is found by Get.
func (j *Job) Submit(ctx context.Context, function string, opts spec.TaskOptions, args ...any) ([]*Ref, error) {
	encoded, err := j.encode(args)
	if err != nil {
		return nil, err
	}
	if err := j.openFor(); err != nil {
		return nil, err
	}
	ids, err := j.driver.Submit(ctx, spec.Call{Function: function, Args: encoded, Options: opts})
	runtime.KeepAlive(args) // the refs among them, until the task holds them itself
	return j.newRefs(ids), err
}

func (j *Job) newRefs(ids []spec.ObjectID) []*Ref {
	refs := make([]*Ref, len(ids))
	for i, id := range ids {
		refs[i] = j.newRef(id)
	}
	return refs
}

// encode makes arguments of Go values.
func (j *Job) encode(args []any) ([]spec.Arg, error) {
	encoded := make([]spec.Arg, len(args))
	for i, a := range args {
		if r, ok := a.(*Ref); ok {
			if r == nil || r.job.node != j.node {
				return nil, spec.Errorf("encode argument "+ordinal(i), spec.InvalidArgument, "", "%v", errForeign)
			}
			encoded[i] = spec.RefArg(r.id)
			continue
		}
		v, err := j.serialize(a)
		if err != nil {
			return nil, &spec.Error{Op: "encode argument " + ordinal(i), Kind: spec.KindOf(err), Err: err}
		}
		encoded[i] = spec.ValueArg(v)
	}
	return encoded, nil
}

// openFor refuses work for a job that has ended.
func (j *Job) openFor() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over {
		return errJobEnded
	}
	return nil
}

// Put makes an object of a Go value that CBOR can carry; it may contain *Ref and *Actor. Byte strings and arrays from 64 KiB
// on, wherever they are in it, are copied once, into the store. Errors: spec.Unserializable, spec.ObjectStoreFull.
func (j *Job) Put(ctx context.Context, value any) (*Ref, error) {
	if err := j.openFor(); err != nil {
		return nil, err
	}
	id, err := j.putValue(ctx, value)
	if err != nil {
		return nil, err
	}
	return j.newRef(id), nil
}

// putValue makes an object of a value. A large one is copied once, to where the object lies.
func (j *Job) putValue(ctx context.Context, value any) (spec.ObjectID, error) {
	defer runtime.KeepAlive(value)
	w, form, links, err := j.write(value)
	switch {
	case err != nil:
		return spec.ObjectID{}, err
	case form.Size > spec.MaxInlineBytes:
		return j.driver.Place(ctx, w.Pieces(form), links)
	}
	return j.driver.Put(ctx, spec.Value{Data: w.Joined(form), Links: links})
}

// GetValue waits for the object and returns its serialized form, which must not be changed. The error is the task's if
// it failed, of kind spec.GetTimeout if ctx's deadline passed, or ctx's cause.
func (r *Ref) GetValue(ctx context.Context) (spec.Value, error) {
	defer runtime.KeepAlive(r)
	one, value := []spec.ObjectID{r.id}, [1]spec.Value{}
	for {
		if err := r.job.driver.Get(ctx, one, spec.Forever, value[:]); err != nil {
			return spec.Value{}, err
		}
		if v, ready, err := r.job.node.objects.value(ctx, r.id); ready || err != nil {
			return v, err
		}
	}
}

// Get waits for the object and decodes it into a T. References in it become *Ref and *Actor, where T has fields of these
// types or of type any.
func Get[T any](ctx context.Context, r *Ref) (T, error) {
	var v T
	value, err := r.GetValue(ctx)
	if err != nil {
		return v, err
	}
	err = r.job.deserialize(value, &v)
	runtime.KeepAlive(r) // it keeps what the value refers to
	if err != nil {
		return v, &spec.Error{Op: "get", Kind: spec.InvalidResult, ID: "object " + r.id.String(), Err: err}
	}
	return v, nil
}

// Call submits a function with one result and waits for it.
func Call[T any](ctx context.Context, j *Job, function string, args ...any) (T, error) {
	refs, err := j.Submit(ctx, function, spec.TaskOptions{}, args...)
	if err != nil {
		var none T
		return none, err
	}
	return only[T](ctx, refs)
}

// only gets the one result and releases its ref.
func only[T any](ctx context.Context, refs []*Ref) (T, error) {
	defer func() {
		for _, r := range refs {
			r.Release()
		}
	}()
	if len(refs) != 1 {
		var none T
		return none, spec.Errorf("call", spec.InvalidArgument, "", "the function has %d results, want 1", len(refs))
	}
	return Get[T](ctx, refs[0])
}

// Wait waits until count of the refs are ready, for at most timeout (negative: for ever), and splits them in their
// order. A timeout is no error.
func (j *Job) Wait(ctx context.Context, refs []*Ref, count int, timeout time.Duration) (ready, pending []*Ref, err error) {
	ids := make([]spec.ObjectID, len(refs))
	for i, r := range refs {
		ids[i] = r.id
	}
	if count < 0 || count > len(refs) {
		return nil, nil, spec.Errorf("wait", spec.InvalidArgument, "", "a count of %d is not between 0 and the %d refs given", count, len(refs))
	}
	flags, err := j.driver.Wait(ctx, ids, count, timeout)
	if err != nil {
		return nil, nil, err
	}
	for i, r := range refs {
		if flags[i] {
			ready = append(ready, r)
		} else {
			pending = append(pending, r)
		}
	}
	return ready, pending, nil
}

// NewActor makes an actor of a class of the job's module and returns its handle at once. A constructor's failure is
// found by the calls of its methods. Errors: spec.FunctionNotFound, spec.InvalidArgument, spec.AlreadyExists.
func (j *Job) NewActor(ctx context.Context, class string, opts spec.ActorOptions, args ...any) (*Actor, error) {
	encoded, err := j.encode(args)
	if err != nil {
		return nil, err
	}
	if err := j.openFor(); err != nil {
		return nil, err
	}
	id, err := actorCaller{j.driver}.Create(ctx, class, encoded, opts)
	runtime.KeepAlive(args)
	if err != nil {
		return nil, err
	}
	return j.newHandle(id), nil
}

// FindActor returns a handle to the living actor of that name; an empty namespace is the job's.
func (j *Job) FindActor(ctx context.Context, name, namespace string) (*Actor, error) {
	id, err := actorCaller{j.driver}.Find(ctx, name, namespace)
	if err != nil {
		return nil, err
	}
	return j.newHandle(id), nil
}

// Submit calls a method and returns a Ref per result at once. Calls of one caller run in the order they were made.
func (a *Actor) Submit(ctx context.Context, method string, opts spec.TaskOptions, args ...any) ([]*Ref, error) {
	encoded, err := a.job.encode(args)
	if err != nil {
		return nil, err
	}
	if err := a.job.openFor(); err != nil {
		return nil, err
	}
	ids, err := actorCaller{a.job.driver}.Call(ctx, a.id, spec.Call{Function: method, Args: encoded, Options: opts})
	runtime.KeepAlive(args)
	runtime.KeepAlive(a)
	return a.job.newRefs(ids), err
}

// CallMethod calls a method with one result and waits for it.
func CallMethod[T any](ctx context.Context, a *Actor, method string, args ...any) (T, error) {
	refs, err := a.Submit(ctx, method, spec.TaskOptions{}, args...)
	if err != nil {
		var none T
		return none, err
	}
	return only[T](ctx, refs)
}

// Kill ends the actor at once: queued calls fail with spec.ActorDied. Without noRestart it restarts if it may.
func (a *Actor) Kill(ctx context.Context, noRestart bool) error {
	return actorCaller{a.job.driver}.Kill(ctx, a.id, noRestart)
}

// Terminate ends the actor gracefully and returns at once: it serves the calls that it has, later ones fail with
// spec.ActorDied, and then its hook runs if its class has one.
func (a *Actor) Terminate(ctx context.Context) error {
	return actorCaller{a.job.driver}.Terminate(ctx, a.id)
}

// Free takes the object's value away from all who refer to it, if it is there: from now on they find spec.ObjectFreed. It is
// for values so large that they cannot wait for the last Release.
func (r *Ref) Free() { r.job.node.objects.free([]spec.ObjectID{r.id}, r.job.driver.task) }

// Cancel cancels the task that makes the object; recursive also what that task submitted. A function that runs is
// stopped. A method that runs is not, unless force: then its caller gets the error while it goes on.
func (r *Ref) Cancel(ctx context.Context, force, recursive bool) error {
	return r.job.driver.Cancel(ctx, r.id, force, recursive)
}
