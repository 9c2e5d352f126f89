package ray

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"

	"github.com/raywasm/raywasm/spec"
)

// mu makes one submission of the several host calls it takes, and guards the codec's state ([encoder], [decoder]). It
// is not held while the guest waits in Get or Wait.
var mu sync.Mutex

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

// submit passes args and then calls send, which fills in the handle of the result. The values in keep stay alive until
// the host has been called.
func submit(op string, args []outgoing, send func(out []uint32) int32, keep ...*handle) *handle {
	lock()
	defer mu.Unlock()
	sweep()
	defer encode.done()
	if err := encode.args(op, args); err != nil {
		return failed(err)
	}
	// All is encoded; from here on only the host can refuse.
	temporary, err := encode.pass(op)
	var out [1]uint32
	if err == nil {
		err = check(send(out[:]), op)
	}
	for _, id := range temporary {
		hostRelease(id)
	}
	runtime.KeepAlive(args)
	runtime.KeepAlive(keep)
	if err != nil {
		return failed(err)
	}
	return newHandle(out[0])
}

// single turns a status that is a handle into the form submit expects.
func single(status int32, out []uint32) int32 {
	if status >= 0 {
		out[0] = uint32(status)
	}
	return status
}

// args encodes every argument into one buffer.
func (e *encoder) args(op string, args []outgoing) error {
	for i := range args {
		a := &args[i]
		if a.isRef {
			id, err := a.ref.use(op, fmt.Sprintf("ref passed as argument %d", i+1))
			if err != nil {
				return because(err, op)
			}
			e.items = append(e.items, item{ref: id, isRef: true})
			continue
		}
		if err := e.value(a.value); err != nil {
			return unencodable(op, fmt.Sprintf("argument %d", i+1), a.value, err)
		}
	}
	return nil
}

// pass hands the encoded arguments to the host. Large ones are put and passed as refs; those come back in temporary, to
// be released once the call is submitted.
func (e *encoder) pass(op string) (temporary []uint32, err error) {
	for i := range e.items {
		it := &e.items[i]
		ref := it.ref
		switch {
		case it.isRef:
		case it.end-it.start <= spec.MaxInlineBytes:
			if err := check(hostPassValue(e.bytes(it), e.links(it)), op); err != nil {
				return temporary, err
			}
			continue
		default:
			status := hostPut(e.bytes(it), e.links(it))
			if err := check(status, op); err != nil {
				return temporary, err
			}
			ref = uint32(status)
			temporary = append(temporary, ref)
		}
		if err := check(hostPassRef(ref), op); err != nil {
			return temporary, err
		}
	}
	return temporary, nil
}

// unencodable says which value could not be encoded, and keeps the error of a failed ref inside it.
func unencodable(op, what string, v any, err error) error {
	kind := spec.Unserializable
	if k := spec.KindOf(err); k != spec.System {
		kind = k
	}
	return spec.Errorf(op, kind, what, "a %v cannot be encoded: %w", typeOf(v), err)
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
