package transfer

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Priority says why an object is pulled. Smaller is more urgent, as in Ray: whoever blocks in get comes first.
type Priority uint8

const (
	// ForGet: somebody is blocked for its value.
	ForGet Priority = iota
	// ForWait: somebody waits until it is here.
	ForWait
	// ForArgs: a task that has not begun needs it.
	ForArgs
	priorities
)

const (
	// ChunkBytes is how long a chunk is, but for an object's last one: Ray's object_manager_default_chunk_size.
	ChunkBytes = 5 * spec.MiB
	// ChunksAhead is how many chunks of one object are on their way at a time, and ChunksComing of all of them.
	ChunksAhead  = 4
	ChunksComing = 64
	// Tries is how often in a row a source may fail until the object gives its room up and begins anew. If nothing of it has
	// come it does so at once: the source may need that very room, for objects that this node has to send.
	Tries = 8
)

// Chunks returns how many chunks an object of size bytes has.
func Chunks(size int64) int64 { return (size + ChunkBytes - 1) / ChunkBytes }

// PullOp says what happened.
type PullOp uint8

const (
	// Pull: somebody here wants the object, of Size bytes, at least 1, with a Priority.
	Pull PullOp = iota + 1
	// Unpull: one who wanted it with that Priority wants it no longer.
	Unpull
	// From: Node can send it. Sent again after the source was lost.
	From
	// Never: it cannot come: there is no copy of it, or no room for one.
	Never
	// Came: the Chunk is here.
	Came
	// NoChunk: the Chunk did not come, the source cannot send it.
	NoChunk
	// Differs: the source's object is not the one of which there are chunks.
	Differs
)

// PullEvent is one thing that happened to an object.
type PullEvent struct {
	Op       PullOp
	ID       spec.ObjectID
	Size     int64 // Pull, in bytes
	Priority Priority
	Node     spec.NodeID // From; NoChunk: whose failure it was
	Chunk    int64       // Came, NoChunk
}

// PullDo says what to do.
type PullDo uint8

const (
	// Locate: room for the object, and a source of it, are wanted. Answered by From or Never.
	Locate PullDo = iota + 1
	// Fetch: N bytes of the object at Off are wanted from Node: its Chunk. Answered by Came or NoChunk.
	Fetch
	// LoseSource: Node could not send the object, another source is wanted. Answered by From or Never.
	LoseSource
	// Complete: all of the object is here.
	Complete
	// GiveUp: what is here of the object is not needed: nobody wants it, something more urgent needs the room, it is of
	// another object than what will come, or sources fail. If it is to come still, Locate follows.
	GiveUp
	// Fail: it does not come.
	Fail
)

// PullAction is one thing to do.
type PullAction struct {
	Do     PullDo
	ID     spec.ObjectID
	Node   spec.NodeID
	Chunk  int64
	Off, N int64
}

// pull is one object that is wanted.
type pull struct {
	id      spec.ObjectID
	size    int64
	number  uint64 // in which order they came
	wanted  [priorities]int
	rank    Priority // of the most urgent who wants it; priorities if nobody does
	active  bool
	source  spec.NodeID
	sourced bool
	failed  int     // how often in a row a source has
	left    []int64 // chunks that are neither here nor on their way, the next one last
	coming  []int64
}

// line is pulls in order: by rank, then as they came.
type line []*pull

func (l line) find(p *pull) (int, bool) {
	return slices.BinarySearchFunc(l, p, func(a, b *pull) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.number, b.number)) })
}

func (l *line) add(p *pull) {
	if k, there := l.find(p); !there {
		*l = slices.Insert(*l, k, p)
	}
}

func (l *line) remove(p *pull) {
	if k, there := l.find(p); there {
		*l = slices.Delete(*l, k, k+1)
	}
}

// Puller decides what a node gets from others, in which order. Objects are admitted as long as all that are on their way
// fit a limit: the most urgent first, and of those the first that came; a more urgent one pushes others out of which
// nothing has come. The first is admitted whatever its size. It is not safe for concurrent use.
type Puller struct {
	limit   int64 // bytes of objects that are on their way
	bytes   int64 // of those
	coming  int   // chunks
	pulls   map[spec.ObjectID]*pull
	waiting line // those that are not admitted
	active  line // those that are
	ready   line // of those, the ones of which more chunks could be fetched
	counter uint64
	do      []PullAction
}

// NewPuller returns a puller that has at most limit bytes of objects on their way.
func NewPuller(limit int64) *Puller {
	return &Puller{limit: limit, pulls: make(map[spec.ObjectID]*pull)}
}

// Step takes an event in and says what to do. The actions are valid until the next step.
func (u *Puller) Step(ev PullEvent) []PullAction {
	u.do = u.do[:0]
	p := u.pulls[ev.ID]
	switch {
	case ev.Op == Pull && ev.Priority < priorities && ev.Size > 0:
		if p == nil {
			u.counter++
			p = &pull{id: ev.ID, size: ev.Size, number: u.counter, rank: ev.Priority}
			p.begin()
			u.pulls[ev.ID] = p
			u.waiting.add(p)
		}
		u.want(p, ev.Priority, 1)
	case p == nil:
		return u.do
	case ev.Op == Unpull && ev.Priority < priorities && p.wanted[ev.Priority] > 0:
		if u.want(p, ev.Priority, -1); p.rank == priorities {
			if p.active {
				u.say(PullAction{Do: GiveUp, ID: p.id})
			}
			u.drop(p)
		}
	case ev.Op == From && p.active && !p.sourced:
		p.source, p.sourced = ev.Node, true
		u.isReady(p)
	case ev.Op == Never && p.active && !p.sourced:
		u.say(PullAction{Do: Fail, ID: p.id})
		u.drop(p)
	case ev.Op == Came && u.arrived(p, ev.Chunk):
		p.failed = 0
		if u.isReady(p); len(p.coming)+len(p.left) == 0 {
			u.say(PullAction{Do: Complete, ID: p.id})
			u.drop(p)
		}
	case ev.Op == NoChunk && u.arrived(p, ev.Chunk):
		p.left = append(p.left, ev.Chunk)
		if p.sourced && p.source == ev.Node {
			u.lose(p)
		}
		u.isReady(p)
	case ev.Op == Differs && p.active:
		u.say(PullAction{Do: GiveUp, ID: p.id})
		u.rest(p)
	}
	u.admit()
	u.fetch()
	return u.do
}

func (u *Puller) say(a PullAction) { u.do = append(u.do, a) }

// lose takes its source from an object. What came of it stays, the rest comes from elsewhere.
func (u *Puller) lose(p *pull) {
	p.failed++
	if int64(len(p.left)+len(p.coming)) == Chunks(p.size) || p.failed == Tries {
		u.say(PullAction{Do: GiveUp, ID: p.id})
		u.rest(p)
		return
	}
	p.sourced = false
	u.say(PullAction{Do: LoseSource, ID: p.id, Node: p.source})
}

// begin has all of the object to come.
func (p *pull) begin() {
	p.left, p.coming, p.failed = p.left[:0], p.coming[:0], 0
	for k := Chunks(p.size) - 1; k >= 0; k-- {
		p.left = append(p.left, k)
	}
}

// want counts those who want it with a priority.
func (u *Puller) want(p *pull, priority Priority, n int) {
	p.wanted[priority] += n
	rank := Priority(0)
	for rank < priorities && p.wanted[rank] == 0 {
		rank++
	}
	if rank == p.rank {
		return
	}
	for _, l := range []*line{&u.waiting, &u.active, &u.ready} {
		if _, there := l.find(p); there {
			l.remove(p)
			was := p.rank
			p.rank = rank
			l.add(p)
			p.rank = was
		}
	}
	p.rank = rank
}

// isReady notes whether more chunks of the object could be fetched.
func (u *Puller) isReady(p *pull) {
	if p.sourced && len(p.left) > 0 && len(p.coming) < ChunksAhead {
		u.ready.add(p)
	} else {
		u.ready.remove(p)
	}
}

// arrived takes a chunk from those on their way; false if it was none.
func (u *Puller) arrived(p *pull, chunk int64) bool {
	k := slices.Index(p.coming, chunk)
	if k < 0 {
		return false
	}
	p.coming = slices.Delete(p.coming, k, k+1)
	u.coming--
	return true
}

// drop forgets an object.
func (u *Puller) drop(p *pull) {
	if p.active {
		u.rest(p)
	}
	u.waiting.remove(p)
	delete(u.pulls, p.id)
}

// rest has an object wait that was admitted. Nothing of it is here any more.
func (u *Puller) rest(p *pull) {
	u.active.remove(p)
	u.ready.remove(p)
	u.bytes -= p.size
	u.coming -= len(p.coming)
	p.active, p.sourced = false, false
	p.begin()
	u.waiting.add(p)
}

// admit lets the most urgent objects begin.
func (u *Puller) admit() {
	for len(u.waiting) > 0 {
		p := u.waiting[0]
		if len(u.active) > 0 && u.bytes+p.size > u.limit && !u.pushOut(p) {
			return
		}
		u.waiting.remove(p)
		p.active = true
		u.active.add(p)
		u.bytes += p.size
		u.say(PullAction{Do: Locate, ID: p.id})
	}
}

// pushOut makes room for an object by having less urgent ones wait of which nothing has come; false if there are not
// enough of them.
func (u *Puller) pushOut(p *pull) bool {
	var out []*pull
	rest, count := u.bytes, len(u.active)
	for _, x := range slices.Backward(u.active) {
		if count == 0 || rest+p.size <= u.limit || x.rank <= p.rank {
			break
		}
		if int64(len(x.left)) == Chunks(x.size) {
			out = append(out, x)
			rest -= x.size
			count--
		}
	}
	if count > 0 && rest+p.size > u.limit {
		return false
	}
	for _, x := range out {
		u.say(PullAction{Do: GiveUp, ID: x.id})
		u.rest(x)
	}
	return true
}

// fetch fetches the next chunks, the most urgent first.
func (u *Puller) fetch() {
	for u.coming < ChunksComing && len(u.ready) > 0 {
		p := u.ready[0]
		k := p.left[len(p.left)-1]
		p.left = p.left[:len(p.left)-1]
		p.coming = append(p.coming, k)
		u.coming++
		u.isReady(p)
		u.say(PullAction{Do: Fetch, ID: p.id, Node: p.source, Chunk: k, Off: k * ChunkBytes, N: min(ChunkBytes, p.size-k*ChunkBytes)})
	}
}
