package host

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// objects is the node's table of objects: which are there, who waits for them, and how many refer to them. The counts
// are owner.Refs; large bytes are in the store.
type objects struct {
	store *store.Store
	// forget is called, without the lock, for an actor to which no reference is left.
	forget func(spec.ActorID)

	mu    sync.Mutex
	refs  *owner.Refs
	table map[spec.ObjectID]*object
}

// object is one entry. It is pending until ready is set; then either err or value is its content.
type object struct {
	ready   bool
	stored  bool // the bytes are in the store, value.Data is nil
	value   spec.Value
	err     *spec.Error
	waiters []*waiter
}

// waiter waits for left of some objects; fire is called once, without the lock, when left reaches zero, or at the first
// object that holds an error if failFast.
type waiter struct {
	left     int
	failFast bool
	fired    bool
	fire     func()
}

func newObjects(s *store.Store) *objects {
	return &objects{store: s, refs: owner.NewRefs(), table: make(map[spec.ObjectID]*object)}
}

// expect makes pending objects, each with one reference for the caller.
func (o *objects) expect(ids ...spec.ObjectID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		o.table[id] = &object{}
		o.refs.Create(spec.ObjectLink(id), 1)
	}
}

// put makes an object that is ready, with one reference for the caller.
func (o *objects) put(id spec.ObjectID, v spec.Value) error {
	entry := &object{ready: true, value: v}
	if len(v.Data) > spec.MaxInlineBytes {
		if err := o.store.Put(id, v.Data); err != nil {
			return err
		}
		entry.stored, entry.value.Data = true, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.table[id] = entry
	o.refs.Create(spec.ObjectLink(id), 1)
	o.refs.Contain(id, v.Links)
	return nil
}

// complete fills a pending object with a value, or with an error if err is not nil. An object that nobody refers to any
// more is forgotten already: its value is dropped.
func (o *objects) complete(id spec.ObjectID, v spec.Value, err *spec.Error) {
	stored := false
	if err == nil && len(v.Data) > spec.MaxInlineBytes {
		o.mu.Lock()
		_, wanted := o.table[id]
		o.mu.Unlock()
		if !wanted {
			return
		}
		if serr := o.store.Put(id, v.Data); serr != nil {
			v, err = spec.Value{}, serr.(*spec.Error)
		} else {
			stored = true
		}
	}
	o.mu.Lock()
	entry, ok := o.table[id]
	if !ok || entry.ready {
		o.mu.Unlock()
		if !ok && stored {
			o.store.Delete(id)
		}
		return
	}
	entry.ready, entry.stored, entry.value, entry.err = true, stored, v, err
	if stored {
		entry.value.Data = nil
	}
	if err == nil {
		o.refs.Contain(id, v.Links)
	}
	var fire []*waiter
	for _, w := range entry.waiters {
		if w.left--; !w.fired && (w.left <= 0 || w.failFast && err != nil) {
			w.fired = true
			fire = append(fire, w)
		}
	}
	entry.waiters = nil
	o.mu.Unlock()
	for _, w := range fire {
		w.fire()
	}
}

// when calls fire once count of ids are ready, at once if they are; then it returns nil. Otherwise it returns the waiter,
// for ignore.
func (o *objects) when(ids []spec.ObjectID, count int, failFast bool, fire func()) *waiter {
	o.mu.Lock()
	if o.enough(ids, count, failFast) {
		o.mu.Unlock()
		fire()
		return nil
	}
	w := &waiter{left: count, failFast: failFast, fire: fire}
	for _, id := range ids {
		if entry, ok := o.table[id]; ok && !entry.ready {
			entry.waiters = append(entry.waiters, w)
		} else {
			w.left--
		}
	}
	o.mu.Unlock()
	return w
}

// enough reports whether count of ids are ready, or one of them failed if failFast. An object that is gone counts as
// ready: whoever asks for its value is told. The caller holds mu.
func (o *objects) enough(ids []spec.ObjectID, count int, failFast bool) bool {
	ready := 0
	for _, id := range ids {
		if entry, ok := o.table[id]; !ok || entry.ready {
			ready++
			if failFast && (!ok || entry.err != nil) {
				return true
			}
		}
	}
	return ready >= count
}

// ignore takes back a waiter that waits no longer.
func (o *objects) ignore(ids []spec.ObjectID, w *waiter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w.fired = true
	for _, id := range ids {
		if entry, ok := o.table[id]; ok {
			entry.waiters = slices.DeleteFunc(entry.waiters, func(x *waiter) bool { return x == w })
		}
	}
}

// await blocks until count of ids are ready, or one of them failed if failFast. It calls blocked before it waits and
// resumed after. It fails with spec.GetTimeout after timeout (negative: never), and with ctx's cause.
func (o *objects) await(ctx context.Context, ids []spec.ObjectID, count int, failFast bool, timeout time.Duration, blocked, resumed func()) error {
	if timeout == 0 {
		o.mu.Lock()
		defer o.mu.Unlock()
		if !o.enough(ids, count, failFast) {
			return spec.GetTimeout
		}
		return nil
	}
	done := make(chan struct{})
	w := o.when(ids, count, failFast, func() { close(done) })
	if w == nil {
		return nil
	}
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	blocked()
	defer resumed()
	select {
	case <-done:
		return nil
	case <-expired:
		o.ignore(ids, w)
		return spec.GetTimeout
	case <-ctx.Done():
		o.ignore(ids, w)
		return context.Cause(ctx)
	}
}

// value returns a ready object's value.
func (o *objects) value(id spec.ObjectID) (v spec.Value, ready bool, err error) {
	o.mu.Lock()
	entry, ok := o.table[id]
	if !ok {
		o.mu.Unlock()
		return v, true, spec.Errorf("get", spec.ReferenceCounting, "object "+id.String(), "nothing refers to it any more, so it was freed")
	}
	v, ready, stored := entry.value, entry.ready, entry.stored
	if entry.err != nil {
		err = entry.err
	}
	o.mu.Unlock()
	if ready && stored {
		v.Data, _ = o.store.Get(id)
	}
	return v, ready, err
}

// isReady reports for each object whether it is there.
func (o *objects) isReady(ids []spec.ObjectID) []bool {
	out := make([]bool, len(ids))
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, id := range ids {
		entry, ok := o.table[id]
		out[i] = !ok || entry.ready
	}
	return out
}

// retain adds a reference to each. What is already gone stays gone.
func (o *objects) retain(links []spec.Link) {
	if len(links) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range links {
		o.refs.Retain(l)
	}
}

// tryRetain adds a reference; false if there is nothing left to refer to.
func (o *objects) tryRetain(l spec.Link) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refs.Retain(l)
}

// adopt makes the count of a new actor, one reference for the caller.
func (o *objects) adopt(id spec.ActorID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refs.Create(spec.ActorLink(id), 1)
}

// release takes a reference from each, and frees what has none left.
func (o *objects) release(links []spec.Link) {
	if len(links) == 0 {
		return
	}
	var freed []spec.Link
	o.mu.Lock()
	for _, l := range links {
		freed = o.refs.Release(l, freed)
	}
	var stored []spec.ObjectID
	for _, l := range freed {
		if entry, ok := o.table[l.Object]; ok && !l.IsActor {
			if entry.stored {
				stored = append(stored, l.Object)
			}
			delete(o.table, l.Object)
		}
	}
	o.mu.Unlock()
	for _, id := range stored {
		o.store.Delete(id)
	}
	for _, l := range freed {
		if l.IsActor {
			o.forget(l.Actor)
		}
	}
}

// count returns how many objects are known and how many references to objects and actors are counted.
func (o *objects) count() (known, counted int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.table), o.refs.Len()
}
