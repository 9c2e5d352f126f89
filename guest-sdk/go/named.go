package ray

import (
	"slices"
)

// NamedFunction is a function known by its name alone: of another module or another language. Made by [Named].
type NamedFunction[R any] struct {
	name string
	said []TaskOption
	opts []byte
	err  error
}

// Named returns the function of that name, whose result is decoded as an R.
//
//	shout := ray.Named[string]("shout")
//	text, err := shout.Remote("hello").Get()
func Named[R any](name string) NamedFunction[R] { return NamedFunction[R]{name: name} }

// With returns the function with options for calls of it.
func (f NamedFunction[R]) With(opts ...TaskOption) NamedFunction[R] {
	f.said = slices.Concat(f.said, opts)
	task, err := taskOptions(f.said)
	f.opts, f.err = form(&task, err, "call "+f.name)
	return f
}

// Remote calls the function. An argument that is a [Ref] is awaited by the host, which puts the object in its place;
// wrap it by [Val] to pass the ref itself.
func (f NamedFunction[R]) Remote(args ...any) Ref[R] {
	if f.err != nil {
		return Ref[R]{failed(f.err)}
	}
	begin()
	untyped(args)
	return Ref[R]{submit(f.name, f.opts)}
}

// NamedClass is an actor class known by its name alone. Made by [ActorNamed].
type NamedClass struct {
	name string
	said []ActorOption
	opts []byte
	err  error
}

// ActorNamed returns the actor class of that name.
func ActorNamed(class string) NamedClass { return NamedClass{name: class} }

// With returns the class with options for actors of it.
func (c NamedClass) With(opts ...ActorOption) NamedClass {
	c.said = slices.Concat(c.said, opts)
	actor, err := actorOptions(c.said)
	c.opts, c.err = form(&actor, err, "create "+c.name)
	return c
}

// Remote creates an actor. Arguments are as in [NamedFunction.Remote].
func (c NamedClass) Remote(args ...any) ActorHandle {
	if c.err != nil {
		return ActorHandle{failed(c.err)}
	}
	begin()
	untyped(args)
	return ActorHandle{create(c.name, c.opts)}
}

// NamedMethod is a method known by its name alone. Made by [MethodNamed].
type NamedMethod[R any] struct {
	name string
	said []MethodOption
	opts []byte
	err  error
}

// MethodNamed returns the method of that name, without its class, whose result is decoded as an R.
//
//	n, err := ray.MethodNamed[int]("inc").Remote(counter, 1).Get()
func MethodNamed[R any](name string) NamedMethod[R] { return NamedMethod[R]{name: name} }

// With returns the method with options for calls of it.
func (m NamedMethod[R]) With(opts ...MethodOption) NamedMethod[R] {
	m.said = slices.Concat(m.said, opts)
	task, err := methodOptions(m.said)
	m.opts, m.err = form(&task, err, "call "+m.name)
	return m
}

// AnyHandle is a [Handle] of whatever type.
type AnyHandle interface{ handle() *handle }

// Remote calls the method on an actor. Arguments are as in [NamedFunction.Remote].
func (m NamedMethod[R]) Remote(actor AnyHandle, args ...any) Ref[R] {
	if m.err != nil {
		return Ref[R]{failed(m.err)}
	}
	begin()
	untyped(args)
	return Ref[R]{callActor(m.name, actor.handle(), m.name, m.opts)}
}

// untyped passes arguments of any type: refs and [Val] know their outgoing form, the rest are values.
func untyped(args []any) {
	for _, a := range args {
		if known, ok := a.(interface{ outgoing() outgoing }); ok {
			passOut(known.outgoing())
		} else {
			passOut(outgoing{value: a})
		}
	}
}
