package ray

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Ref is a right to an object of type T: the result of a call, perhaps not there yet, or a value that was put. It is a
// value itself: copy it, keep it in structs, slices and maps, pass it to other functions and return it. Inside another
// value it travels as a reference and is not awaited.
//
// A Ref also carries the error of a submission that failed; Get and Wait return it. The zero Ref refers to nothing.
//
// The object is released when the last copy of the Ref is collected, or by [Ref.Release].
type Ref[T any] struct{ h *handle }

// ObjectRef is a ref of something whose type is not known here. It is what a ref becomes when it is decoded into an
// any, and what refs of different types have in common: see [Ref.Untyped] and [Typed].
type ObjectRef = Ref[any]

// Forever is the timeout of a wait without one.
const Forever = spec.Forever

// Get waits for the object and returns it. The error is that of the function which should have made it, or says why the
// object is not to be had.
func (r Ref[T]) Get() (T, error) { return r.GetWithin(Forever) }

// GetWithin is [Ref.Get] with a timeout, after which the error is [GetTimeout]; the call itself goes on. A negative
// timeout is none.
func (r Ref[T]) GetWithin(timeout time.Duration) (v T, err error) {
	if r.h == nil || !r.h.held {
		return v, r.h.problem("get", "ref")
	}
	if timeout, err = awaited("get", []uint32{r.h.id}, 0, timeout); err != nil {
		return v, err
	}
	var small [256]byte
	n := hostGetValue(r.h.id, int64(timeout), small[:])
	runtime.KeepAlive(r)
	if n >= 0 && n <= int64(len(small)) && spec.ReadPlain(small[:n], &v) {
		return v, nil
	}
	p := new(T)
	err = got(r.h, n, slices.Clone(small[:max(0, min(n, int64(len(small))))]), p) // a copy, so that small need not be on the heap
	return *p, err
}

// got decodes the value of an object for the codec, or a large one: n is what get_value said of it and b what it copied.
func got(h *handle, n int64, b []byte, v any) (err error) {
	if n < 0 {
		return lastError(spec.Kind(-n), "get")
	}
	lock()
	defer mu.Unlock()
	sweep()
	decode.value, decode.arg = h.id, -1
	if n > int64(len(b)) {
		err = decode.readLarge(h.id, v)
	} else {
		err = decode.into(b, false, v)
	}
	runtime.KeepAlive(h)
	return ill(err, "get", spec.InvalidResult, v)
}

// Get waits for the object of r and returns it. See [Ref.Get].
func Get[T any](r Ref[T]) (T, error) { return r.GetWithin(Forever) }

// GetWithin is [Get] with a timeout. See [Ref.GetWithin].
func GetWithin[T any](r Ref[T], timeout time.Duration) (T, error) { return r.GetWithin(timeout) }

// GetAll waits for every object and returns them in the order of refs, or the first error among them.
func GetAll[T any](refs []Ref[T]) ([]T, error) { return GetAllWithin(refs, Forever) }

// GetAllWithin is [GetAll] with a timeout for all together.
func GetAllWithin[T any](refs []Ref[T], timeout time.Duration) ([]T, error) {
	values := make([]T, len(refs))
	ids, err := numbers("get", handles(refs))
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		if timeout, err = awaited("get", ids, 0, timeout); err != nil {
			return nil, err
		}
		if err := check(hostGet(ids, int64(timeout)), "get"); err != nil {
			return nil, err
		}
	}
	for i, r := range refs { // all are there
		if values[i], err = r.GetWithin(0); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// ill explains why a value did not fit the Go type behind the pointer v. Errors of the host pass as they are.
func ill(err error, what string, kind spec.Kind, v any) error {
	m, ok := err.(*mismatch)
	if !ok {
		return err
	}
	return spec.Errorf(what, kind, "", "want %v, got %s: %w", reflect.TypeOf(v).Elem(), m.came, m.err)
}

// Wait waits until count of the refs are ready, that is there or failed, or the timeout has passed. It returns at most
// count that are ready, and the rest, both in the order of refs. A negative timeout is none ([Forever]); 0 only looks.
func Wait[T any](refs []Ref[T], count int, timeout time.Duration) (ready, rest []Ref[T], err error) {
	if count < 1 || count > len(refs) {
		return nil, refs, spec.Errorf("wait", spec.InvalidArgument, "", "for %d of %d refs: the count is from 1 to the number of refs", count, len(refs))
	}
	ids := make([]uint32, len(refs))
	n := 0 // how many of them the host has: not those whose submission failed, which are ready
	for i, r := range refs {
		if r.h == nil || !r.h.held {
			if r.h != nil && r.h.err != nil {
				continue
			}
			return nil, refs, r.h.problem("wait", fmt.Sprintf("ref %d", i))
		}
		ids[n] = r.h.id
		n++
	}
	ids = ids[:n]
	done := make([]byte, n)
	if missing := count - (len(refs) - n); missing > 0 {
		if timeout, err = awaited("wait", ids, missing, timeout); err != nil {
			return nil, refs, err
		}
		if err := check(hostWait(ids, missing, int64(timeout), done), "wait"); err != nil {
			return nil, refs, err
		}
	}
	runtime.KeepAlive(refs)
	if n < len(refs) {
		done = withFailed(refs, done)
	}
	ready, rest = make([]Ref[T], 0, count), make([]Ref[T], 0, len(refs))
	for len(ready) < count {
		i := bytes.IndexByte(done, 1)
		if i < 0 {
			break
		}
		ready, rest = append(ready, refs[i]), append(rest, refs[:i]...)
		done, refs = done[i+1:], refs[i+1:]
	}
	return ready, append(rest, refs...), nil
}

// withFailed adds to what is done the refs whose submission failed.
func withFailed[T any](refs []Ref[T], done []byte) []byte {
	all := make([]byte, len(refs))
	for i, r := range refs {
		if r.h.err != nil {
			all[i] = 1
		} else {
			all[i], done = done[0], done[1:]
		}
	}
	return all
}

// Put stores a value as an object of its own: it is encoded once, however many calls it is passed to.
func Put[T any](value T) (Ref[T], error) {
	begin()
	pass(value)
	var status int32
	var err error
	if encode.err != nil {
		err = unencodable("put", "", encode.badType, encode.err)
	} else {
		status = encode.hand(&encode.items[0], hostPut)
	}
	h := sent("put", "", status, uint32(status), err)
	return Ref[T]{h}, h.err
}

// CancelOption says how [Cancel] goes about it.
type CancelOption func(flags *uint32)

const (
	cancelForce     = 1 << 0
	cancelRecursive = 1 << 1
)

// Force also stops a task in the midst of its run, by ending its sandbox.
func Force() CancelOption { return func(flags *uint32) { *flags |= cancelForce } }

// NotRecursive spares the calls that the cancelled task has made itself.
func NotRecursive() CancelOption { return func(flags *uint32) { *flags &^= cancelRecursive } }

// Cancel stops the task that makes r, and the calls it has made. A task that waits never runs; Get of its ref gives
// [TaskCancelled]. Cancelling what has ended is no error.
func Cancel[T any](r Ref[T], opts ...CancelOption) error {
	id, err := r.h.use("cancel", "ref")
	if err != nil {
		return err
	}
	flags := uint32(cancelRecursive)
	for _, opt := range opts {
		opt(&flags)
	}
	defer runtime.KeepAlive(r)
	return check(hostCancel(id, flags), "cancel")
}

// Err returns the error of a submission that failed, without waiting: nil says nothing of the call itself.
func (r Ref[T]) Err() error {
	if r.h == nil {
		return nil
	}
	return r.h.err
}

// Release gives the object back now instead of when the last copy of r is collected. No copy can be used afterwards.
func (r Ref[T]) Release() { r.h.release() }

// Untyped returns the same ref without its type, so that refs of different types can be waited for together.
func (r Ref[T]) Untyped() ObjectRef { return ObjectRef(r) }

// Typed returns the same ref with a type. Whether the object is of that type shows when it is got.
func Typed[T any](r ObjectRef) Ref[T] { return Ref[T](r) }

// IsZero reports whether r refers to nothing.
func (r Ref[T]) IsZero() bool { return r.h == nil }

// String names the ref's type and state for logs: no id ever enters a guest.
func (r Ref[T]) String() string {
	return "ray.Ref[" + reflect.TypeFor[T]().String() + "]" + r.h.state()
}

func (r Ref[T]) outgoing() outgoing { return outgoing{ref: r.h, isRef: true} }
func (r Ref[T]) is(T)               {}

// MarshalCBOR encodes the ref as part of an argument, a result or a put value. A zero Ref is null.
func (r Ref[T]) MarshalCBOR() ([]byte, error) { return encodeLink(r.h, spec.TagRef) }

// UnmarshalCBOR decodes what MarshalCBOR encoded.
func (r *Ref[T]) UnmarshalCBOR(b []byte) (err error) {
	r.h, err = decodeLink(b, spec.TagRef, "a ref")
	return err
}

// handles returns what stands behind refs.
func handles[T any](refs []Ref[T]) []*handle {
	hs := make([]*handle, len(refs))
	for i, r := range refs {
		hs[i] = r.h
	}
	return hs
}

// numbers returns the host's numbers of refs, or the first reason why one has none.
func numbers(op string, refs []*handle) ([]uint32, error) {
	ids := make([]uint32, len(refs))
	for i, h := range refs {
		id, err := h.use(op, "ref")
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
