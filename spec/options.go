package spec

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// TaskOptions are the options of one call. A nil field means "not said": the call's options are laid over the
// function's, and those over the defaults ([TaskOptions.Over]).
type TaskOptions struct {
	// Name is what people see in logs and tables. Default: the function's name.
	Name *string `cbor:"1,keyasint,omitempty"`
	// CPUs, GPUs, Memory and Custom are what the task holds while it runs. Default: 1 CPU, nothing else. Memory, in
	// bytes, is also the hard cap of the sandbox's linear memory.
	CPUs   *Quantity           `cbor:"2,keyasint,omitempty"`
	GPUs   *Quantity           `cbor:"3,keyasint,omitempty"`
	Memory *int64              `cbor:"4,keyasint,omitempty"`
	Custom map[string]Quantity `cbor:"5,keyasint,omitzero"` // empty: said to be none
	// Returns is the number of results, 0 to MaxReturns. Default 1.
	Returns *int32 `cbor:"6,keyasint,omitempty"`
	// MaxRetries is how often the task is run again after a system failure: -1 for ever, 0 never. Default 3. For an
	// actor's method it is Ray's max_task_retries, default 0.
	MaxRetries *int32 `cbor:"7,keyasint,omitempty"`
	// RetryExceptions also retries errors that the function returned. Default false.
	RetryExceptions *bool `cbor:"8,keyasint,omitempty"`
	// Timeout bounds the time from submission to result, in nanoseconds. Default: none.
	Timeout *time.Duration `cbor:"9,keyasint,omitempty"`
	// Deadline is an absolute bound, in nanoseconds since 1970 UTC. The earlier of Timeout and Deadline holds.
	Deadline *int64 `cbor:"10,keyasint,omitempty"`
	// Priority orders waiting tasks: higher first, equal in order of submission. Default 0.
	Priority *int32 `cbor:"11,keyasint,omitempty"`
	// Group names the concurrency group of an actor in which a method runs. Default: the actor's default group.
	Group *string `cbor:"20,keyasint,omitempty"`
	// Streaming makes the call one of a generator: its results are taken one after the other while it runs, and the one
	// that is declared is their number. Ray's num_returns="streaming". Default false.
	Streaming *bool `cbor:"12,keyasint,omitempty"`
	// StreamAhead is how many results of a generator may wait to be taken before it has to wait; 0: any number, the
	// default.
	StreamAhead *int32 `cbor:"13,keyasint,omitempty"`
	// RetryOn also retries errors that the function returned, if they are of one of these kinds or types, or were caused by
	// one: "InvalidArgument", "*fs.PathError". Ray's retry_exceptions=[...]. Default none.
	RetryOn []string `cbor:"14,keyasint,omitempty"`
	// RetryDelay is how long the first retry waits, in nanoseconds; each further one waits twice as long, up to
	// MaxRetryDelay, and each for a random part of the second half. Default 0: at once.
	RetryDelay *time.Duration `cbor:"15,keyasint,omitempty"`
	// Placement says on which nodes the task may run. Default: any.
	Placement *Placement `cbor:"30,keyasint,omitempty"`
}

// Silent reports whether o says nothing.
func (o *TaskOptions) Silent() bool {
	return o.Name == nil && o.CPUs == nil && o.GPUs == nil && o.Memory == nil && o.Custom == nil && o.Returns == nil && o.MaxRetries == nil &&
		o.RetryExceptions == nil && o.Timeout == nil && o.Deadline == nil && o.Priority == nil && o.Group == nil && o.Streaming == nil &&
		o.StreamAhead == nil && o.RetryOn == nil && o.RetryDelay == nil && o.Placement == nil
}

// Over returns o with what it does not say taken from base.
func (o TaskOptions) Over(base TaskOptions) TaskOptions {
	return TaskOptions{
		Name: over(o.Name, base.Name), CPUs: over(o.CPUs, base.CPUs), GPUs: over(o.GPUs, base.GPUs),
		Memory: over(o.Memory, base.Memory), Custom: overMap(o.Custom, base.Custom), Returns: over(o.Returns, base.Returns),
		MaxRetries: over(o.MaxRetries, base.MaxRetries), RetryExceptions: over(o.RetryExceptions, base.RetryExceptions),
		Timeout: over(o.Timeout, base.Timeout), Deadline: over(o.Deadline, base.Deadline), Priority: over(o.Priority, base.Priority),
		Group:     over(o.Group, base.Group),
		Streaming: over(o.Streaming, base.Streaming), StreamAhead: over(o.StreamAhead, base.StreamAhead),
		RetryOn: overList(o.RetryOn, base.RetryOn), RetryDelay: over(o.RetryDelay, base.RetryDelay),
		Placement: over(o.Placement, base.Placement),
	}
}

// Resources returns what the task holds while it runs, cpus being the default number of CPUs when none is said.
func (o TaskOptions) Resources(cpus Quantity) Resources {
	return Resources{CPU: value(o.CPUs, cpus), GPU: value(o.GPUs, 0), Memory: value(o.Memory, 0), Custom: o.Custom}
}

// Check reports the first option that is out of range.
func (o TaskOptions) Check() error {
	const op = "check task options"
	if err := o.Resources(0).Check(); err != nil {
		return err
	}
	if o.Placement != nil {
		if err := o.Placement.Check(); err != nil {
			return err
		}
	}
	switch {
	case o.Name != nil && len(*o.Name) > MaxNameBytes:
		return Errorf(op, InvalidArgument, "name", "has %d bytes, at most %d", len(*o.Name), MaxNameBytes)
	case o.Memory != nil && *o.Memory > MaxSandboxMemory:
		return Errorf(op, InvalidArgument, "memory", "%s is more than a sandbox can have (%s)", FormatBytes(*o.Memory), FormatBytes(MaxSandboxMemory))
	case o.Returns != nil && (*o.Returns < 0 || *o.Returns > MaxReturns):
		return Errorf(op, InvalidArgument, "returns", "%d is not between 0 and %d", *o.Returns, MaxReturns)
	case o.MaxRetries != nil && *o.MaxRetries < -1:
		return Errorf(op, InvalidArgument, "max_retries", "%d is below -1", *o.MaxRetries)
	case o.Group != nil && len(*o.Group) > MaxNameBytes:
		return Errorf(op, InvalidArgument, "group", "has %d bytes, at most %d", len(*o.Group), MaxNameBytes)
	case o.Streaming != nil && *o.Streaming && o.Returns != nil && *o.Returns != 1:
		return Errorf(op, InvalidArgument, "returns", "a generator declares one result, the number of those that it gives, and not %d", *o.Returns)
	case len(o.RetryOn) > MaxRetryOn:
		return Errorf(op, InvalidArgument, "retry_on", "%d kinds and types, at most %d (MaxRetryOn)", len(o.RetryOn), MaxRetryOn)
	case slices.ContainsFunc(o.RetryOn, func(name string) bool { return name == "" || len(name) > MaxNameBytes }):
		return Errorf(op, InvalidArgument, "retry_on", "the name of a kind or type has 1 to %d bytes", MaxNameBytes)
	case o.RetryDelay != nil && (*o.RetryDelay < 0 || *o.RetryDelay > MaxRetryDelay):
		return Errorf(op, InvalidArgument, "retry_delay", "%v is not between 0 and %v", *o.RetryDelay, MaxRetryDelay)
	case o.StreamAhead != nil && *o.StreamAhead < 0:
		return Errorf(op, InvalidArgument, "stream_ahead", "%d is negative", *o.StreamAhead)
	case o.Timeout != nil && *o.Timeout <= 0:
		return Errorf(op, InvalidArgument, "timeout", "%v is not positive", *o.Timeout)
	}
	return nil
}

// Lifetime says what ends an actor.
type Lifetime string

const (
	// LifetimeJob: the actor ends with its job, or before, when no handle to it is left. The default.
	LifetimeJob Lifetime = ""
	// LifetimeDetached: the actor ends only when it is killed.
	LifetimeDetached Lifetime = "detached"
)

// ActorOptions are the options of an actor's creation; a nil or zero field means "not said".
type ActorOptions struct {
	// Name makes the actor findable within Namespace. Default: none.
	Name string `cbor:"1,keyasint,omitempty"`
	// Namespace defaults to the job's.
	Namespace string `cbor:"2,keyasint,omitempty"`
	// GetIfExists returns the living actor of that name instead of creating one. Needs Name.
	GetIfExists bool `cbor:"3,keyasint,omitempty"`
	// Lifetime is LifetimeJob or LifetimeDetached.
	Lifetime Lifetime `cbor:"4,keyasint,omitempty"`
	// CPUs, GPUs, Memory and Custom are what the actor holds. Said: held to place and to run. Not said: 1 CPU to
	// place, none to run, as in Ray. Memory, in bytes, is also the hard cap of the sandbox's linear memory.
	CPUs   *Quantity           `cbor:"5,keyasint,omitempty"`
	GPUs   *Quantity           `cbor:"6,keyasint,omitempty"`
	Memory *int64              `cbor:"7,keyasint,omitempty"`
	Custom map[string]Quantity `cbor:"8,keyasint,omitzero"` // empty: said to be none
	// MaxRestarts is how often the actor is started again after it crashed: -1 for ever. Default 0.
	MaxRestarts *int32 `cbor:"9,keyasint,omitempty"`
	// MaxTaskRetries is how often a call that a crash interrupted is run again: -1 for ever. Default 0.
	MaxTaskRetries *int32 `cbor:"10,keyasint,omitempty"`
	// MaxPendingCalls bounds the calls waiting in the actor's queue: -1 for no bound, the default.
	MaxPendingCalls *int32 `cbor:"11,keyasint,omitempty"`
	// Priority orders waiting creations like tasks. Default 0.
	Priority *int32 `cbor:"12,keyasint,omitempty"`
	// Checkpoint says when the actor's state is kept for a restart. Default: never, the constructor runs again.
	Checkpoint *CheckpointPolicy `cbor:"13,keyasint,omitempty"`
	// MaxConcurrency is how many calls run at once, 1 to MaxConcurrency. Of more than one, each waits for refs without
	// holding the others up, and they end in any order. Default 1, or DefaultConcurrency with Groups.
	MaxConcurrency *int32 `cbor:"14,keyasint,omitempty"`
	// Groups are concurrency groups by name, each with the number of its calls that run at once. Calls of no group are in
	// the default one, whose limit is MaxConcurrency.
	Groups map[string]int32 `cbor:"15,keyasint,omitzero"`
	// ExactlyOnce logs the calls since the checkpoint, so that after a restart the effect of each on the actor's state is
	// there once, and none is lost. It takes calls that run one at a time. Default false.
	ExactlyOnce *bool `cbor:"16,keyasint,omitempty"`
	// SleepAfter is how long the actor is idle before it is put to sleep: on disk if the node has a directory for that, in a
	// few pages of memory otherwise. Its next call wakes it. Default: when the node has too many idle actors.
	SleepAfter *time.Duration `cbor:"17,keyasint,omitempty"`
	// Placement says on which nodes the actor may live. Default: any.
	Placement *Placement `cbor:"30,keyasint,omitempty"`
}

// CheckpointPolicy says when an actor's state is kept, so that a restart goes on from there instead of running the
// constructor. Whichever comes first holds; the zero value is never. Checkpoints are taken between two calls.
type CheckpointPolicy struct {
	// Calls keeps the state after so many calls. 0: not by their number.
	Calls int32 `cbor:"1,keyasint,omitempty"`
	// Interval keeps it after the first call that ends so long after the one before, in nanoseconds. 0: not by time.
	Interval time.Duration `cbor:"2,keyasint,omitempty"`
	// Idle keeps it whenever no call waits.
	Idle bool `cbor:"3,keyasint,omitempty"`
}

// Over returns o with what it does not say taken from base.
func (o ActorOptions) Over(base ActorOptions) ActorOptions {
	o.Name, o.Namespace, o.GetIfExists = cmp.Or(o.Name, base.Name), cmp.Or(o.Namespace, base.Namespace), o.GetIfExists || base.GetIfExists
	if o.Lifetime == LifetimeJob {
		o.Lifetime = base.Lifetime
	}
	o.CPUs, o.GPUs, o.Memory = over(o.CPUs, base.CPUs), over(o.GPUs, base.GPUs), over(o.Memory, base.Memory)
	o.Custom = overMap(o.Custom, base.Custom)
	o.MaxRestarts, o.MaxTaskRetries = over(o.MaxRestarts, base.MaxRestarts), over(o.MaxTaskRetries, base.MaxTaskRetries)
	o.MaxPendingCalls, o.Priority = over(o.MaxPendingCalls, base.MaxPendingCalls), over(o.Priority, base.Priority)
	o.Checkpoint = over(o.Checkpoint, base.Checkpoint)
	o.MaxConcurrency, o.Groups = over(o.MaxConcurrency, base.MaxConcurrency), overMap(o.Groups, base.Groups)
	o.ExactlyOnce, o.SleepAfter = over(o.ExactlyOnce, base.ExactlyOnce), over(o.SleepAfter, base.SleepAfter)
	o.Placement = over(o.Placement, base.Placement)
	return o
}

// Resources returns what must be free for the actor to be placed and what it keeps holding while it lives.
func (o ActorOptions) Resources() (place, hold Resources) {
	hold = Resources{CPU: value(o.CPUs, 0), GPU: value(o.GPUs, 0), Memory: value(o.Memory, 0), Custom: o.Custom}
	place = hold
	if o.CPUs == nil {
		place.CPU = Unit
	}
	return place, hold
}

// Concurrent reports whether several calls may run at once.
func (o ActorOptions) Concurrent() bool { return value(o.MaxConcurrency, 1) > 1 || len(o.Groups) > 0 }

// Check reports the first option that is out of range.
func (o ActorOptions) Check() error {
	const op = "check actor options"
	_, hold := o.Resources()
	if err := hold.Check(); err != nil {
		return err
	}
	if o.Placement != nil {
		if err := o.Placement.Check(); err != nil {
			return err
		}
	}
	switch {
	case len(o.Name) > MaxNameBytes:
		return Errorf(op, InvalidArgument, "name", "has %d bytes, at most %d", len(o.Name), MaxNameBytes)
	case len(o.Namespace) > MaxNameBytes:
		return Errorf(op, InvalidArgument, "namespace", "has %d bytes, at most %d", len(o.Namespace), MaxNameBytes)
	case o.GetIfExists && o.Name == "":
		return Errorf(op, InvalidArgument, "get_if_exists", "the actor's name must be given too")
	case o.Lifetime != LifetimeJob && o.Lifetime != LifetimeDetached:
		return Errorf(op, InvalidArgument, "lifetime", "%q is neither empty nor %q", o.Lifetime, LifetimeDetached)
	case o.Memory != nil && *o.Memory > MaxSandboxMemory:
		return Errorf(op, InvalidArgument, "memory", "%s is more than a sandbox can have (%s)", FormatBytes(*o.Memory), FormatBytes(MaxSandboxMemory))
	case o.MaxRestarts != nil && *o.MaxRestarts < -1:
		return Errorf(op, InvalidArgument, "max_restarts", "%d is below -1", *o.MaxRestarts)
	case o.MaxTaskRetries != nil && *o.MaxTaskRetries < -1:
		return Errorf(op, InvalidArgument, "max_task_retries", "%d is below -1", *o.MaxTaskRetries)
	case o.MaxPendingCalls != nil && (*o.MaxPendingCalls < -1 || *o.MaxPendingCalls == 0):
		return Errorf(op, InvalidArgument, "max_pending_calls", "%d is neither -1 nor positive", *o.MaxPendingCalls)
	case o.MaxConcurrency != nil && (*o.MaxConcurrency < 1 || *o.MaxConcurrency > MaxConcurrency):
		return Errorf(op, InvalidArgument, "max_concurrency", "%d is not between 1 and %d", *o.MaxConcurrency, MaxConcurrency)
	case value(o.ExactlyOnce, false) && o.Concurrent():
		return Errorf(op, InvalidArgument, "exactly_once", "its calls run one at a time: leave max_concurrency and groups away")
	case o.SleepAfter != nil && *o.SleepAfter <= 0:
		return Errorf(op, InvalidArgument, "sleep_after", "%v is not positive", *o.SleepAfter)
	case len(o.Groups) > MaxGroups:
		return Errorf(op, InvalidArgument, "concurrency groups", "there are %d, at most %d", len(o.Groups), MaxGroups)
	case o.Checkpoint != nil && o.Checkpoint.Calls < 0:
		return Errorf(op, InvalidArgument, "checkpoint", "%d calls is negative", o.Checkpoint.Calls)
	case o.Checkpoint != nil && o.Checkpoint.Interval < 0:
		return Errorf(op, InvalidArgument, "checkpoint", "an interval of %v is negative", o.Checkpoint.Interval)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Groups)) {
		if limit := o.Groups[name]; name == "" || len(name) > MaxNameBytes || limit < 1 || limit > MaxConcurrency {
			return Errorf(op, InvalidArgument, "concurrency group "+strconv.Quote(clip(name, MaxNameBytes)), "a name has 1 to %d bytes and a limit is between 1 and %d, not %d", MaxNameBytes, MaxConcurrency, limit)
		}
	}
	return nil
}

func over[T any](said, base *T) *T {
	if said != nil {
		return said
	}
	return base
}

func overList(said, base []string) []string {
	if said != nil {
		return said
	}
	return base
}

func overMap[V any](said, base map[string]V) map[string]V {
	if said != nil {
		return said
	}
	return base
}

func value[T any](said *T, otherwise T) T {
	if said != nil {
		return *said
	}
	return otherwise
}
