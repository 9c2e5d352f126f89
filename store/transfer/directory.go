package transfer

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Fanout is how many others one copy serves at a time.
const Fanout = 2

// Op says what happened.
type Op uint8

const (
	// Added: Node has a copy of the object.
	Added Op = iota + 1
	// Removed: it has none any more.
	Removed
	// Want: Node wants a copy. Answered by Serve or Lost.
	Want
	// Unwant: it wants none any more.
	Unwant
	// Got: it has got the copy that it was served.
	Got
	// Failed: it did not get it, for From could not serve it.
	Failed
	// NodeGone: Node is gone with all that it had.
	NodeGone
	// Freed: nobody will want the object any more.
	Freed
)

// Event is one thing that happened. What does not fit changes nothing.
type Event struct {
	Op   Op
	ID   spec.ObjectID // but for NodeGone
	Node spec.NodeID   // but for Freed
}

// Do says what to do.
type Do uint8

const (
	// Serve: To gets the object from From.
	Serve Do = iota + 1
	// Lost: there is no copy for To, nor will there be one unless the object is made again.
	Lost
	// Drop: To has a copy that nobody will want.
	Drop
)

// Action is one thing to do.
type Action struct {
	Do       Do
	ID       spec.ObjectID
	From, To spec.NodeID
}

// copies is what the directory knows of one object.
type copies struct {
	at      []spec.NodeID // who has one, the first came first
	serving []stream
	queue   []spec.NodeID // who wants one and is not served
}

type stream struct{ from, to spec.NodeID }

// Directory knows where objects are. It is not safe for concurrent use.
type Directory struct {
	objects map[spec.ObjectID]*copies
	order   []spec.ObjectID // of those, so that a node's death is told in an order
	do      []Action
}

// NewDirectory returns an empty directory.
func NewDirectory() *Directory { return &Directory{objects: make(map[spec.ObjectID]*copies)} }

// Locations returns who has a copy, the first came first. The slice is the directory's.
func (d *Directory) Locations(id spec.ObjectID) []spec.NodeID {
	if c := d.objects[id]; c != nil {
		return c.at
	}
	return nil
}

// Step takes an event in and says what to do. The actions are valid until the next step.
func (d *Directory) Step(ev Event) []Action {
	d.do = d.do[:0]
	if ev.Op == NodeGone {
		for _, id := range slices.Clone(d.order) {
			c := d.objects[id]
			c.unwant(ev.Node)
			d.remove(id, c, ev.Node)
		}
		return d.do
	}
	c := d.objects[ev.ID]
	if c == nil {
		if ev.Op != Added {
			if ev.Op == Want {
				d.do = append(d.do, Action{Do: Lost, ID: ev.ID, To: ev.Node})
			}
			return d.do
		}
		c = &copies{}
		d.objects[ev.ID] = c
		d.order = append(d.order, ev.ID)
	}
	switch ev.Op {
	case Added:
		c.unwant(ev.Node)
		c.add(ev.Node)
	case Removed:
		d.remove(ev.ID, c, ev.Node)
		return d.do
	case Want:
		if !slices.Contains(c.at, ev.Node) && !slices.Contains(c.queue, ev.Node) && c.source(ev.Node) < 0 {
			c.queue = append(c.queue, ev.Node)
		}
	case Unwant:
		c.unwant(ev.Node)
	case Got:
		if c.source(ev.Node) >= 0 {
			c.unwant(ev.Node)
			c.add(ev.Node)
		}
	case Failed:
		if k := c.source(ev.Node); k >= 0 { // it is served by another one, before those who came later
			from := c.serving[k].from
			c.unwant(ev.Node)
			c.queue = slices.Insert(c.queue, 0, ev.Node)
			d.remove(ev.ID, c, from)
			return d.do
		}
	case Freed:
		for _, n := range c.at {
			d.do = append(d.do, Action{Do: Drop, ID: ev.ID, To: n})
		}
		for _, n := range c.queue {
			d.do = append(d.do, Action{Do: Lost, ID: ev.ID, To: n})
		}
		for _, s := range c.serving {
			d.do = append(d.do, Action{Do: Drop, ID: ev.ID, To: s.to})
		}
		d.forget(ev.ID)
		return d.do
	}
	d.serve(ev.ID, c)
	return d.do
}

func (c *copies) add(n spec.NodeID) {
	if !slices.Contains(c.at, n) {
		c.at = append(c.at, n)
	}
}

// source returns the stream that serves a node, -1 if none does.
func (c *copies) source(n spec.NodeID) int {
	return slices.IndexFunc(c.serving, func(s stream) bool { return s.to == n })
}

// unwant takes a node out of those who want a copy.
func (c *copies) unwant(n spec.NodeID) {
	c.queue = slices.DeleteFunc(c.queue, func(x spec.NodeID) bool { return x == n })
	c.serving = slices.DeleteFunc(c.serving, func(s stream) bool { return s.to == n })
}

// remove takes a copy out. Those whom it served are served by others, before those who came later.
func (d *Directory) remove(id spec.ObjectID, c *copies, n spec.NodeID) {
	c.at = slices.DeleteFunc(c.at, func(x spec.NodeID) bool { return x == n })
	var orphans []spec.NodeID
	c.serving = slices.DeleteFunc(c.serving, func(s stream) bool {
		if s.from == n {
			orphans = append(orphans, s.to)
		}
		return s.from == n
	})
	c.queue = append(orphans, c.queue...)
	if len(c.at) > 0 {
		d.serve(id, c)
		return
	}
	for _, n := range c.queue {
		d.do = append(d.do, Action{Do: Lost, ID: id, To: n})
	}
	d.forget(id)
}

func (d *Directory) forget(id spec.ObjectID) {
	delete(d.objects, id)
	d.order = slices.DeleteFunc(d.order, func(x spec.ObjectID) bool { return x == id })
}

// serve gives those who wait a copy that serves fewest, the first of them.
func (d *Directory) serve(id spec.ObjectID, c *copies) {
	for len(c.queue) > 0 {
		best, fewest := spec.NodeID{}, Fanout
		for _, n := range c.at {
			serves := 0
			for _, s := range c.serving {
				if s.from == n {
					serves++
				}
			}
			if serves < fewest {
				best, fewest = n, serves
			}
		}
		if fewest == Fanout {
			return
		}
		to := c.queue[0]
		c.queue = c.queue[1:]
		c.serving = append(c.serving, stream{best, to})
		d.do = append(d.do, Action{Do: Serve, ID: id, From: best, To: to})
	}
}
