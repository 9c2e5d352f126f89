package residency

import (
	"time"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/extent"
)

// Config says how much memory there is and what is done when it is short.
type Config struct {
	Limit     int64         // of memory, in bytes
	CanSpill  bool          // there is a disk
	CanFall   bool          // objects can be written to disk directly
	Threshold float64       // of Limit, from which primary copies are spilled ahead of need
	MinSpill  int64         // bytes of a batch
	MaxFused  int           // objects of a batch
	Batches   int           // spilled at a time
	Grace     time.Duration // until a request that nothing can help is refused, or falls back
	Pause     time.Duration // until the disk is tried again after it refused
}

// state is where an object is in its life.
type state uint8

const (
	queued    state = iota // waits for memory to be written
	draft                  // is being written
	there                  // sealed, in memory or where it was written directly
	away                   // sealed, on disk only
	waiting                // waits for memory to come back
	restoring              // is being read back
)

// object is what the core knows of one.
type object struct {
	id       spec.ObjectID
	size     int64
	copy     store.Copy
	state    state
	block    extent.Block
	inMemory bool // it has block
	onDisk   bool // a complete copy is on disk
	fallen   bool // it was written to disk directly
	viewed   int
	spilling bool
	doomed   bool // deleted while it was viewed, spilled or restored
	creator  Token
	waiters  []Token

	stuck      bool  // it waits for memory, and nothing can help
	since      int64 // it is
	list       *list // in which it is: of those that wait for memory, or one of those that can leave
	prev, next *object
}

// Core decides. It is not safe for concurrent use.
type Core struct {
	cfg     Config
	space   *extent.Space
	objects map[spec.ObjectID]*object
	queue,  // those that wait for memory, served in order
	droppable,
	spillable list // those that can leave, in order of their last use
	batches   map[Batch][]*object
	lastBatch Batch
	spilling  int64 // bytes
	punching  int64 // bytes
	unsaved   int64 // bytes of primary copies in memory that are not on disk
	refused   error // what the disk said last
	resume    int64 // when it is tried again
	usage     store.Usage
	now       int64
	do        []Action
}

// New returns a core for a node without objects.
func New(cfg Config) *Core {
	return &Core{cfg: cfg, space: extent.NewSpace(cfg.Limit), objects: make(map[spec.ObjectID]*object), batches: make(map[Batch][]*object)}
}

// Step takes an event in, at a time in nanoseconds since any fixed point, and says what to do. The actions are valid until
// the next step.
func (c *Core) Step(now int64, ev Event) []Action {
	c.now, c.do = now, c.do[:0]
	o := c.objects[ev.ID]
	switch ev.Op {
	case Create:
		c.create(o, ev)
	case Seal:
		c.seal(o)
	case SealAndGet:
		c.seal(o)
		c.get(o, ev)
	case Abort:
		c.abort(o)
	case Get:
		c.get(o, ev)
	case Cancel:
		c.cancel(o, ev.Token)
	case Release:
		c.release(o)
	case Mark:
		c.mark(o, ev.Copy)
	case Delete:
		c.delete(o)
	case Spilled:
		c.spilled(ev)
	case Restored:
		c.restored(o, ev.Err)
	case Fell:
		c.fell(o, ev.Err)
	case Claim:
		if b, ok := c.space.Claim(ev.Free, ev.Off, ev.Off+ev.Size); ok {
			c.punching += b.Size
			c.say(Action{Do: Punch, Block: b})
		}
	case Punched:
		c.punching -= ev.Block.Size
		if free := c.space.Free(ev.Block); ev.Err == nil { // there may be more pages in it
			c.say(Action{Do: Vacate, Free: free})
		}
	case Tick: // the queue is looked at
	}
	c.serve()
	c.spillAhead()
	return c.do
}

func (c *Core) say(a Action) { c.do = append(c.do, a) }

func (c *Core) create(o *object, ev Event) {
	switch {
	case o != nil:
		c.say(Action{Do: Refuse, ID: ev.ID, Token: ev.Token, Err: &spec.Error{Op: "store", Kind: spec.AlreadyExists, ID: "object " + ev.ID.String()}})
	case ev.Size < 1:
		c.say(Action{Do: Refuse, ID: ev.ID, Token: ev.Token, Err: spec.Errorf("store", spec.InvalidArgument, "object "+ev.ID.String(), "it has %d bytes, at least 1", ev.Size)})
	default:
		o := &object{id: ev.ID, size: ev.Size, copy: ev.Copy, creator: ev.Token}
		c.objects[ev.ID] = o
		if o.size > c.space.Size() { // waiting would not help
			c.giveUp(o)
			return
		}
		c.queue.append(o)
	}
}

func (c *Core) seal(o *object) {
	if o == nil || o.state != draft {
		return
	}
	o.state = there
	c.usage.Drafts--
	c.usage.Objects++
	c.save(o, 1)
	c.file(o)
}

// save counts the object, times n, among those that are in memory only.
func (c *Core) save(o *object, n int64) {
	if o.inMemory && !o.onDisk && o.copy == store.Primary {
		c.unsaved += n * o.size
	}
	if o.inMemory && o.copy == store.Primary {
		c.usage.Primary += n * o.size
	} else if o.inMemory {
		c.usage.Secondary += n * o.size
	}
}

// file puts a sealed object in the list that it belongs to now, at the end.
func (c *Core) file(o *object) {
	if o.state == waiting {
		return
	}
	if o.list != nil {
		o.list.remove(o)
	}
	switch {
	case o.state != there || !o.inMemory || o.viewed > 0 || o.spilling || o.doomed:
	case o.onDisk || o.copy == store.Secondary:
		c.droppable.append(o)
	default:
		c.spillable.append(o)
	}
}

func (c *Core) abort(o *object) {
	if o == nil || o.state != queued && o.state != draft {
		return
	}
	if o.state == draft {
		c.usage.Drafts--
	}
	c.drop(o)
}

// drop forgets an object that nobody uses.
func (c *Core) drop(o *object) {
	if o.state >= there {
		c.usage.Objects--
		c.save(o, -1)
	}
	if o.list != nil {
		o.list.remove(o)
	}
	c.vacate(o)
	if o.onDisk || o.fallen {
		c.say(Action{Do: Forget, ID: o.id})
	}
	if o.state == away || o.state == waiting || o.state == restoring {
		c.usage.Spilled -= o.size
	}
	delete(c.objects, o.id)
}

// vacate gives the object's memory back.
func (c *Core) vacate(o *object) {
	if o.fallen {
		c.usage.Fallback -= o.size
	}
	if !o.inMemory {
		return
	}
	o.inMemory = false
	if free := c.space.Free(o.block); free.To > free.From {
		c.say(Action{Do: Vacate, Free: free})
	}
	o.block = extent.Block{}
}

func (c *Core) get(o *object, ev Event) {
	if o == nil || o.doomed || o.state < there {
		c.say(Action{Do: Miss, ID: ev.ID, Token: ev.Token, Err: &spec.Error{Op: "get", Kind: spec.NotFound, ID: "object " + ev.ID.String()}})
		return
	}
	if o.state == there {
		c.grant(o, ev.Token)
		return
	}
	o.waiters = append(o.waiters, ev.Token)
	if o.state == away {
		o.state = waiting
		o.stuck = false
		c.queue.append(o)
	}
}

func (c *Core) grant(o *object, token Token) {
	if o.viewed++; o.viewed == 1 && o.inMemory {
		c.usage.Viewed += o.size
	}
	if o.list != nil {
		o.list.remove(o)
	}
	c.say(Action{Do: Grant, ID: o.id, Token: token, Block: o.block})
}

func (c *Core) cancel(o *object, token Token) {
	if o == nil {
		return
	}
	for i, t := range o.waiters {
		if t == token {
			o.waiters = append(o.waiters[:i], o.waiters[i+1:]...)
			break
		}
	}
	if len(o.waiters) == 0 && o.state == waiting {
		c.queue.remove(o)
		o.state = away
	}
}

func (c *Core) release(o *object) {
	if o == nil || o.viewed == 0 {
		return
	}
	if o.viewed--; o.viewed > 0 {
		return
	}
	if o.inMemory {
		c.usage.Viewed -= o.size
	}
	if o.doomed && !o.spilling {
		c.drop(o)
		return
	}
	c.file(o)
}

func (c *Core) mark(o *object, kind store.Copy) {
	if o == nil || o.copy == kind || o.state < there || o.doomed {
		return
	}
	c.save(o, -1)
	o.copy = kind
	c.save(o, 1)
	c.file(o)
}

func (c *Core) delete(o *object) {
	if o == nil || o.state < there || o.doomed {
		return
	}
	for _, t := range o.waiters {
		c.say(Action{Do: Miss, ID: o.id, Token: t, Err: &spec.Error{Op: "get", Kind: spec.NotFound, ID: "object " + o.id.String(), Err: errDeleted}})
	}
	o.waiters = nil
	if o.viewed > 0 || o.spilling || o.state == restoring {
		o.doomed = true
		if o.list != nil {
			o.list.remove(o)
		}
		return
	}
	c.drop(o)
}
