package ray

import (
	"fmt"
	"reflect"
	"runtime"

	"github.com/raywasm/raywasm/spec"
)

// mu makes one submission of the several host calls it takes, and guards the codec's state ([encoder], [decoder]) and the
// handles. It is not held while the guest waits in Get or Wait.
var mu mutex

// outgoing is one argument on its way out: a value, or the ref whose value takes its place.
type outgoing struct {
	value any
	ref   *handle
	isRef bool
}

// Arg is an argument of type T for RemoteRefs: a [Ref] of one, whose value the host awaits and puts in its place before
// the call runs, or a value wrapped by [Val]. No other type implements it.
type Arg[T any] interface {
	outgoing() outgoing
	is(T) // keeps a Ref[int] from being an Arg[string]
}

type val[T any] struct{ v T }

func (v val[T]) outgoing() outgoing { return outgoing{value: v.v} }
func (v val[T]) is(T)               {}

// Val passes a value where a ref could stand.
func Val[T any](v T) Arg[T] { return val[T]{v} }

// A submission is begin, pass or passOut for each argument, and flush; then the call itself, and sent. What goes wrong on
// the way is kept by the encoder until flush. Nothing here allocates but the result's handle, as long as the arguments
// are plain ([spec.AppendPlain]).

// begin locks mu, which sent unlocks.
func begin() {
	lock()
	sweep()
}

// pass encodes the next argument.
func pass[T any](v T) {
	if !encode.plain(v) {
		p := new(T) // here, so that a plain v need not be on the heap
		*p = v
		encode.slow(p)
	}
}

// passOut encodes the next argument or notes that it is a ref.
func passOut(a outgoing) {
	if !a.isRef {
		if !encode.plain(a.value) {
			encode.slow(&a.value)
		}
		return
	}
	if a.ref == nil || !a.ref.held {
		encode.refuse(a.ref.problem("", fmt.Sprintf("ref passed as argument %d", len(encode.items)+1)), true)
		return
	}
	encode.items = append(encode.items, item{ref: a.ref.id, isRef: true})
}

// flush hands the encoded arguments to the host. Large ones are put and passed as refs.
func flush(op, name string) error {
	if encode.err != nil {
		return encode.problem(op + name)
	}
	for i := range encode.items {
		it := &encode.items[i]
		var status int32
		switch {
		case it.isRef:
			status = hostPassRef(it.ref)
		case it.form.Size <= spec.MaxInlineBytes:
			status = encode.hand(it, hostPassValue)
		default:
			if status = encode.hand(it, hostPut); status >= 0 {
				ref := uint32(status)
				encode.put = append(encode.put, ref)
				status = hostPassRef(ref)
			}
		}
		if status < 0 {
			return lastError(spec.Kind(-status), op+name)
		}
	}
	return nil
}

// sent ends a submission that made the handle id, or failed with status or err.
func sent(op, name string, status int32, id uint32, err error) *handle {
	if err == nil && status < 0 {
		err = lastError(spec.Kind(-status), op+name)
	}
	for _, ref := range encode.put { // the call holds them now
		hostRelease(ref)
	}
	encode.done()
	var h *handle
	if err != nil {
		h = failed(err)
	} else {
		h = newHandle(id)
	}
	mu.Unlock()
	return h
}

// submit submits the call of a function.
func submit(name string, opts []byte) *handle {
	var out [1]uint32
	var status int32
	err := flush("call ", name)
	if err == nil {
		status = hostSubmit(name, opts, out[:])
	}
	return sent("call ", name, status, out[0], err)
}

// create submits the creation of an actor.
func create(class string, opts []byte) *handle {
	var status int32
	err := flush("create ", class)
	if err == nil {
		status = hostActorCreate(class, opts)
	}
	return sent("create ", class, status, uint32(status), err)
}

// callActor submits a call of a method on actor, by the method's name; what is its full name.
func callActor(what string, actor *handle, method string, opts []byte) *handle {
	var out [1]uint32
	var status int32
	var err error
	if actor == nil || !actor.held {
		err = actor.problem("call "+what, "actor handle")
	} else if err = flush("call ", what); err == nil {
		status = hostActorCall(actor.id, method, opts, out[:])
	}
	runtime.KeepAlive(actor)
	return sent("call ", what, status, out[0], err)
}

// refused ends a submission that cannot be made.
func refused(err error) *handle { return sent("", "", 0, 0, err) }

// problem says which value could not be encoded, or which ref not be passed.
func (e *encoder) problem(op string) error {
	if e.badRef {
		return because(e.err, op)
	}
	return unencodable(op, fmt.Sprintf("argument %d", e.badItem), e.badType, e.err)
}

// unencodable says which value could not be encoded, and keeps the error of a failed ref inside it.
func unencodable(op, what, typ string, err error) error {
	kind := spec.Unserializable
	if k := spec.KindOf(err); k != spec.System {
		kind = k
	}
	return spec.Errorf(op, kind, what, "a %s cannot be encoded: %w", typ, err)
}

func typeOf(v any) string {
	if t := reflect.TypeOf(v); t != nil {
		return t.String()
	}
	return "nil"
}

// check turns a status into an error: nil if it is not negative.
func check(status int32, op string) error {
	if status >= 0 {
		return nil
	}
	return lastError(spec.Kind(-status), op)
}

// lastError asks the host what its last status meant.
func lastError(kind spec.Kind, op string) error {
	if form, ok := pull(hostError); ok {
		if e, err := spec.UnmarshalError(form); err == nil {
			if e.Op == "" {
				e.Op = op
			}
			return e
		}
	}
	return &spec.Error{Op: op, Kind: kind}
}

// pull reads what the host hands out by the convention (ptr, cap) -> needed length.
func pull(from func([]byte) int32) (b []byte, ok bool) {
	b = make([]byte, 512)
	n := from(b)
	if n > int32(len(b)) {
		b = make([]byte, n)
		n = from(b)
	}
	if n < 0 || n > int32(len(b)) {
		return nil, false
	}
	return b[:n], true
}
