package residency

import (
	"errors"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

var errDeleted = errors.New("it was deleted")

// serve gives the first requests memory, and makes room for the one that does not fit.
func (c *Core) serve() {
	for o := c.queue.first; o != nil; o = c.queue.first {
		if c.place(o) {
			continue
		}
		if c.makeRoom(o.size) {
			o.stuck = o.stuck && c.refused != nil // what the disk refused before may be refused again
			return                                // somebody will report
		}
		// Nothing can leave but what is in use.
		if !o.stuck {
			o.stuck, o.since = true, c.now
		}
		if at := o.since + int64(c.cfg.Grace); c.now < at {
			if c.refused != nil && c.now < c.resume { // then the disk is tried again
				at = min(at, c.resume)
			}
			c.say(Action{Do: Wake, At: at})
			return
		}
		c.queue.remove(o)
		c.giveUp(o)
	}
}

// place gives an object of the queue memory, evicting what can leave at once.
func (c *Core) place(o *object) bool {
	for {
		if b, ok := c.space.Alloc(o.size); ok {
			o.block, o.inMemory = b, true
			break
		}
		if c.droppable.first == nil {
			return false
		}
		c.leave(c.droppable.first)
	}
	c.queue.remove(o)
	if o.state == queued {
		o.state = draft
		c.usage.Drafts++
		c.say(Action{Do: Place, ID: o.id, Token: o.creator, Block: o.block})
	} else {
		o.state = restoring
		c.say(Action{Do: Restore, ID: o.id, Block: o.block})
	}
	return true
}

// leave takes an object out of memory that need not be there.
func (c *Core) leave(o *object) {
	c.usage.Evictions++
	if !o.onDisk {
		c.say(Action{Do: Evict, ID: o.id})
		c.drop(o)
		return
	}
	c.save(o, -1)
	o.list.remove(o)
	c.vacate(o)
	o.state = away
	c.usage.Spilled += o.size
}

// makeRoom spills for a request of n bytes; false if nothing is on its way to leave.
func (c *Core) makeRoom(n int64) bool {
	for c.canSpill() && c.spilling < n && c.spillable.first != nil {
		c.spillBatch()
	}
	return c.spilling > 0 || c.punching > 0
}

// canSpill reports whether another batch can be spilled now.
func (c *Core) canSpill() bool {
	return c.cfg.CanSpill && len(c.batches) < c.cfg.Batches && (c.refused == nil || c.now >= c.resume)
}

// spillBatch starts a batch of those that were not used for longest.
func (c *Core) spillBatch() {
	c.lastBatch++
	var batch []*object
	var placed []Placed
	bytes := int64(0)
	for o := c.spillable.first; o != nil && bytes < c.cfg.MinSpill && len(batch) < c.cfg.MaxFused; o = c.spillable.first {
		c.spillable.remove(o)
		o.spilling = true
		bytes += o.size
		batch, placed = append(batch, o), append(placed, Placed{o.id, o.block})
	}
	c.spilling += bytes
	c.batches[c.lastBatch] = batch
	c.say(Action{Do: Spill, Batch: c.lastBatch, Objects: placed})
}

// spillAhead starts batches when memory is nearly full of primary copies.
func (c *Core) spillAhead() {
	for c.canSpill() && float64(c.unsaved-c.spilling) >= c.cfg.Threshold*float64(c.space.Size()) &&
		(c.spillable.bytes >= c.cfg.MinSpill) {
		c.spillBatch()
	}
}

func (c *Core) spilled(ev Event) {
	batch := c.batches[ev.Batch]
	delete(c.batches, ev.Batch)
	for _, o := range batch {
		o.spilling = false
		c.spilling -= o.size
		if ev.Err == nil {
			c.save(o, -1)
			o.onDisk = true
			c.save(o, 1)
			c.usage.Spills++
			c.usage.SpilledBytes += o.size
		}
		if o.doomed && o.viewed == 0 {
			c.drop(o)
		} else {
			c.file(o)
		}
	}
	if c.refused = ev.Err; ev.Err != nil {
		c.usage.DiskErrors++
		c.resume = c.now + int64(c.cfg.Pause)
	}
}

func (c *Core) restored(o *object, err error) {
	if o == nil || o.state != restoring {
		return
	}
	waiters := o.waiters
	o.waiters = nil
	if err != nil {
		c.vacate(o)
		o.state = away
		c.usage.DiskErrors++
		for _, t := range waiters {
			c.say(Action{Do: Miss, ID: o.id, Token: t, Err: err})
		}
		if errors.Is(err, spec.ObjectLost) {
			c.say(Action{Do: Evict, ID: o.id})
			c.drop(o)
		} else if o.doomed {
			c.drop(o)
		}
		return
	}
	o.state = there
	c.usage.Spilled -= o.size
	c.usage.Restores++
	c.usage.RestoredBytes += o.size
	c.save(o, 1)
	if o.doomed {
		c.drop(o)
		return
	}
	c.file(o)
	for _, t := range waiters {
		c.grant(o, t)
	}
}

// giveUp answers a request that nothing can help.
func (c *Core) giveUp(o *object) {
	if o.state == queued && c.cfg.CanFall && !errors.Is(c.refused, spec.OutOfDisk) {
		o.state, o.fallen = draft, true
		c.usage.Drafts++
		c.usage.Fallbacks++
		c.usage.Fallback += o.size
		c.say(Action{Do: FallBack, ID: o.id, Token: o.creator, Size: o.size})
		return
	}
	kind, cause := spec.ObjectStoreFull, error(nil)
	if c.refused != nil && o.size <= c.space.Size() {
		kind, cause = spec.KindOf(c.refused), c.refused
	}
	err := c.full(o, kind, cause)
	if o.state == queued {
		delete(c.objects, o.id)
		c.say(Action{Do: Refuse, ID: o.id, Token: o.creator, Err: err})
		return
	}
	o.state = away
	waiters := o.waiters
	o.waiters = nil
	for _, t := range waiters {
		c.say(Action{Do: Miss, ID: o.id, Token: t, Err: err})
	}
}

// full says what holds the memory that the object does not get.
func (c *Core) full(o *object, kind spec.Kind, cause error) error {
	u := c.Usage()
	advice := "release refs and views that are not needed, or raise the object store's memory"
	if !c.cfg.CanSpill {
		advice += ", or give it a directory to spill to"
	}
	text := "it needs " + spec.FormatBytes(o.size) + " of the object store's memory of " + spec.FormatBytes(u.Limit) + ", of which " +
		spec.FormatBytes(u.Used) + " are in use: primary copies " + spec.FormatBytes(u.Primary) + ", viewed " + spec.FormatBytes(u.Viewed) + ": " + advice
	if cause != nil {
		return spec.Errorf("store", kind, "object "+o.id.String(), "%s, or make room on the disk: %w", text, cause)
	}
	return spec.Errorf("store", kind, "object "+o.id.String(), "%s", text)
}

// fell takes in whether an object that was let fall back is there to be written. If not, it is refused.
func (c *Core) fell(o *object, err error) {
	if o == nil || o.state != draft || !o.fallen || err == nil {
		return
	}
	c.usage.Drafts--
	c.usage.Fallbacks--
	c.vacate(o)
	delete(c.objects, o.id)
	c.say(Action{Do: Refuse, ID: o.id, Token: o.creator, Err: c.full(o, spec.KindOf(err), err)})
}

// Has reports whether the object is known and sealed, its size, and where it is.
func (c *Core) Has(id spec.ObjectID) (o Object, ok bool) {
	x := c.objects[id]
	if x == nil || x.state < there || x.doomed {
		return Object{}, false
	}
	return Object{Size: x.size, Copy: x.copy, Views: x.viewed, InMemory: x.inMemory || x.fallen, OnDisk: x.onDisk || x.fallen}, true
}

// Object is what is known of a sealed object.
type Object struct {
	Size             int64
	Copy             store.Copy
	Views            int
	InMemory, OnDisk bool
}

// Usage returns what is in use, but for what only the arena and the disk know.
func (c *Core) Usage() store.Usage {
	u := c.usage
	u.Limit, u.Used, u.Waiting = c.space.Size(), c.space.Used()-c.punching, c.queue.length
	return u
}
