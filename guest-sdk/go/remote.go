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

// send submits a call with the arguments that were passed since begin, and returns the ref of its result.
func (f *function) send() *handle {
	switch {
	case f == nil:
		return refused(spec.Errorf("call", spec.InvalidArgument, "", "a zero Function was called: make it with Remote0 to Remote6"))
	case f.problem != nil:
		return refused(f.problem)
	case f.err != nil:
		return refused(f.err)
	}
	return submit(f.name, f.opts)
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

// send submits the creation of an actor with the arguments that were passed since begin, and returns its handle.
func (c *class) send() *handle {
	switch {
	case c == nil:
		return refused(spec.Errorf("create", spec.InvalidArgument, "", "a zero Class was used: make it with Actor0 to Actor6"))
	case c.problem != nil:
		return refused(c.problem)
	case c.err != nil:
		return refused(c.err)
	}
	return create(c.name, c.opts)
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
		e.problem = because(err, "make remote "+e.full)
	}
	return &method{entry: e}
}

func (m *method) with(opts []MethodOption) *method {
	if m == nil {
		return nil
	}
	n := &method{entry: m.entry, said: slices.Concat(m.said, opts)}
	task, err := methodOptions(n.said)
	n.opts, n.err = form(&task, err, "call "+m.full)
	return n
}

// send submits a call of the method on actor with the arguments that were passed since begin, and returns the ref of its
// result.
func (m *method) send(actor *handle) *handle {
	switch {
	case m == nil:
		return refused(spec.Errorf("call", spec.InvalidArgument, "", "a zero ActorMethod was called: make it with Method0 to Method6"))
	case m.problem != nil:
		return refused(m.problem)
	case m.err != nil:
		return refused(m.err)
	}
	return callActor(m.full, actor, m.name, m.opts)
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
