package host

import (
	"context"
	"time"
	"unsafe"
	"weak"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// The bytes of a large object are in the store, in shared memory or on disk, and the table only says so. Guests view them
// (view.go). A Go program that gets the value gets a copy on the heap, the same for all who have it at the same time: so it
// never sees memory that was given to another object, and need not say when it is done. Store and copy both may wait, and
// never under the table's lock.

// isLarge reports whether a value's bytes belong in the store.
func isLarge(v spec.Value) bool { return len(v.Data) > spec.MaxInlineBytes }

// enter says that somebody uses the store, until using.Done; false if it is closed.
func (o *objects) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.using.Add(1)
	return true
}

// close waits until nobody uses the store, and lets nobody in any more.
func (o *objects) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.using.Wait()
}

// keepBytes reserves what parts have, one after another, and puts it in the store. While memory is short it waits; what
// nothing helps is refused soon.
func (o *objects) keepBytes(ctx context.Context, memory *store.Account, id spec.ObjectID, parts ...[]byte) error {
	if !o.enter() {
		return errNodeClosed
	}
	defer o.using.Done()
	n := sizeOf(parts)
	if err := o.reserve(memory.Large(), n); err != nil {
		return err
	}
	err := store.Gather(ctx, o.store, id, parts, store.Primary)
	if err != nil && o.madeRoom(err) { // what is reserved fits, but not where there is room
		err = store.Gather(ctx, o.store, id, parts, store.Primary)
	}
	for pause := time.Millisecond; spec.KindOf(err) == spec.AlreadyExists && pause < maxClearing && ctx.Err() == nil; pause *= 2 {
		o.store.Delete(id)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		err = store.Gather(ctx, o.store, id, parts, store.Primary)
	}
	if err != nil {
		memory.Large().Release(n)
	}
	return err
}

// sizeOf is how many bytes parts have together.
func sizeOf(parts [][]byte) (n int64) {
	for _, part := range parts {
		n += int64(len(part))
	}
	return n
}

// maxClearing bounds the pauses before an object takes the place of a copy of what it was before: one that came from another
// node, perhaps, and that somebody views still, or that is coming.
const maxClearing = 2 * time.Second

// dropBytes is the opposite of keepBytes for n bytes.
func (o *objects) dropBytes(memory *store.Account, id spec.ObjectID, n int64) {
	o.store.Delete(id)
	memory.Large().Release(n)
}

// forgetBytes is dropBytes for an object that is no more. What is viewed is in memory still. The caller holds mu.
func (o *objects) forgetBytes(id spec.ObjectID, entry *object, n int64) {
	o.store.Delete(id)
	if entry.viewed.views > 0 {
		entry.viewed.freed += n
	} else {
		entry.memory.Large().Release(n)
	}
}

// hold makes data what an entry gives to all who ask, as long as somebody has them, unless there is such a copy already,
// and returns it. The caller holds mu.
func (e *object) hold(data []byte) []byte {
	if held := e.held(); held != nil {
		return held
	}
	e.copy = weak.Make(unsafe.SliceData(data))
	return data
}

// held returns the copy of the bytes that somebody has; nil if nobody does. The caller holds mu.
func (e *object) held() []byte {
	if first := e.copy.Value(); first != nil {
		return unsafe.Slice(first, e.stored)
	}
	return nil
}

// value is look with the bytes of a large object, copied. It may wait until they are back from disk, or not be ready, as
// view.
func (o *objects) value(ctx context.Context, id spec.ObjectID) (v spec.Value, ready bool, err error) {
	o.mu.Lock()
	entry := o.refs.Object(id)
	if v, ready, err = o.lookLocked(id); err == nil && ready && entry.stored > 0 {
		v.Data = entry.held()
	}
	o.mu.Unlock()
	if err != nil || !ready || v.Data != nil {
		return v, ready, err
	}
	v, view, ready, err := o.view(ctx, id, false)
	if view == nil {
		return v, ready, err
	}
	defer view.Release()
	v.Data = spec.MakeAligned(view.Bytes, len(view.Bytes))
	copy(v.Data, view.Bytes)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refs.Object(id) == entry && entry.stored > 0 {
		v.Data = entry.hold(v.Data)
	}
	return v, true, nil
}
