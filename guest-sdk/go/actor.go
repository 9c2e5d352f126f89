package ray

import (
	"reflect"
	"runtime"

	"github.com/raywasm/raywasm/spec"
)

// Handle is a right to an actor whose state is a T, such as a *Counter. Like a [Ref] it is a value that can be copied,
// kept, passed and returned, and it carries the error of a creation whose submission failed: every call on it returns
// that error. An actor that is not detached ends when the last handle of it is gone.
type Handle[T any] struct{ h *handle }

// ActorHandle is a handle of an actor whose class is not known here, perhaps one of another language. It is what a
// handle becomes when it is decoded into an any. See [NamedMethod].
type ActorHandle = Handle[any]

// FindActor returns a handle of the living actor of that name, in the job's namespace or in the [Namespace] given.
func FindActor[T any](name string, where ...FindOption) (Handle[T], error) {
	var namespace string
	for _, opt := range where {
		opt.find(&namespace)
	}
	status := hostActorFind(name, namespace)
	if err := check(status, "find actor "+name); err != nil {
		return Handle[T]{}, err
	}
	lock()
	defer mu.Unlock()
	return Handle[T]{newHandle(uint32(status))}, nil
}

// Kill ends the actor at once, without clean-up and without a restart. Calls that wait or run fail with [ActorDied].
func (h Handle[T]) Kill() error { return h.end(true) }

// Restart ends the actor as a crash would: it starts again if it has [MaxRestarts] left.
func (h Handle[T]) Restart() error { return h.end(false) }

func (h Handle[T]) end(noRestart bool) error {
	id, err := h.h.use("kill", "actor handle")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(h)
	return check(hostActorKill(id, noRestart), "kill")
}

// Err returns the error of a creation whose submission failed. An error of the constructor comes with the first call.
func (h Handle[T]) Err() error {
	if h.h == nil {
		return nil
	}
	return h.h.err
}

// Release gives the handle back now instead of when its last copy is collected. No copy can be used afterwards.
func (h Handle[T]) Release() { h.h.release() }

// Untyped returns the same handle without its type.
func (h Handle[T]) Untyped() ActorHandle { return ActorHandle(h) }

// TypedHandle returns the same handle with a type, to call an actor's methods on.
func TypedHandle[T any](h ActorHandle) Handle[T] { return Handle[T](h) }

// IsZero reports whether h is of no actor.
func (h Handle[T]) IsZero() bool { return h.h == nil }

// String names the handle's type and state for logs.
func (h Handle[T]) String() string {
	return "ray.Handle[" + reflect.TypeFor[T]().String() + "]" + h.h.state()
}

// MarshalCBOR encodes the handle as part of an argument, a result or a put value. A zero Handle is null.
func (h Handle[T]) MarshalCBOR() ([]byte, error) { return encodeLink(h.h, spec.TagActor) }

// UnmarshalCBOR decodes what MarshalCBOR encoded.
func (h *Handle[T]) UnmarshalCBOR(b []byte) (err error) {
	h.h, err = decodeLink(b, spec.TagActor, "an actor handle")
	return err
}

func (h Handle[T]) handle() *handle { return h.h }
