package host

import (
	"context"
	"unsafe"
	"weak"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/transfer"
)

// The bytes of a large object are in the store, in shared memory or on disk, and the table only says so. Whoever gets the
// value gets a copy on the heap, the same for all who have it at the same time: so they never see memory that was given
// to another object, and need not say when they are done. Store and copy both may wait, and never under the table's lock.

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

// keepBytes reserves data and puts them in the store. While memory is short it waits; what nothing helps is refused soon.
func (o *objects) keepBytes(ctx context.Context, memory *store.Account, id spec.ObjectID, data []byte) error {
	if !o.enter() {
		return errNodeClosed
	}
	defer o.using.Done()
	n := int64(len(data))
	if err := o.reserve(memory.Large(), n); err != nil {
		return err
	}
	if err := store.Put(ctx, o.store, id, data, store.Primary); err != nil {
		memory.Large().Release(n)
		return err
	}
	return nil
}

// dropBytes is the opposite of keepBytes for n bytes.
func (o *objects) dropBytes(memory *store.Account, id spec.ObjectID, n int64) {
	o.store.Delete(id)
	memory.Large().Release(n)
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

// readBytes copies the bytes of an entry, as it was stored for the made-th time; false if it is another by now. The caller
// has entered.
func (o *objects) readBytes(ctx context.Context, id spec.ObjectID, entry *object, made int) (data []byte, same bool, err error) {
	defer o.using.Done()
	view, err := o.store.Get(ctx, id)
	if spec.KindOf(err) == spec.NotFound {
		if at, size := o.elsewhere(entry); at != nil {
			view, err = o.cluster.exchange.Fetch(ctx, id, size, transfer.ForGet, at)
		}
	}
	if err != nil {
		return nil, true, err
	}
	data = spec.MakeAligned(view.Bytes, len(view.Bytes))
	copy(data, view.Bytes)
	view.Release()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refs.Object(id) != entry || entry.made != made || entry.stored == 0 {
		return nil, false, nil
	}
	return entry.hold(data), true, nil
}
