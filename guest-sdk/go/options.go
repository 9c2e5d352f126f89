package ray

import (
	"time"

	"github.com/raywasm/raywasm/spec"
)

// TaskOption is an option of a remote function ([Remote1] and its kind) or of one call of it (With).
type TaskOption interface {
	task(*spec.TaskOptions) error
}

// MethodOption is an option of an actor's method ([Method1] and its kind) or of one call of it (With).
type MethodOption interface {
	method(*spec.TaskOptions) error
}

// ActorOption is an option of an actor class ([Actor1] and its kind) or of one actor's creation (With).
type ActorOption interface {
	actor(*spec.ActorOptions) error
}

// CallOption is an option of any call, of a function or of a method.
type CallOption interface {
	TaskOption
	MethodOption
}

// ResourceOption is an option of whatever holds resources: a task or an actor.
type ResourceOption interface {
	TaskOption
	ActorOption
}

// Option is an option of everything that waits to be run: tasks, actors' creations and method calls.
type Option interface {
	TaskOption
	MethodOption
	ActorOption
}

// FindOption says where [FindActor] looks.
type FindOption interface {
	find(*string)
}

// Name is what people see in logs and tables in place of the function's name.
func Name(name string) CallOption {
	return callOption(func(o *spec.TaskOptions) error { o.Name = &name; return nil })
}

// Retries is how often a call is run again after a system failure: -1 for ever, 0 never. Functions start with 3. For a
// method it is Ray's max_task_retries and takes the place of the actor's [MaxTaskRetries].
func Retries(n int) CallOption {
	return callOption(func(o *spec.TaskOptions) (err error) { o.MaxRetries, err = count("retries", n); return })
}

// RetryOn is [RetryExceptions] for errors of some kinds or types alone, by their names: "ActorUnavailable",
// "*fs.PathError". What an error wraps counts, too.
func RetryOn(names ...string) CallOption {
	return callOption(func(o *spec.TaskOptions) error { o.RetryOn = names; return nil })
}

// RetryDelay makes the first retry wait for d, and each further one twice as long as the one before, up to a minute; each
// waits for a random part of the second half, so that those which failed together do not come back together.
func RetryDelay(d time.Duration) CallOption {
	return callOption(func(o *spec.TaskOptions) error { o.RetryDelay = &d; return nil })
}

// RetryExceptions also runs a call again when the function itself returned an error or panicked. Such runs count as
// [Retries].
func RetryExceptions() CallOption {
	return callOption(func(o *spec.TaskOptions) error { yes := true; o.RetryExceptions = &yes; return nil })
}

// Timeout bounds the time from submission to result. The call then fails with [DeadlineExceeded].
func Timeout(d time.Duration) CallOption {
	return callOption(func(o *spec.TaskOptions) error { o.Timeout = &d; return nil })
}

// Deadline is [Timeout] as a point in time; the earlier of the two holds.
func Deadline(t time.Time) CallOption {
	return callOption(func(o *spec.TaskOptions) error { at := t.UnixNano(); o.Deadline = &at; return nil })
}

// CPUs is how many CPUs a task or actor holds, in steps of 0.0001. A task's default is 1; an actor's is 1 to be placed
// and 0 while it lives.
func CPUs(n float64) ResourceOption {
	return resourceOption{
		func(o *spec.TaskOptions) (err error) { o.CPUs, err = quantity("cpus", n); return },
		func(o *spec.ActorOptions) (err error) { o.CPUs, err = quantity("cpus", n); return },
	}
}

// GPUs is how many GPUs a task or actor holds: a fraction of one, or a whole number.
func GPUs(n float64) ResourceOption {
	return resourceOption{
		func(o *spec.TaskOptions) (err error) { o.GPUs, err = quantity("gpus", n); return },
		func(o *spec.ActorOptions) (err error) { o.GPUs, err = quantity("gpus", n); return },
	}
}

// Memory is how much memory a task or actor holds, in bytes. It is a hard limit: the sandbox's memory cannot grow
// beyond it.
func Memory(bytes int64) ResourceOption {
	return resourceOption{
		func(o *spec.TaskOptions) error { o.Memory = &bytes; return nil },
		func(o *spec.ActorOptions) error { o.Memory = &bytes; return nil },
	}
}

// Resource is how much of a custom resource a task or actor holds.
func Resource(name string, n float64) ResourceOption {
	set := func(custom *map[string]spec.Quantity) error {
		q, err := quantity(name, n)
		if err != nil {
			return err
		}
		if *custom == nil {
			*custom = make(map[string]spec.Quantity)
		}
		(*custom)[name] = *q
		return nil
	}
	return resourceOption{
		func(o *spec.TaskOptions) error { return set(&o.Custom) },
		func(o *spec.ActorOptions) error { return set(&o.Custom) },
	}
}

// Priority orders what waits: higher first, equal in order of submission. The default is 0.
func Priority(n int) Option {
	return anyOption{
		func(o *spec.TaskOptions) (err error) { o.Priority, err = count("priority", n); return },
		func(o *spec.ActorOptions) (err error) { o.Priority, err = count("priority", n); return },
	}
}

// Spread takes the nodes that have room in turn.
func Spread() ResourceOption {
	return placed(func(p *spec.Placement) { p.Spread, p.Node, p.Soft = true, "", false })
}

// OnNode runs a task or an actor on the node of that id (see [Self]). If the node is gone or can never run it, the call fails;
// if it is soft, it runs elsewhere. A node that is only busy is waited for.
func OnNode(id string, soft bool) ResourceOption {
	return placed(func(p *spec.Placement) { p.Node, p.Soft, p.Spread = id, soft, false })
}

// WithLabels runs a task or an actor on a node whose labels fulfil every condition: v, !v, in(a,b) or !in(a,b). The fallbacks
// are tried in order if there is none.
func WithLabels(conditions map[string]string, fallbacks ...map[string]string) ResourceOption {
	return placed(func(p *spec.Placement) { p.Labels, p.Fallback = conditions, fallbacks })
}

// placed says one thing of the placement; several options add up.
func placed(say func(*spec.Placement)) ResourceOption {
	on := func(p **spec.Placement) error {
		if *p == nil {
			*p = new(spec.Placement)
		}
		say(*p)
		return nil
	}
	return resourceOption{
		func(o *spec.TaskOptions) error { return on(&o.Placement) },
		func(o *spec.ActorOptions) error { return on(&o.Placement) },
	}
}

// ActorName gives the actor a name within its namespace, by which [FindActor] finds it.
func ActorName(name string) ActorOption {
	return actorOption(func(o *spec.ActorOptions) error { o.Name = name; return nil })
}

// NamespaceOption is the option [Namespace] gives.
type NamespaceOption interface {
	ActorOption
	FindOption
}

// Namespace says in which namespace an actor's name is made or looked for. The default is the job's.
func Namespace(namespace string) NamespaceOption { return namespaceOption(namespace) }

// GetIfExists gives the living actor of the given [ActorName] instead of creating one.
func GetIfExists() ActorOption {
	return actorOption(func(o *spec.ActorOptions) error { o.GetIfExists = true; return nil })
}

// Detached lets the actor outlive its job and its handles: only Kill ends it.
func Detached() ActorOption {
	return actorOption(func(o *spec.ActorOptions) error { o.Lifetime = spec.LifetimeDetached; return nil })
}

// MaxRestarts is how often the actor is started again after a crash: -1 for ever. The default is 0.
func MaxRestarts(n int) ActorOption {
	return actorOption(func(o *spec.ActorOptions) (err error) { o.MaxRestarts, err = count("max_restarts", n); return })
}

// MaxTaskRetries is how often a call that a crash interrupted is run again: -1 for ever. The default is 0.
func MaxTaskRetries(n int) ActorOption {
	return actorOption(func(o *spec.ActorOptions) (err error) {
		o.MaxTaskRetries, err = count("max_task_retries", n)
		return
	})
}

// CheckpointEvery keeps the actor's state after every n calls: when it restarts (see [MaxRestarts]) it goes on from there,
// and its constructor does not run again. What calls have done since the last checkpoint is lost with the crash.
func CheckpointEvery(n int) ActorOption {
	return checkpoint(func(p *spec.CheckpointPolicy) (err error) {
		var calls *int32
		if calls, err = count("checkpoint", n); err == nil {
			p.Calls = *calls
		}
		return err
	})
}

// CheckpointInterval is [CheckpointEvery] by time: after the first call that ends d or more after the checkpoint before.
func CheckpointInterval(d time.Duration) ActorOption {
	return checkpoint(func(p *spec.CheckpointPolicy) error { p.Interval = d; return nil })
}

// CheckpointWhenIdle is [CheckpointEvery] whenever no call waits.
func CheckpointWhenIdle() ActorOption {
	return checkpoint(func(p *spec.CheckpointPolicy) error { p.Idle = true; return nil })
}

// CheckpointNever takes back what the class says of checkpoints.
func CheckpointNever() ActorOption {
	return actorOption(func(o *spec.ActorOptions) error { o.Checkpoint = new(spec.CheckpointPolicy); return nil })
}

// checkpoint says one thing of the policy; several options add up.
func checkpoint(say func(*spec.CheckpointPolicy) error) ActorOption {
	return actorOption(func(o *spec.ActorOptions) error {
		if o.Checkpoint == nil {
			o.Checkpoint = new(spec.CheckpointPolicy)
		}
		return say(o.Checkpoint)
	})
}

// ExactlyOnce makes the effect of every call on the actor's state happen once, also when the actor crashes and restarts (see
// [MaxRestarts]) in or after the call: calls are logged, and those since the last checkpoint run again on top of it, told
// what they were told the first time. What they submitted is not submitted again. In a call the clock stands still, and a
// sleep takes no time but moves it.
func ExactlyOnce() ActorOption {
	return actorOption(func(o *spec.ActorOptions) error { yes := true; o.ExactlyOnce = &yes; return nil })
}

// SleepAfter puts the actor to sleep when it has been idle for d: on disk if its node has a directory for that, in a few pages
// of memory otherwise. Its next call wakes it. Without it actors sleep when their node has too many that are idle.
func SleepAfter(d time.Duration) ActorOption {
	return actorOption(func(o *spec.ActorOptions) error { o.SleepAfter = &d; return nil })
}

// MaxConcurrency is how many calls of the actor run at once, each in a goroutine. One that waits for refs lets the others
// go on; code between two waits is not interrupted, as with one CPU. Calls end in any order. The default is 1, one call
// after the other.
func MaxConcurrency(n int) ActorOption {
	return actorOption(func(o *spec.ActorOptions) (err error) {
		o.MaxConcurrency, err = count("max_concurrency", n)
		return
	})
}

// ConcurrencyGroup makes a named group of the actor's calls, of which n run at once beside those of other groups. See
// [InGroup]. With groups, the limit of the calls in none is 1000 unless [MaxConcurrency] is said.
func ConcurrencyGroup(name string, n int) ActorOption {
	return actorOption(func(o *spec.ActorOptions) error {
		limit, err := count("concurrency group", n)
		if err != nil {
			return err
		}
		if o.Groups == nil {
			o.Groups = make(map[string]int32)
		}
		o.Groups[name] = *limit
		return nil
	})
}

// InGroup says in which [ConcurrencyGroup] a method's calls run.
func InGroup(name string) MethodOption {
	return methodOption(func(o *spec.TaskOptions) error { o.Group = &name; return nil })
}

// MaxPendingCalls bounds the calls that wait in the actor's queue; a call beyond it fails with
// [PendingCallsLimitExceeded]. -1, the default, is no bound.
func MaxPendingCalls(n int) ActorOption {
	return actorOption(func(o *spec.ActorOptions) (err error) {
		o.MaxPendingCalls, err = count("max_pending_calls", n)
		return
	})
}

// The option types: what an option does to the options it may stand among.

type callOption func(*spec.TaskOptions) error

func (f callOption) task(o *spec.TaskOptions) error   { return f(o) }
func (f callOption) method(o *spec.TaskOptions) error { return f(o) }

type methodOption func(*spec.TaskOptions) error

func (f methodOption) method(o *spec.TaskOptions) error { return f(o) }

type actorOption func(*spec.ActorOptions) error

func (f actorOption) actor(o *spec.ActorOptions) error { return f(o) }

type resourceOption struct {
	onTask  func(*spec.TaskOptions) error
	onActor func(*spec.ActorOptions) error
}

func (r resourceOption) task(o *spec.TaskOptions) error   { return r.onTask(o) }
func (r resourceOption) actor(o *spec.ActorOptions) error { return r.onActor(o) }

type anyOption struct {
	onTask  func(*spec.TaskOptions) error
	onActor func(*spec.ActorOptions) error
}

func (a anyOption) task(o *spec.TaskOptions) error   { return a.onTask(o) }
func (a anyOption) method(o *spec.TaskOptions) error { return a.onTask(o) }
func (a anyOption) actor(o *spec.ActorOptions) error { return a.onActor(o) }

type namespaceOption string

func (n namespaceOption) actor(o *spec.ActorOptions) error { o.Namespace = string(n); return nil }
func (n namespaceOption) find(namespace *string)           { *namespace = string(n) }

// taskOptions, methodOptions and actorOptions apply opts in order and check the whole.

func taskOptions(opts []TaskOption) (o spec.TaskOptions, err error) {
	for _, opt := range opts {
		if err := opt.task(&o); err != nil {
			return o, err
		}
	}
	return o, o.Check()
}

func methodOptions(opts []MethodOption) (o spec.TaskOptions, err error) {
	for _, opt := range opts {
		if err := opt.method(&o); err != nil {
			return o, err
		}
	}
	return o, o.Check()
}

func actorOptions(opts []ActorOption) (o spec.ActorOptions, err error) {
	for _, opt := range opts {
		if err := opt.actor(&o); err != nil {
			return o, err
		}
	}
	return o, o.Check()
}

func quantity(option string, n float64) (*spec.Quantity, error) {
	q, err := spec.Q(n)
	if err != nil {
		return nil, badOption(option, "%v is not a number between 0 and 2^40 in steps of 0.0001", n)
	}
	return &q, nil
}

func count(option string, n int) (*int32, error) {
	if n != int(int32(n)) {
		return nil, badOption(option, "%d does not fit 32 bits", n)
	}
	small := int32(n)
	return &small, nil
}

func badOption(option, format string, args ...any) error {
	return spec.Errorf("check options", spec.InvalidArgument, option, format, args...)
}
