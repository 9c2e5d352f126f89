package host

import (
	"encoding/hex"
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// terms are those under which a call is made: what its options say, over its function's and the defaults, worked out. The
// calls that say nothing themselves share those of their function, so that a million queued tasks have them once.
type terms struct {
	name      string // for people
	function  string // what the guest is asked to run
	returns   int
	streaming bool  // it is a generator's call, which declares one result
	ahead     int32 // how many results of the generator may wait
	memory    int64 // cap of the sandbox, bytes; 0 for the default
	retry     owner.RetryPolicy
	timeout   time.Duration // 0 for none
	deadline  time.Time     // zero for none
	bytes     int64         // what a call takes for them

	// Of a function.
	need   spec.Resources
	placed *spec.Placement // which nodes will do, and the placement group
	ask    sched.Ask       // the same in the scheduler's words

	// Of a method.
	group int // of the actor's concurrency groups
}

// newTerms works out the options of a call of function, over those of the function.
func newTerms(function string, opts spec.TaskOptions) (*terms, error) {
	if err := opts.Check(); err != nil {
		return nil, err
	}
	t := &terms{
		name: said(opts.Name, function), function: function, returns: int(said(opts.Returns, 1)),
		streaming: said(opts.Streaming, false), ahead: said(opts.StreamAhead, 0), memory: said(opts.Memory, 0),
		retry: owner.RetryPolicy{MaxRetries: said(opts.MaxRetries, spec.DefaultMaxRetries), RetryExceptions: said(opts.RetryExceptions, false),
			RetryOn: opts.RetryOn, Delay: said(opts.RetryDelay, 0)},
		timeout: said(opts.Timeout, 0), placed: opts.Placement,
	}
	if t.streaming && t.returns != 1 {
		return nil, spec.Errorf("submit "+function, spec.InvalidArgument, "returns", "a generator declares one result, the number of those that it gives, and not %d", t.returns)
	}
	if opts.Deadline != nil {
		t.deadline = time.Unix(0, *opts.Deadline)
	}
	t.bytes = formBytes(opts.Custom) + placementBytes(opts.Placement) + int64(len(t.name)+len(function))
	return t, nil
}

// functionTerms returns the terms of a call of f that says what options say.
func (c *caller) functionTerms(f *spec.Function, options spec.TaskOptions) (*terms, error) {
	plain := options.Silent() && c.within == nil
	if t, ok := c.job.plain.Load(f); ok && plain {
		return t.(*terms), nil
	}
	opts := options.Over(f.Options)
	opts.Placement = c.placement(opts.Placement)
	t, err := newTerms(f.Name, opts) // the name is the module's copy, which outlives the call
	if err != nil {
		return nil, err
	}
	t.need = opts.Resources(spec.Unit)
	need := resource.Of(t.need)
	t.ask = sched.Ask{Need: need, Hold: need, Priority: said(opts.Priority, 0), Job: c.job.id, Namespace: c.job.namespace}
	if t.ask.Strategy, err = strategyOf(opts.Placement); err != nil {
		return nil, err
	}
	if plain {
		c.job.plain.Store(f, t)
	}
	return t, nil
}

// methodTerms is functionTerms for a method of the actor, named without its class.
func (a *actor) methodTerms(name string, options spec.TaskOptions) (*terms, error) {
	plain := options.Silent()
	if t, ok := a.plain.Load(name); ok && plain {
		return t.(*terms), nil
	}
	full := a.class.Name + "." + name
	m, ok := a.module.methods[full]
	if !ok {
		return nil, a.module.missing("call", "method", full)
	}
	opts := options.Over(m.Options)
	if opts.MaxRetries == nil {
		none := int32(0)
		opts.MaxRetries = &none
		if a.opts.MaxTaskRetries != nil {
			opts.MaxRetries = a.opts.MaxTaskRetries
		}
	}
	if said(a.opts.ExactlyOnce, false) && (said(opts.RetryExceptions, false) || len(opts.RetryOn) > 0) {
		return nil, spec.Errorf("call "+m.name, spec.InvalidArgument, "retry_exceptions", "the actor's calls take effect exactly once, so an error that one returns is its result: leave it away")
	}
	t, err := newTerms(m.name, opts)
	if err != nil {
		return nil, err
	}
	if t.group, err = a.groupOf(opts); err != nil {
		return nil, err
	}
	if plain {
		a.plain.Store(m.Name, t)
	}
	return t, nil
}

// strategyOf reads a placement.
func strategyOf(p *spec.Placement) (s sched.Strategy, err error) {
	if p == nil {
		return s, nil
	}
	s.Spread, s.Soft = p.Spread, p.Soft
	if p.Node != "" {
		if _, err := hex.Decode(s.Node[:], []byte(p.Node)); err != nil {
			return s, &spec.Error{Op: "read a placement", Kind: spec.InvalidArgument, ID: "node", Err: err}
		}
	}
	if len(p.Labels) > 0 || len(p.Fallback) > 0 {
		s.Select, err = label.ParseStrategy(p.Labels, p.Fallback...)
	}
	return s, err
}

// said returns the option's value, or otherwise where it was not said.
func said[T any](option *T, otherwise T) T {
	if option != nil {
		return *option
	}
	return otherwise
}
