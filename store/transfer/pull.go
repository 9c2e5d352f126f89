package transfer

import (
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

// Defaults of a Puller.
const (
	ChunkBytes  = 5 * spec.MiB // Ray's object_manager_default_chunk_size
	ChunksAhead = 4            // of one object at a time
)

// PullOp says what happened.
type PullOp uint8

const (
	// Pull: somebody here wants the object, of Size bytes, at least 1, with a Priority.
	Pull PullOp = iota + 1
	// Unpull: one who wanted it with that Priority wants it no longer.
	Unpull
	// From: Node can send it. Sent again after the source was lost.
	From
	// Nowhere: there is no copy.
	Nowhere
	// Came: the Chunk is here.
	Came
	// NoChunk: the Chunk did not come, the source cannot send it.
	NoChunk
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
	// Locate: a source of the object is wanted. Answered by From or Nowhere.
	Locate PullDo = iota + 1
	// Fetch: N bytes of the object at Off are wanted from Node: its Chunk. Answered by Came or NoChunk.
	Fetch
	// LoseSource: Node could not send the object, another source is wanted. Answered by From or Nowhere.
	LoseSource
	// Complete: all of the object is here.
	Complete
	// GiveUp: what is here of the object is not needed: nobody wants it, or something more urgent needs the room.
	GiveUp
	// Missing: there is no copy.
	Missing
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
	active  bool
	source  spec.NodeID
	sourced bool
	left    []int64 // chunks that are neither here nor on their way
	coming  []int64
}

// priority is that of the most urgent who wants it, priorities if nobody does.
func (p *pull) priority() Priority {
	for k, n := range p.wanted {
		if n > 0 {
			return Priority(k)
		}
	}
	return priorities
}

// Puller decides what a node gets from others, in which order. Objects are admitted as long as all that are on their way
// fit a limit: the most urgent first, and of those the first that came; a more urgent one pushes others out that have
// hardly begun. The first is admitted whatever its size. It is not safe for concurrent use.
type Puller struct {
	limit   int64 // bytes of objects that are on their way
	active  int64
	pulls   map[spec.ObjectID]*pull
	order   []*pull // by priority, then in the order in which they came
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
			p = &pull{id: ev.ID, size: ev.Size, number: u.counter}
			for k := range (ev.Size + ChunkBytes - 1) / ChunkBytes {
				p.left = append(p.left, k)
			}
			u.pulls[ev.ID] = p
			u.order = append(u.order, p)
		}
		p.wanted[ev.Priority]++
	case p == nil:
		return u.do
	case ev.Op == Unpull && ev.Priority < priorities && p.wanted[ev.Priority] > 0:
		if p.wanted[ev.Priority]--; p.priority() == priorities {
			if p.active {
				u.say(PullAction{Do: GiveUp, ID: p.id})
			}
			u.drop(p)
		}
	case ev.Op == From && p.active && !p.sourced:
		p.source, p.sourced = ev.Node, true
	case ev.Op == Nowhere && p.active && !p.sourced:
		u.say(PullAction{Do: Missing, ID: p.id})
		u.drop(p)
	case ev.Op == Came:
		if k := slices.Index(p.coming, ev.Chunk); k >= 0 {
			p.coming = slices.Delete(p.coming, k, k+1)
			if len(p.coming)+len(p.left) == 0 {
				u.say(PullAction{Do: Complete, ID: p.id})
				u.drop(p)
			}
		}
	case ev.Op == NoChunk:
		if k := slices.Index(p.coming, ev.Chunk); k >= 0 { // what came stays, the rest comes from elsewhere
			p.coming = slices.Delete(p.coming, k, k+1)
			p.left = append([]int64{ev.Chunk}, p.left...)
			if p.sourced && p.source == ev.Node {
				p.sourced = false
				u.say(PullAction{Do: LoseSource, ID: p.id, Node: ev.Node})
			}
		}
	}
	u.admit()
	return u.do
}

func (u *Puller) say(a PullAction) { u.do = append(u.do, a) }

// drop forgets an object.
func (u *Puller) drop(p *pull) {
	if p.active {
		u.active -= p.size
	}
	delete(u.pulls, p.id)
	u.order = slices.DeleteFunc(u.order, func(x *pull) bool { return x == p })
}

// admit lets the most urgent objects begin, and fetches the next chunks of those that have.
func (u *Puller) admit() {
	slices.SortFunc(u.order, func(a, b *pull) int {
		if d := int(a.priority()) - int(b.priority()); d != 0 {
			return d
		}
		return int(a.number) - int(b.number)
	})
	sum := int64(0)
	fits := 0
	for ; fits < len(u.order) && (fits == 0 || sum+u.order[fits].size <= u.limit); fits++ {
		sum += u.order[fits].size
	}
	for _, p := range u.order[fits:] {
		if p.active && len(p.coming) == 0 && !p.begun() { // what has begun is finished
			u.say(PullAction{Do: GiveUp, ID: p.id})
			p.active, p.sourced = false, false
			u.active -= p.size
		}
	}
	for _, p := range u.order[:fits] {
		if !p.active && (u.active == 0 || u.active+p.size <= u.limit) {
			p.active = true
			u.active += p.size
			u.say(PullAction{Do: Locate, ID: p.id})
		}
	}
	for _, p := range u.order {
		for p.active && p.sourced && len(p.left) > 0 && len(p.coming) < ChunksAhead {
			k := p.left[0]
			p.left = p.left[1:]
			p.coming = append(p.coming, k)
			u.say(PullAction{Do: Fetch, ID: p.id, Node: p.source, Chunk: k, Off: k * ChunkBytes, N: min(ChunkBytes, p.size-k*ChunkBytes)})
		}
	}
}

// begun reports whether a part of it is here.
func (p *pull) begun() bool {
	return int64(len(p.left)+len(p.coming)) < (p.size+ChunkBytes-1)/ChunkBytes
}
