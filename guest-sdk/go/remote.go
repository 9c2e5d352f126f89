package ray

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// function is what stands behind a FunctionN: the registered function and the options of one way to call it.
type function struct {
	*entry
	said []TaskOption // by With
	opts []byte       // the same, encoded; nil for none
	err  error        // why it cannot be called
}

func newFunction(fn any, opts []TaskOption, run func(*inbound) error) *function {
	task, err := taskOptions(opts)
	e := register(&entry{kind: spec.CallFunction, run: run, task: task}, fn)
	if err != nil {
		e.problem = because(err, "make remote "+e.name)
	}
	return &function{entry: e}
}

func (f *function) with(opts []TaskOption) *function {
	if f == nil {
		return nil
	}
	g := &function{entry: f.entry, said: slices.Concat(f.said, opts)}
	task, err := taskOptions(g.said)
	g.opts, g.err = form(&task, err, "call "+f.name)
	return g
}

func (f *function) as(name string) {
	f.entry.as(name)
}

// call submits a call and returns the ref of its result.
func (f *function) call(args ...outgoing) *handle {
	switch {
	case f == nil:
		return failed(spec.Errorf("call", spec.InvalidArgument, "", "a zero Function was called: make it with Remote0 to Remote6"))
	case f.problem != nil:
		return failed(f.problem)
	case f.err != nil:
		return failed(f.err)
	}
	return submit("call "+f.name, args, func(out []uint32) int32 { return hostSubmit(f.name, f.opts, out) })
}

// class is what stands behind a ClassN.
type class struct {
	*entry
	said []ActorOption
	opts []byte
	err  error
}

func newClass(fn any, opts []ActorOption, run func(*inbound) error) *class {
	actor, err := actorOptions(opts)
	e := register(&entry{kind: spec.CallNew, run: run, actor: actor}, fn)
	if err != nil {
		e.problem = because(err, "make remote "+e.name)
	}
	return &class{entry: e}
}

func (c *class) with(opts []ActorOption) *class {
	if c == nil {
		return nil
	}
	d := &class{entry: c.entry, said: slices.Concat(c.said, opts)}
	actor, err := actorOptions(d.said)
	d.opts, d.err = form(&actor, err, "create "+c.name)
	return d
}

// create submits the creation of an actor and returns its handle.
func (c *class) create(args ...outgoing) *handle {
	switch {
	case c == nil:
		return failed(spec.Errorf("create", spec.InvalidArgument, "", "a zero Class was used: make it with Actor0 to Actor6"))
	case c.problem != nil:
		return failed(c.problem)
	case c.err != nil:
		return failed(c.err)
	}
	return submit("create "+c.name, args, func(out []uint32) int32 { return single(hostActorCreate(c.name, c.opts), out) })
}

// method is what stands behind an ActorMethodN.
type method struct {
	*entry
	said []MethodOption
	opts []byte
	err  error
}

func newMethod(fn any, opts []MethodOption, run func(*inbound) error) *method {
	task, err := methodOptions(opts)
	e := register(&entry{kind: spec.CallMethod, run: run, task: task}, fn)
	if err != nil {
		e.problem = because(err, "make remote "+e.fullName())
	}
	return &method{entry: e}
}

func (m *method) with(opts []MethodOption) *method {
	if m == nil {
		return nil
	}
	n := &method{entry: m.entry, said: slices.Concat(m.said, opts)}
	task, err := methodOptions(n.said)
	n.opts, n.err = form(&task, err, "call "+m.fullName())
	return n
}

// call submits a call of the method on actor and returns the ref of its result.
func (m *method) call(actor *handle, args ...outgoing) *handle {
	switch {
	case m == nil:
		return failed(spec.Errorf("call", spec.InvalidArgument, "", "a zero ActorMethod was called: make it with Method0 to Method6"))
	case m.problem != nil:
		return failed(m.problem)
	case m.err != nil:
		return failed(m.err)
	}
	return callActor(m.fullName(), actor, m.name, m.opts, args)
}

// callActor submits a call of a method on actor, by the method's name.
func callActor(what string, actor *handle, method string, opts []byte, args []outgoing) *handle {
	op := "call " + what
	id, err := actor.use(op, "actor handle")
	if err != nil {
		return failed(err)
	}
	return submit(op, args, func(out []uint32) int32 { return hostActorCall(id, method, opts, out) }, actor)
}

// form encodes options for the host.
func form(options any, err error, op string) ([]byte, error) {
	if err != nil {
		return nil, because(err, op)
	}
	return spec.Marshal(options)
}

// because says in what attempt err arose, keeping its kind.
func because(err error, op string) error {
	return &spec.Error{Op: op, Kind: spec.KindOf(err), Err: err}
}
