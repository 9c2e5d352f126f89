package host

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Who keeps what: the objects of the node by what made them and by what keeps them, as `ray memory` tells it.

// Reference is why an object is there.
type Reference string

// The kinds of references. An object of which there are several is of the first of them.
const (
	UsedByPendingTask Reference = "USED_BY_PENDING_TASK" // an unfinished call has it as an argument
	LocalReference    Reference = "LOCAL_REFERENCE"      // a program has a handle
	CapturedInObject  Reference = "CAPTURED_IN_OBJECT"   // it is in the value of another, and nobody has a handle
)

// MemoryUse is what the objects take that calls of one function made, and the same kind of reference keeps.
type MemoryUse struct {
	Function     string    `json:"function"` // "driver" is the program's main function
	Put          bool      `json:"put"`      // they were put; otherwise they are results
	Reference    Reference `json:"reference"`
	Objects      int       `json:"objects"`
	Pending      int       `json:"pending"` // of them not there yet
	Bytes        int64     `json:"bytes"`   // reserved for them, in memory and on disk
	Large        int64     `json:"large"`   // bytes of them in the object store
	Spilled      int       `json:"spilled"` // of them on disk only
	SpilledBytes int64     `json:"spilled_bytes"`
}

// Memory returns what the objects of the node take, the most first. It takes time in proportion to all there are. While
// calls come and end, the kind of a reference may be that of a moment ago.
func (n *Node) Memory() []MemoryUse {
	type group struct {
		function string
		put      bool
		kind     Reference
	}
	sums := make(map[group]*MemoryUse)
	for _, h := range n.objects.holdings(n.pendingArguments()) {
		g := group{h.maker, h.id.IsPut(), h.kind}
		u := sums[g]
		if u == nil {
			u = &MemoryUse{Function: g.function, Put: g.put, Reference: g.kind}
			sums[g] = u
		}
		u.Objects++
		u.Bytes += h.bytes + h.large
		u.Large += h.large
		if !h.ready {
			u.Pending++
		}
		if h.large == 0 {
			continue
		}
		if o, ok := n.store.Has(h.id); ok && !o.InMemory {
			u.Spilled++
			u.SpilledBytes += h.large
		}
	}
	all := make([]MemoryUse, 0, len(sums))
	for _, u := range sums {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b MemoryUse) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Function, b.Function), cmp.Compare(a.Reference, b.Reference))
	})
	return all
}

// pendingArguments returns the objects that are arguments of unfinished calls of open jobs.
func (n *Node) pendingArguments() map[spec.ObjectID]bool {
	n.mu.Lock()
	jobs := make([]*Job, 0, len(n.open))
	for j := range n.open {
		jobs = append(jobs, j)
	}
	n.mu.Unlock()
	used := make(map[spec.ObjectID]bool)
	for _, j := range jobs {
		for _, t := range j.tasks() {
			for _, id := range t.refs() {
				used[id] = true
			}
		}
	}
	return used
}

// holding is an object of the table, and what keeps it.
type holding struct {
	id           spec.ObjectID
	maker        string
	kind         Reference
	ready        bool
	bytes, large int64
}

// holdings returns all objects at this instant, of which pending are arguments of unfinished calls.
func (o *objects) holdings(pending map[spec.ObjectID]bool) []holding {
	o.mu.Lock()
	defer o.mu.Unlock()
	contained := o.refs.Contained()
	known, _ := o.refs.Len()
	all := make([]holding, 0, known)
	for id, entry := range o.refs.Objects() {
		kind, link := LocalReference, spec.ObjectLink(id)
		switch {
		case pending[id]:
			kind = UsedByPendingTask
		case contained[link] >= o.refs.Count(link):
			kind = CapturedInObject
		}
		all = append(all, holding{id, entry.maker, kind, entry.ready, entry.bytes, entry.stored})
	}
	return all
}
