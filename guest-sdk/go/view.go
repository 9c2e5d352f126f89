package ray

import (
	"errors"
	"slices"
	"time"
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

// View is an object that is read where it lies, however large, instead of being copied into the guest: byte strings as []byte
// and an [Array] as the slice that it is, alone or in the fields and elements of S, from 64 KiB on. All else is decoded as by
// [Ref.Get].
//
//	v, err := ray.ViewOf(matrix) // a Ref[ray.Array[float64]]
//	if err != nil {
//		return 0, err
//	}
//	defer v.Release()
//	for _, x := range v.Data() { ... }
//
// What is written to it stays the sandbox's own: the object is immutable. A view needs room in the sandbox's memory, below
// its limit ([MemoryBytes]), but no memory unless it is written. It ends with Release, or with the call that opened it; an
// actor that goes on keeps the ref and views it again. Outside of a call, in an actor with [MaxConcurrency], it is copied.
//
// As a function's parameter, a View shows what is passed by [Seen], or any value.
type View[S any] struct{ v *viewing[S] }

// viewing is what stands behind the copies of a View.
type viewing[S any] struct {
	window *window
	data   S
}

// Data returns what the object holds, in place, and the zero value when the view has ended. Slices of it must not be used
// then: their memory is zeros, or something else's.
func (v View[S]) Data() (data S) {
	if v.v != nil && v.v.window.bytes != nil {
		data = v.v.data
	}
	return data
}

// Release ends the view. Ending it twice is fine.
func (v View[S]) Release() {
	if v.v != nil {
		lock()
		defer mu.Unlock()
		v.v.window.close()
	}
}

// ViewOf waits for the object and views it. Errors: as [Ref.Get]; [OutOfMemory] if there is no room for it below the
// sandbox's limit; [LimitExceeded] beyond 64 views and drafts; [ObjectStoreFull] if views keep too much in memory.
func ViewOf[S any](r Ref[S]) (View[S], error) { return ViewWithin(r, Forever) }

// ViewWithin is [ViewOf] with a timeout, as [Ref.GetWithin].
func ViewWithin[S any](r Ref[S], timeout time.Duration) (v View[S], err error) {
	id, err := r.h.use("view", "ref")
	if err == nil {
		timeout, err = awaited("view", []uint32{id}, 0, timeout)
	}
	if err != nil {
		return v, err
	}
	w, err := openWindow(id, timeout)
	if err != nil {
		return v, err
	}
	lock()
	defer mu.Unlock()
	sweep()
	decode.value, decode.arg = id, -1
	err = v.show(w)
	return v, ill(err, "view", spec.InvalidResult, new(S))
}

// Seen passes a ref to a function that takes a [View] of its object.
func Seen[S any](r Ref[S]) Arg[View[S]] { return Ref[View[S]](r) }

// show makes v what the window shows. mu is held.
func (v *View[S]) show(w *window) error {
	v.v = &viewing[S]{window: w}
	err := decode.into(w.bytes, true, &v.v.data)
	if err != nil {
		w.close()
	}
	return err
}

// viewArgument makes v what an argument of the call is. mu is held.
func (v *View[S]) viewArgument(i int) error {
	id := hostArg(i)
	if err := check(id, "view"); err != nil {
		return err
	}
	w, err := openWindow(uint32(id), Forever)
	if err != nil {
		return err
	}
	decode.arg = i
	return v.show(w)
}

// MarshalCBOR refuses: a view is of this call alone.
func (v View[S]) MarshalCBOR() ([]byte, error) {
	return nil, errors.New("a view cannot leave its call: pass the ref, or its data")
}

// window is where the bytes of an object are seen.
type window struct {
	bytes []byte // its CBOR; nil when it is closed
	at    uint32 // its address; 0: it is a copy on the heap
	call  uint32 // which of the calls that run at once it ends with
}

// windows are those that are open in the guest's memory, guarded by mu.
var windows []*window

// openWindow waits for a value and shows it.
func openWindow(id uint32, timeout time.Duration) (*window, error) {
	at, n := hostView(id, int64(timeout))
	switch {
	case n >= 0:
		return newWindow(at, int(n)), nil
	case spec.Kind(-n) != spec.Unsupported:
		return nil, lastError(spec.Kind(-n), "view")
	}
	if n := hostGetValue(id, int64(timeout), nil); n < 0 && spec.Kind(-n) != spec.ReferenceCounting { // an argument is there
		return nil, lastError(spec.Kind(-n), "view")
	}
	b, err := readAll(id)
	return &window{bytes: b}, err
}

// newWindow is the window of n bytes that the host has opened.
func newWindow(at unsafe.Pointer, n int) *window {
	w := &window{bytes: unsafe.Slice((*byte)(at), n), at: uint32(uintptr(at)), call: concurrency.serving}
	windows = append(windows, w)
	return w
}

// close closes the window. mu is held.
func (w *window) close() {
	if w.bytes != nil && w.at != 0 {
		hostUnview(w.at)
		windows = slices.DeleteFunc(windows, func(x *window) bool { return x == w })
	}
	w.bytes = nil
}

// closeWindows notes that a call ends, and with it its windows in the guest's memory.
func closeWindows(call uint32) {
	windows = slices.DeleteFunc(windows, func(w *window) bool {
		if w.call != call {
			return false
		}
		w.bytes = nil
		return true
	})
}
