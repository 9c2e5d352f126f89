package host

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Who keeps what: the objects of the node by where they were made and by what keeps them, as `ray memory` tells it.

// Site is where objects are made: in which function, by which call.
type Site struct {
	Function string // as its module spells it; "driver" for a program's main function
	Call     string // the function of which they are results; "" if they were put
}

// String prints the site: "driver: put", "driver: make()".
func (s Site) String() string {
	if s.Call == "" {
		return s.Function + ": put"
	}
	return s.Function + ": " + s.Call + "()"
}

// Reference is why an object is there.
type Reference string

// The kinds of references. An object of which there are several is of the first of them.
const (
	UsedByPendingTask Reference = "USED_BY_PENDING_TASK" // an unfinished call was given it
	OnlyInCycle       Reference = "ONLY_IN_CYCLE"        // what only refers to itself does, see Node.FindUnreachable
	LocalReference    Reference = "LOCAL_REFERENCE"      // a program has a handle
	CapturedInObject  Reference = "CAPTURED_IN_OBJECT"   // it is in the value of another, and nobody has a handle
)

// Place is where the bytes of an object are.
type Place string

// The places.
const (
	PlaceNowhere Place = "pending" // it is not there yet
	PlaceTable   Place = "table"   // with the record of it, for it is small
	PlaceMemory  Place = "memory"  // in the object store
	PlaceBoth    Place = "both"    // there and on disk
	PlaceDisk    Place = "disk"
	PlaceError   Place = "error" // it holds an error
)

// MemoryUse is what the objects take that were made at one site and that the same kind of reference keeps.
type MemoryUse struct {
	Site
	Reference    Reference
	Objects      int
	Pending      int   // of them not there yet
	Bytes        int64 // reserved for them, in memory and on disk
	Large        int64 // bytes of them in the object store
	Spilled      int   // of them on disk only
	SpilledBytes int64
}

// ObjectUse is one object and what keeps it.
type ObjectUse struct {
	ID spec.ObjectID
	Site
	Reference  Reference
	Place      Place
	Bytes      int64 // reserved for it
	References int
	Pins       []Pin // what is known to have one, at most MaxPins
	Handles    int   // references of programs that run: those beyond what else was seen to have one
}

// MaxPins bounds what is said of one object.
const MaxPins = 10

// Pin is what has a reference.
type Pin struct {
	Kind string // task, actor or object
	ID   string
	Name string // of the task's function or the actor's class
}

// Memory is what a node keeps.
type Memory struct {
	Uses    []MemoryUse // the most first
	Objects []ObjectUse // the largest first
	More    int         // objects that are not among them
	Cycles  int         // actors that only refer to themselves and to unreachable objects
}

// Memory returns what the objects of the node take, in sum and for the largest of them, at most limit. It takes time in proportion
// to all there are. While calls come and end, what it says of references may be of a moment ago.
func (n *Node) Memory(limit int) Memory {
	var m Memory
	pinned := n.pinned()
	unreachable := make(map[spec.ObjectID]bool)
	for _, l := range n.unreachableLinks() {
		if l.IsActor {
			m.Cycles++
		} else {
			unreachable[l.Object] = true
		}
	}
	all := n.objects.holdings(pinned, unreachable)
	type group struct {
		Site
		kind Reference
	}
	sums := make(map[group]*MemoryUse)
	for i := range all {
		h := &all[i]
		if h.Place == PlaceMemory {
			if o, ok := n.store.Has(h.ID); ok && o.OnDisk {
				if h.Place = PlaceDisk; o.InMemory {
					h.Place = PlaceBoth
				}
			}
		}
		g := group{h.Site, h.Reference}
		u := sums[g]
		if u == nil {
			u = &MemoryUse{Site: g.Site, Reference: g.kind}
			sums[g] = u
		}
		u.Objects++
		u.Bytes += h.Bytes
		u.Large += h.large
		switch h.Place {
		case PlaceNowhere:
			u.Pending++
		case PlaceDisk:
			u.Spilled++
			u.SpilledBytes += h.large
		}
	}
	for _, u := range sums {
		m.Uses = append(m.Uses, *u)
	}
	slices.SortFunc(m.Uses, func(a, b MemoryUse) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Site.String(), b.Site.String()), cmp.Compare(a.Reference, b.Reference))
	})
	largest := make([]*holding, len(all))
	for i := range all {
		largest[i] = &all[i]
	}
	slices.SortFunc(largest, func(a, b *holding) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), bytes.Compare(a.ID[:], b.ID[:]))
	})
	m.More = max(0, len(all)-limit)
	for _, h := range largest[:len(all)-m.More] {
		if p := pinned[h.ID]; p != nil {
			h.Pins = append(p.first, h.Pins...)
			h.Handles -= p.count
		}
		h.Pins = h.Pins[:min(len(h.Pins), MaxPins)]
		h.Handles = max(0, h.Handles)
		m.Objects = append(m.Objects, h.ObjectUse)
	}
	return m
}

// pins are what was seen to have references to an object, from outside of other objects.
type pins struct {
	count int
	tasks int
	first []Pin // tasks first
}

func (p *pins) add(pin Pin) {
	p.count++
	if len(p.first) < MaxPins {
		p.first = append(p.first, pin)
	}
}

// pinned returns what has references to objects: unfinished calls of open jobs, and actors in which nothing runs.
func (n *Node) pinned() map[spec.ObjectID]*pins {
	jobs, actors := n.living()
	all := make(map[spec.ObjectID]*pins)
	pin := func(links []spec.Link, by Pin) {
		for _, l := range links {
			if l.IsActor {
				continue
			}
			p := all[l.Object]
			if p == nil {
				p = new(pins)
				all[l.Object] = p
			}
			if p.add(by); by.Kind == "task" {
				p.tasks++
			}
		}
	}
	for _, j := range jobs {
		for _, t := range j.tasks() {
			pin(t.links, Pin{"task", t.id.String(), t.function})
		}
	}
	for _, a := range actors {
		links := a.links // of its constructor
		if q, ok := a.idle(); ok {
			links = q.links
		}
		pin(links, Pin{"actor", a.id.String(), a.class.Name})
	}
	return all
}

// holding is an object of the table with what the table knows of it.
type holding struct {
	ObjectUse
	large int64
}

// holdings returns all objects at this instant. The pins of each are the objects that contain it.
func (o *objects) holdings(pinned map[spec.ObjectID]*pins, unreachable map[spec.ObjectID]bool) []holding {
	o.mu.Lock()
	defer o.mu.Unlock()
	containers := o.refs.Containers()
	known, _ := o.refs.Len()
	all := make([]holding, 0, known)
	for id, entry := range o.refs.Objects() {
		link := spec.ObjectLink(id)
		in := containers[link]
		h := holding{ObjectUse{ID: id, Site: entry.site, Reference: LocalReference, Place: entry.place(), Bytes: entry.bytes + entry.stored,
			References: o.refs.Count(link)}, entry.stored}
		switch p := pinned[id]; {
		case p != nil && p.tasks > 0:
			h.Reference = UsedByPendingTask
		case unreachable[id]:
			h.Reference = OnlyInCycle
		case len(in) >= h.References:
			h.Reference = CapturedInObject
		}
		h.Handles = h.References - len(in)
		for _, outer := range in[:min(len(in), MaxPins)] {
			h.Pins = append(h.Pins, Pin{Kind: "object", ID: outer.String()})
		}
		all = append(all, h)
	}
	return all
}

// place says where the bytes are, but for what only the store knows. The caller holds mu.
func (e *object) place() Place {
	switch {
	case !e.ready:
		return PlaceNowhere
	case e.err != nil:
		return PlaceError
	case e.stored > 0:
		return PlaceMemory
	}
	return PlaceTable
}
