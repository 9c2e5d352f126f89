package transfer

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Fanout is how many others one copy serves at a time, as long as there is another that can.
const Fanout = 2

// Op says what happened.
type Op uint8

const (
	// Added: Node has a copy of the object: it made one, or has got all of it.
	Added Op = iota + 1
	// Removed: it has none, and gets none.
	Removed
	// Want: Node wants a copy. Answered by Serve or Lost.
	Want
	// Failed: it wants one still, and From could not serve it. Answered by Serve or Lost.
	Failed
	// NodeGone: Node is gone with all that it had. Lost says of which objects that was the last copy.
	NodeGone
	// Freed: nobody will want the object any more.
	Freed
)

// Event is one thing that happened. What does not fit changes nothing.
type Event struct {
	Op   Op
	ID   spec.ObjectID // but for NodeGone
	Node spec.NodeID   // but for Freed
	From spec.NodeID   // Failed
}

// Do says what to do.
type Do uint8

const (
	// Serve: To gets the object from From, which has a copy or is getting one.
	Serve Do = iota + 1
	// Lost: there is no copy, neither for To if that is set nor for anybody, unless the object is made again.
	Lost
	// Drop: To has a copy, or a part of one, that nobody will want.
	Drop
)

// Action is one thing to do.
type Action struct {
	Do       Do
	ID       spec.ObjectID
	From, To spec.NodeID
}

// receiver is a node that wants a copy and has not got all of it.
type receiver struct {
	node, from spec.NodeID
	failed     map[spec.NodeID]int // how often who could not serve it
}

// copies is what the directory knows of one object.
type copies struct {
	at        []spec.NodeID             // who has one, the first came first
	receivers []*receiver               // in the order in which they came
	getting   map[spec.NodeID]*receiver // the same, by node
	serves    map[spec.NodeID]int
}

// Directory knows where objects are. It is not safe for concurrent use.
type Directory struct {
	objects map[spec.ObjectID]*copies
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
	c := d.objects[ev.ID]
	switch {
	case ev.Op == NodeGone:
		d.gone(ev.Node)
	case ev.Op == Added:
		if c == nil {
			c = &copies{getting: make(map[spec.NodeID]*receiver), serves: make(map[spec.NodeID]int)}
			d.objects[ev.ID] = c
		}
		c.leave(ev.Node)
		if !slices.Contains(c.at, ev.Node) {
			c.at = append(c.at, ev.Node)
		}
	case c == nil:
		if ev.Op == Want || ev.Op == Failed {
			d.do = append(d.do, Action{Do: Lost, ID: ev.ID, To: ev.Node})
		}
	case ev.Op == Removed:
		d.remove(ev.ID, c, ev.Node)
	case ev.Op == Want, ev.Op == Failed:
		d.serve(ev.ID, c, ev)
	case ev.Op == Freed:
		for _, n := range c.at {
			d.do = append(d.do, Action{Do: Drop, ID: ev.ID, To: n})
		}
		for _, r := range c.receivers {
			d.do = append(d.do, Action{Do: Drop, ID: ev.ID, To: r.node})
		}
		delete(d.objects, ev.ID)
	}
	return d.do
}

// gone takes a node out of everything, and tells of what there is no copy left, in the order of the ids.
func (d *Directory) gone(n spec.NodeID) {
	for id, c := range d.objects {
		had := len(c.at) > 0
		if d.remove(id, c, n); had && len(c.at) == 0 {
			d.do = append(d.do, Action{Do: Lost, ID: id})
		}
	}
	slices.SortFunc(d.do, func(a, b Action) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

// remove takes a node out. Those whom it served find out by themselves.
func (d *Directory) remove(id spec.ObjectID, c *copies, n spec.NodeID) {
	c.leave(n)
	if c.at = slices.DeleteFunc(c.at, func(x spec.NodeID) bool { return x == n }); len(c.at)+len(c.receivers) == 0 {
		delete(d.objects, id)
	}
}

// leave takes a node out of those who want a copy.
func (c *copies) leave(n spec.NodeID) {
	if r := c.getting[n]; r != nil {
		c.servedBy(r, spec.NodeID{})
		delete(c.getting, n)
		c.receivers = slices.DeleteFunc(c.receivers, func(x *receiver) bool { return x == r })
	}
}

// servedBy notes who serves a receiver from now on, nobody if from is zero.
func (c *copies) servedBy(r *receiver, from spec.NodeID) {
	if r.from != (spec.NodeID{}) {
		if c.serves[r.from]--; c.serves[r.from] == 0 {
			delete(c.serves, r.from)
		}
	}
	if r.from = from; from != (spec.NodeID{}) {
		c.serves[from]++
	}
}

// serve finds a source for who wants a copy. Whoever says so has none, whatever was known.
func (d *Directory) serve(id spec.ObjectID, c *copies, ev Event) {
	c.at = slices.DeleteFunc(c.at, func(x spec.NodeID) bool { return x == ev.Node })
	r := c.getting[ev.Node]
	if r == nil {
		r = &receiver{node: ev.Node}
		c.getting[ev.Node] = r
		c.receivers = append(c.receivers, r)
	}
	c.servedBy(r, spec.NodeID{})
	if ev.Op == Failed {
		if r.failed == nil {
			r.failed = make(map[spec.NodeID]int)
		}
		r.failed[ev.From]++
	}
	from, ok := c.source(r)
	if !ok {
		d.remove(id, c, ev.Node)
		d.do = append(d.do, Action{Do: Lost, ID: id, To: ev.Node})
		return
	}
	c.servedBy(r, from)
	d.do = append(d.do, Action{Do: Serve, ID: id, From: from, To: ev.Node})
}

// source chooses who serves a receiver: of those that failed it least often, the nearest to a copy that serves few, or
// else the copy that serves fewest. Without a copy there is no source.
func (c *copies) source(r *receiver) (best spec.NodeID, ok bool) {
	type rank struct{ failed, busy, level int }
	var least rank
	consider := func(n spec.NodeID, x rank) {
		if !ok || cmp.Or(x.failed-least.failed, x.busy-least.busy, x.level-least.level) < 0 {
			best, least, ok = n, x, true
		}
	}
	for _, n := range c.at {
		consider(n, rank{failed: r.failed[n], busy: max(0, c.serves[n]-Fanout+1)})
	}
	for _, x := range c.receivers {
		if x == r || c.serves[x.node] >= Fanout {
			continue
		}
		if level := c.level(x, r); level > 0 {
			consider(x.node, rank{failed: r.failed[x.node], level: level})
		}
	}
	return best, ok
}

// level returns by how many steps what x gets comes from a copy, 0 if it does not, or comes by way of r.
func (c *copies) level(x, r *receiver) int {
	for level := 1; x != nil && x != r && level <= len(c.receivers); level++ {
		if slices.Contains(c.at, x.from) {
			return level
		}
		x = c.getting[x.from]
	}
	return 0
}
