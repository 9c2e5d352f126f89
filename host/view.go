package host

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/transfer"
)

// Large objects are read, and made, where they lie in the store. A view keeps its object there: so one that is kept pins it,
// and where objects can be spilled its bytes are reserved once more while there is such a view, of what is only in memory,
// in the account of the job that made it. So views never take all of the memory, for a job does not get all of that either.

// view returns a view of a large object, to be released, kept for longer than a moment or not, and everything else of any object: what is not large has no view
// and its bytes in its value. It may wait until the bytes are back from disk. If they turn out to be lost, the object is not
// ready until they are made again.
func (o *objects) view(ctx context.Context, id spec.ObjectID, keep bool) (v spec.Value, view *store.View, ready bool, err error) {
	for {
		o.mu.Lock()
		v, ready, err = o.lookLocked(id)
		entry := o.refs.Object(id)
		switch {
		case err != nil || !ready || entry.stored == 0:
			o.mu.Unlock()
			return v, nil, ready, err
		case o.closed:
			o.mu.Unlock()
			return v, nil, true, errNodeClosed
		}
		made := entry.made
		o.using.Add(1)
		o.mu.Unlock()
		inner, err := o.store.Get(ctx, id)
		if spec.KindOf(err) == spec.NotFound {
			if at, size := o.elsewhere(entry); at != nil {
				inner, err = o.cluster.exchange.Fetch(ctx, id, size, transfer.ForGet, at)
			}
		}
		if err != nil {
			o.using.Done()
		} else if entry, err = o.keepView(id, entry, made, inner, keep); entry == nil || err != nil {
			inner.Release()
			o.using.Done()
		}
		switch kind := spec.KindOf(err); {
		case err == nil && entry != nil:
			return v, store.NewView(inner.Bytes, inner.Region, inner.Pins, func() { o.endView(entry, inner, keep) }), true, nil
		case err == nil: // it was lost or freed meanwhile, and is looked at again
		case ctx.Err() == nil && (kind == spec.ObjectLost || kind == spec.NotFound):
			o.lose([]spec.ObjectID{id}, made, err.Error())
		default:
			return v, nil, true, &spec.Error{Op: "get", Kind: kind, ID: "object " + id.String(), Err: err}
		}
	}
}

// keepView pins what was viewed, if it is to be kept; nil if it is not the entry that was stored for the made-th time any
// more.
func (o *objects) keepView(id spec.ObjectID, entry *object, made int, view *store.View, keep bool) (*object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refs.Object(id) != entry || entry.made != made || entry.stored == 0 {
		return nil, nil
	}
	if !keep {
		return entry, nil
	}
	return entry, entry.pin(view.Pins)
}

func (o *objects) endView(entry *object, view *store.View, kept bool) {
	view.Release()
	if kept {
		o.mu.Lock()
		entry.unpin()
		o.mu.Unlock()
	}
	o.using.Done()
}

// viewing is the views of an object that are kept.
type viewing struct {
	views    int
	reserved int64 // bytes, of memory alone
	freed    int64 // bytes of large ones that are given back with the last view: the object is no more
}

// pin counts one view more, which keeps bytes of memory. The caller holds mu.
func (e *object) pin(bytes int64) error {
	if e.viewed.views == 0 && e.memory.Large() != e.memory {
		if err := e.memory.Reserve(bytes); err != nil {
			return spec.Errorf("keep a view", spec.KindOf(err), "", "release views that are not needed: %v", err)
		}
		e.viewed.reserved = bytes
	}
	e.viewed.views++
	return nil
}

// unpin counts one view less. The caller holds mu.
func (e *object) unpin() {
	if e.viewed.views--; e.viewed.views > 0 {
		return
	}
	e.memory.Release(e.viewed.reserved)
	e.memory.Large().Release(e.viewed.freed)
	e.viewed = viewing{}
}

// View waits for an object and returns a view of its value.
func (c *caller) View(ctx context.Context, id spec.ObjectID, timeout time.Duration, keep bool) (hostcall.View, error) {
	one, value := []spec.ObjectID{id}, [1]spec.Value{}
	for {
		if err := c.Get(ctx, one, timeout, value[:]); err != nil {
			return hostcall.View{}, err
		}
		v, view, ready, err := c.job.node.objects.view(ctx, id, keep)
		switch {
		case err != nil:
			return hostcall.View{}, err
		case ready && view == nil:
			return hostcall.View{View: store.NewView(v.Data, store.NoRegion, 0, func() {}), Links: v.Links}, nil
		case ready:
			return hostcall.View{View: view, Links: v.Links}, nil
		}
	}
}

// draft is an object that a caller makes in place. It is reserved as the object that it will be.
type draft struct {
	caller *caller
	id     spec.ObjectID
	size   int64
	bytes  *store.Draft
	over   bool
}

// Draft makes room for an object that is to be mapped and written; nil if it cannot be mapped.
func (c *caller) Draft(ctx context.Context, size int64) (hostcall.Draft, error) {
	d, err := c.draft(ctx, size)
	switch {
	case err != nil:
		return nil, err
	case d.Region() == store.NoRegion:
		d.Abort()
		return nil, nil
	}
	return d, nil
}

// draft makes room for an object that is to be written in place.
func (c *caller) draft(ctx context.Context, size int64) (*draft, error) {
	objects, memory := c.job.node.objects, c.job.memory
	fail := func(err error) (*draft, error) {
		return nil, &spec.Error{Op: "make an object in place", Kind: spec.KindOf(err), Err: err}
	}
	id, err := c.nextObject()
	if err != nil {
		return fail(err)
	}
	if !objects.enter() {
		return fail(errNodeClosed)
	}
	d := &draft{caller: c, id: id, size: size}
	if err := memory.Large().Reserve(size); err != nil {
		objects.using.Done()
		return fail(err)
	}
	if err := memory.Reserve(objectBytes); err != nil {
		memory.Large().Release(size)
		objects.using.Done()
		return fail(err)
	}
	if d.bytes, err = objects.store.Create(ctx, id, size, store.Primary); err != nil {
		d.giveBack()
		return fail(err)
	}
	d.bytes.Clear()
	return d, nil
}

// Region returns where it lies.
func (d *draft) Region() store.Region { return d.bytes.Region }

// Seal makes it an object with one reference for the caller, and a view of it.
func (d *draft) Seal() (spec.ObjectID, func(), error) {
	if d.over {
		return spec.ObjectID{}, nil, spec.Errorf("put", spec.InvalidArgument, "", "the draft was sealed or given up")
	}
	d.over = true
	view, err := d.bytes.SealView()
	if err != nil {
		d.giveBack()
		return spec.ObjectID{}, nil, &spec.Error{Op: "put", Kind: spec.KindOf(err), Err: err}
	}
	o := d.caller.job.node.objects
	o.mu.Lock()
	defer o.mu.Unlock()
	entry := o.refs.Create(d.id, 1)
	*entry = object{memory: d.caller.job.memory, bytes: objectBytes, site: Site{d.caller.function, ""}}
	entry.fill(spec.Value{}, d.size)
	entry.viewed.views = 1 // it was in memory, and is once it is reserved there: that is not refused any more
	return d.id, func() { o.endView(entry, view, true) }, nil
}

// Abort gives it up. After Seal it does nothing.
func (d *draft) Abort() {
	if d.over {
		return
	}
	d.over = true
	d.bytes.Abort()
	d.giveBack()
}

func (d *draft) giveBack() {
	memory := d.caller.job.memory
	memory.Large().Release(d.size)
	memory.Release(objectBytes)
	d.caller.job.node.objects.using.Done()
}
