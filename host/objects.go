package host

import (
	"context"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// objects is the node's table of objects: which are there, who waits for them, and how many refer to them. The table
// is that of owner.Refs, which counts; large bytes are in the store. Every entry is reserved in the account of a job.
type objects struct {
	store store.Store
	// forget is called, without the lock, for an actor to which no reference is left.
	forget func(spec.ActorID)
	// madeRoom is called, without the lock, with an error that may say that there is no room: true if it is worth to ask again.
	madeRoom func(error) bool

	using sync.WaitGroup // of the store

	mu     sync.Mutex
	closed bool // the store is not used any more
	refs   *owner.Refs[object]
	ends   map[spec.ActorID]func() // what else is done when no reference to the actor is left
	// How what is lost is made again, see rebuild.go. lineage is nil where it is not.
	lineage   *owner.Lineage
	makers    map[spec.TaskID]*task
	rerunning map[spec.TaskID]bool // those that run again
	// What is to be done without the lock, see settle.
	due      []func()
	spare    []func()
	settling bool

	// Of a node in a cluster, see borrow.go; nil on a node alone.
	cluster  *clusterNode
	borrows  *owner.Borrows
	borrowed *store.Account            // of what other nodes own
	kept     map[spec.ObjectID]keptFor // results of attempts that were made for others
	carried  map[arrival]int           // references that came, and the messages that have them not yet
}

// object is one entry. It is pending until ready is set; then either err or value is its content.
type object struct {
	ready   bool
	kept    bool               // the lineage counts it among what its task made
	lost    bool               // its bytes are gone, and nothing makes them again yet
	stale   int32              // how many of the waiters wait no longer
	task    *task              // that makes it, unless it is ready or that is known otherwise
	stored  int64              // how many bytes are in the store and reserved as large; 0: they are in value
	made    int                // how often they were put there
	remote  *remote            // of what is another node's, or whose bytes are there; nil for others
	copy    weak.Pointer[byte] // the first of a copy of them
	viewed  viewing
	stream  *stream // of the generator that declares it; nil for others
	value   spec.Value
	err     *spec.Error
	waiters []*waiter
	memory  *store.Account
	bytes   int64 // reserved in memory, beside stored
	site    Site
}

// waiter waits for left of some objects. When left reaches zero, or at the first object that holds an error if failFast,
// done is closed, or fire is called without the lock: once, and one of the two.
type waiter struct {
	ids      []spec.ObjectID
	left     int
	failFast bool
	done     chan struct{}
	fire     func()

	// Guarded by the mu of objects.
	over    bool       // it has fired, or is ignored
	in      int        // in how many lists of waiters it is
	pending []*object  // whose lists these are and were
	few     [1]*object // pending, if there is one
}

func newObjects(s store.Store) *objects {
	return &objects{store: s, refs: owner.NewRefs[object](), ends: make(map[spec.ActorID]func()), makers: make(map[spec.TaskID]*task), rerunning: make(map[spec.TaskID]bool),
		madeRoom: func(error) bool { return false }}
}

// expect makes pending objects, each with one reference for the caller. objectBytes are reserved in memory for each.
// site is where they are made.
func (o *objects) expect(memory *store.Account, ids []spec.ObjectID, site Site) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		*o.refs.Create(id, 1) = object{memory: memory, bytes: objectBytes, site: site}
	}
}

// begin is expect for the objects of a task, and counts what it holds.
func (o *objects) begin(t *task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range t.returns {
		*o.refs.Create(id, 1) = object{memory: t.job.memory, bytes: objectBytes, site: t.site(), task: t, stream: t.stream}
	}
	for _, l := range t.links {
		o.refs.Retain(l)
	}
}

// beginAgain is begin for a task whose objects are expected already.
func (o *objects) beginAgain(t *task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range t.returns {
		if entry := o.refs.Object(id); entry != nil && !entry.ready {
			entry.task = t
		}
	}
	for _, l := range t.links {
		o.refs.Retain(l)
	}
}

// maker returns the task that makes an object now, or that gives it as one of its results, or put it; nil if it has ended.
func (o *objects) maker(id spec.ObjectID) *task {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range [...]spec.ObjectID{id, id.Task().Object(1)} {
		if entry := o.refs.Object(id); entry != nil && entry.task != nil {
			return entry.task
		}
	}
	return nil
}

// put makes an object that is ready, with one reference for the caller, and reserves it in memory. It may wait for memory
// of the store.
func (o *objects) put(ctx context.Context, memory *store.Account, id spec.ObjectID, v spec.Value, site Site) error {
	if isLarge(v) {
		return o.place(ctx, memory, id, [][]byte{v.Data}, v.Links, site)
	}
	return o.add(memory, id, v, 0, site)
}

// place is put of a large value whose bytes are those of parts, one after another: they are copied once, into the store.
func (o *objects) place(ctx context.Context, memory *store.Account, id spec.ObjectID, parts [][]byte, links []spec.Link, site Site) error {
	if err := o.keepBytes(ctx, memory, id, parts...); err != nil {
		return &spec.Error{Op: "put", Kind: spec.KindOf(err), Err: err}
	}
	return o.add(memory, id, spec.Value{Links: links}, sizeOf(parts), site)
}

// add makes an object that is ready, of whose value stored bytes are in the store; if there is no room for it, they are
// dropped.
func (o *objects) add(memory *store.Account, id spec.ObjectID, v spec.Value, stored int64, site Site) error {
	bytes := objectBytes + valueBytes(v)
	if err := o.reserve(memory, bytes); err != nil {
		if stored > 0 {
			o.dropBytes(memory, id, stored)
		}
		return &spec.Error{Op: "put", Kind: spec.KindOf(err), Err: err}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	entry := o.refs.Create(id, 1)
	*entry = object{memory: memory, bytes: bytes, site: site}
	entry.fill(v, stored)
	o.refs.Contain(id, v.Links)
	return nil
}

// reserve reserves n bytes, if it has to by freeing what is unreachable first. The caller holds no lock.
func (o *objects) reserve(memory *store.Account, n int64) error {
	err := memory.Reserve(n)
	if err != nil && o.madeRoom(err) {
		err = memory.Reserve(n)
	}
	return err
}

// fill gives an entry its value, of which stored bytes are in the store. The caller holds mu.
func (e *object) fill(v spec.Value, stored int64) {
	if stored > 0 {
		e.made++
	}
	e.ready, e.value, e.stored = true, v, stored
}

// complete fills a pending object with a value, or with an error if err is not nil. An object that nobody refers to any
// more is forgotten already: its value is dropped. One for which there is no room gets an error that says so, which is
// returned. It may wait for memory of the store, but not for long: what nothing helps is refused.
func (o *objects) complete(id spec.ObjectID, v spec.Value, err *spec.Error) (refused *spec.Error) {
	if err != nil || !isLarge(v) {
		o.mu.Lock()
		refused = o.fulfil(id, v, 0, err)
		o.settle()
		return refused
	}
	o.mu.Lock()
	entry := o.refs.Object(id)
	if entry == nil || entry.ready {
		o.mu.Unlock()
		return nil
	}
	o.mu.Unlock()
	stored := int64(len(v.Data))
	if full := o.keepBytes(context.Background(), entry.memory, id, v.Data); full != nil {
		refused = noRoom(full)
	}
	o.mu.Lock()
	switch {
	case o.refs.Object(id) != entry || entry.ready: // freed meanwhile
		if refused == nil {
			o.dropBytes(entry.memory, id, stored)
		}
		refused = nil
	case refused != nil:
		o.fulfil(id, spec.Value{}, 0, refused)
		o.unkeep(id, entry)
	default:
		v.Data = nil
		refused = o.fulfil(id, v, stored, nil)
	}
	o.settle()
	return refused
}

func noRoom(full error) *spec.Error {
	return &spec.Error{Op: "keep a result", Kind: spec.KindOf(full), Err: full}
}

// fulfil is complete under the lock: of the value, stored bytes are in the store. The caller holds mu and settles.
func (o *objects) fulfil(id spec.ObjectID, v spec.Value, stored int64, err *spec.Error) (refused *spec.Error) {
	entry := o.refs.Object(id)
	if entry == nil || entry.ready {
		return nil
	}
	bytes := int64(0)
	if err == nil {
		bytes = valueBytes(v)
	} else {
		bytes = errorBytes(err)
	}
	if full := entry.memory.Reserve(bytes); full != nil {
		if stored > 0 {
			o.dropStored(id, entry, stored)
		}
		refused = noRoom(full)
		err, bytes = refused, 0
	}
	entry.bytes += bytes
	entry.ready, entry.err, entry.task = true, err, nil
	if err == nil {
		entry.fill(v, stored)
		o.refs.Contain(id, v.Links)
	} else if refused != nil {
		o.unkeep(id, entry)
	}
	for _, w := range entry.waiters {
		w.in--
		if w.left--; !w.over && (w.left <= 0 || w.failFast && err != nil) {
			w.over = true
			if w.done != nil {
				close(w.done)
			} else {
				o.due = append(o.due, w.fire)
			}
		}
	}
	entry.waiters = nil
	if o.borrows != nil {
		o.tellBorrowers(id, entry)
	}
	return refused
}

// finish completes the objects of a task, with its values or with err if it is not nil, and lets go of what it held. where
// says which nodes have the bytes of values that another node made; nil for a task that ran here.
func (o *objects) finish(t *task, values []spec.Value, where []far, err *spec.Error) {
	if t.stream != nil {
		o.keep(t, nil, nil)
	}
	if err == nil && (where != nil || slices.ContainsFunc(values, isLarge)) {
		o.keep(t, values, where)
		for i, id := range t.returns {
			if isLarge(values[i]) {
				o.complete(id, values[i], nil)
			}
		}
	}
	var few [8]owner.Freed[object]
	freed := few[:0]
	o.mu.Lock()
	for i, id := range t.returns {
		if err != nil {
			o.fulfil(id, spec.Value{}, 0, err)
		} else if where != nil && where[i].size > 0 {
			o.fulfilFar(id, values[i], where[i])
		} else if !isLarge(values[i]) {
			o.fulfil(id, values[i], 0, nil)
		}
	}
	for _, l := range t.links {
		freed = o.refs.Release(l, freed)
	}
	o.forgetFreed(freed)
	o.settle()
}

// soon does something without a lock and without a stack that grows, see settle.
func (o *objects) soon(do func()) {
	o.mu.Lock()
	o.due = append(o.due, do)
	o.settle()
}

// keepDue is how many places for what is due are kept from one settle to the next.
const keepDue = 1024

// settle does what is due, without the lock, one after the other. What comes of it may be due in turn, and is done here
// too: chains of tasks that wait for each other, or of actors that hold each other, are as long as guests make them, and
// no stack may grow with them. The caller holds mu, which settle gives up; if somebody is settling already, it is left
// to them.
func (o *objects) settle() {
	if o.settling {
		o.mu.Unlock()
		return
	}
	o.settling = true
	for len(o.due) > 0 {
		now := o.due
		o.due, o.spare = o.spare, nil
		o.mu.Unlock()
		for _, do := range now {
			do()
		}
		clear(now)
		o.mu.Lock()
		if cap(now) <= keepDue {
			o.spare = now[:0]
		}
	}
	o.settling = false
	o.mu.Unlock()
}

// join makes w wait; false if there is nothing to wait for.
func (o *objects) join(w *waiter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.over { // ignored already
		return true
	}
	pending, left := w.few[:0], w.left
	if len(w.ids) > cap(pending) {
		pending = make([]*object, 0, len(w.ids))
	}
	for i := 0; left > 0 && i < len(w.ids); i++ {
		entry := o.refs.Object(w.ids[i])
		switch {
		case entry != nil && !entry.ready:
			pending = append(pending, entry)
		case w.failFast && (entry == nil || entry.err != nil):
			return false
		default:
			left--
		}
	}
	if left <= 0 {
		return false
	}
	w.pending, w.in, w.left = pending, len(pending), left
	for _, entry := range pending {
		entry.waiters = append(entry.waiters, w)
	}
	return true
}

// enough reports whether count of ids are ready, or one of them failed if failFast. An object that is gone counts as
// ready: whoever asks for its value is told. The caller holds mu.
func (o *objects) enough(ids []spec.ObjectID, count int, failFast bool) bool {
	ready := 0
	for _, id := range ids {
		if entry := o.refs.Object(id); entry == nil || entry.ready {
			ready++
			if failFast && (entry == nil || entry.err != nil) {
				return true
			}
		}
	}
	return ready >= count
}

// ignore takes back a waiter that waits no longer, fired or not. What it would have done is forgotten at once; its places
// in lists are, when half of a list is such places.
func (o *objects) ignore(w *waiter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w.over = true
	if w.in > 0 {
		for _, entry := range w.pending {
			if entry.ready {
				continue
			}
			if entry.stale++; 2*int(entry.stale) > len(entry.waiters) {
				entry.waiters = slices.DeleteFunc(entry.waiters, func(x *waiter) bool { return x.over })
				entry.stale = 0
			}
		}
	}
	w.ids, w.fire, w.pending, w.few = nil, nil, nil, [1]*object{}
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
	w := &waiter{ids: ids, left: count, failFast: failFast, done: make(chan struct{})}
	if !o.join(w) {
		return nil
	}
	defer o.ignore(w)
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	blocked()
	defer resumed()
	select {
	case <-w.done:
		return nil
	case <-expired:
		return spec.GetTimeout
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// look returns a ready object's value, without the bytes if it is large.
func (o *objects) look(id spec.ObjectID) (v spec.Value, ready bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lookLocked(id)
}

// lookLocked is look for a caller that holds mu.
func (o *objects) lookLocked(id spec.ObjectID) (v spec.Value, ready bool, err error) {
	entry := o.refs.Object(id)
	if entry == nil {
		return v, true, spec.Errorf("get", spec.ReferenceCounting, "object "+id.String(), "nothing refers to it any more, so it was freed")
	}
	if entry.err != nil {
		return v, entry.ready, entry.err
	}
	return entry.value, entry.ready, nil
}

// isReady reports for each object whether it is there.
func (o *objects) isReady(ids []spec.ObjectID) []bool {
	out := make([]bool, len(ids))
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, id := range ids {
		entry := o.refs.Object(id)
		out[i] = entry == nil || entry.ready
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
	o.refs.CreateActor(id, 1)
}

// release takes a reference from each, and frees what has none left.
func (o *objects) release(links []spec.Link) {
	if len(links) == 0 {
		return
	}
	var few [8]owner.Freed[object]
	freed := few[:0]
	o.mu.Lock()
	for _, l := range links {
		freed = o.refs.Release(l, freed)
	}
	o.forgetFreed(freed)
	o.settle()
}

// forgetFreed drops what has no reference left. The caller holds mu and settles.
func (o *objects) forgetFreed(freed []owner.Freed[object]) {
	for _, f := range freed {
		if o.borrows != nil {
			o.borrow(owner.BorrowEvent{Op: owner.Unused, Link: f.Link})
		}
		if f.IsActor {
			o.due = append(o.due, func() { o.forget(f.Actor) })
			if end := o.ends[f.Actor]; end != nil {
				o.due = append(o.due, end)
				delete(o.ends, f.Actor)
			}
			continue
		}
		entry := f.Kept
		if entry.stored > 0 {
			o.dropStored(f.Object, entry, entry.stored)
		}
		o.unkeep(f.Object, entry)
		if entry.stream != nil {
			o.due = append(o.due, entry.stream.abandon)
		}
		entry.memory.Release(entry.bytes)
	}
}

// atEnd calls do when no reference to the actor is left. The caller has one.
func (o *objects) atEnd(id spec.ActorID, do func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends[id] = do
}

// stream returns the results of the generator that declares an object; nil if none does.
func (o *objects) stream(id spec.ObjectID) *stream {
	o.mu.Lock()
	defer o.mu.Unlock()
	if entry := o.refs.Object(id); entry != nil {
		return entry.stream
	}
	return nil
}

// count returns how many objects are known and how many references to objects and actors are counted.
func (o *objects) count() (known, counted int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	known, actors := o.refs.Len()
	return known, known + actors
}
