package host

import (
	"context"
	"slices"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/exchange"
)

// What is owned by another node is borrowed: it has an entry and a count here, as what this node owns, and the core
// owner.Borrows keeps the owner from freeing it. The owner tells all borrowers when the object is there: its value if it
// is small, or which nodes have its bytes. Bytes come when somebody here reads them, and stay as a copy that may be evicted.
//
// The core is stepped under the table's lock, and its messages are sent there too: so they leave in the order in which they
// were decided.

// remote is what an entry has whose bytes are elsewhere, or which another node owns.
type remote struct {
	owner  spec.NodeID   // zero: this node
	orphan *spec.Error   // its owner died: what it is when its bytes are gone
	at     []spec.NodeID // of another's: who had the bytes when it was there
}

// far is where the bytes of a result are that another node made.
type far struct {
	size int64 // 0: they are in its value
	at   spec.NodeID
}

// keptFor is a result that was made here for another node.
type keptFor struct {
	node   spec.NodeID
	memory *store.Account
	size   int64
}

// arrival is a reference that a node has carried here for a message that is to follow.
type arrival struct {
	from spec.NodeID
	link spec.Link
}

// share makes the table one of a cluster's.
func (o *objects) share(c *clusterNode) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cluster, o.borrows, o.kept = c, owner.NewBorrows(c.node.id), make(map[spec.ObjectID]keptFor)
	o.carried = make(map[arrival]int)
	o.borrowed = c.node.memory.Account()
}

// borrow gives the core an event and does what follows. The caller holds mu and settles.
func (o *objects) borrow(ev owner.BorrowEvent) {
	for _, a := range o.borrows.Step(ev, func(l spec.Link) bool { return o.refs.Count(l) > 0 }, nil) {
		switch a.Do {
		case owner.Tell:
			o.cluster.port.Send(a.Node, peer.Message{Count: &peer.Count{Op: a.Op, Link: peer.Link(a.Link), Owner: a.Owner}})
			if entry := o.refs.Object(a.Link.Object); a.Op == owner.Held && !a.Link.IsActor && entry != nil && entry.ready {
				o.tellState(a.Node, a.Link.Object, entry)
			}
		case owner.Retain:
			switch {
			case o.refs.Retain(a.Link):
			case ev.Owner == o.cluster.node.id: // it was freed here
			case a.Link.IsActor:
				o.refs.CreateActor(a.Link.Actor, 1)
			default:
				*o.refs.Create(a.Link.Object, 1) = object{memory: o.borrowed, remote: &remote{owner: ev.Owner}}
			}
		case owner.Release:
			o.forgetFreed(o.refs.Release(a.Link, nil))
		case owner.Lose:
			if entry := o.refs.Object(a.Link.Object); !a.Link.IsActor && entry != nil && !entry.ready {
				o.due = append(o.due, func() { o.complete(a.Link.Object, spec.Value{}, a.Err) })
			} else if entry != nil && entry.stored > 0 && entry.remote != nil {
				entry.remote.owner, entry.remote.orphan = spec.NodeID{}, a.Err // it is this node's now, as long as somebody has the bytes
			}
		}
	}
}

// counted takes in a message about references.
func (o *objects) counted(from spec.NodeID, m *peer.Count) {
	if m.Op == owner.Carry {
		o.cluster.heard(from, m.Owner)
	}
	o.mu.Lock()
	o.borrow(owner.BorrowEvent{Op: m.Op, Node: from, Link: spec.Link(m.Link), Owner: m.Owner})
	if m.Op == owner.Carry {
		o.carried[arrival{from, spec.Link(m.Link)}]++
	}
	o.settle()
}

// claim returns those of a message's links that were carried for it, all of them if its sender is honest. From now on they are
// of whoever takes the message in.
func (o *objects) claim(from spec.NodeID, links []spec.Link) []spec.Link {
	if len(links) == 0 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.claimLocked(from, links)
}

// claimLocked is claim for a caller that holds mu.
func (o *objects) claimLocked(from spec.NodeID, links []spec.Link) (claimed []spec.Link) {
	for _, l := range links {
		a := arrival{from, l}
		if o.carried[a] == 0 {
			continue
		}
		if o.carried[a]--; o.carried[a] == 0 {
			delete(o.carried, a)
		}
		claimed = append(claimed, l)
	}
	return claimed
}

// died: a node is dead.
func (o *objects) died(node spec.NodeID) {
	o.mu.Lock()
	for a, n := range o.carried {
		if a.from != node {
			continue
		}
		delete(o.carried, a)
		for range n { // the messages do not come
			o.forgetFreed(o.refs.Release(a.link, nil))
		}
	}
	for id, k := range o.kept {
		if k.node == node {
			o.forgetKept(id, k)
		}
	}
	o.borrow(owner.BorrowEvent{Op: owner.Death, Node: node})
	o.settle()
}

// pass says that a message to a node is about to carry links.
func (o *objects) pass(to spec.NodeID, links []spec.Link) {
	if len(links) == 0 {
		return
	}
	o.mu.Lock()
	o.passLinks(to, links)
	o.settle()
}

func (o *objects) passLinks(to spec.NodeID, links []spec.Link) {
	for _, l := range links {
		o.borrow(owner.BorrowEvent{Op: owner.Pass, Node: to, Link: l, Owner: o.ownerOf(l)})
	}
}

// ownerOf returns who owns a link. The caller holds mu.
func (o *objects) ownerOf(l spec.Link) spec.NodeID {
	if node, ok := o.borrows.Owner(l); ok {
		return node
	}
	return o.cluster.node.id
}

// dispatch sends a call to a node: with the values of small arguments that are there, and references to the others. The caller
// holds mu and settles.
func (o *objects) dispatch(to spec.NodeID, args []spec.Arg, run *peer.Run) {
	run.Args = o.passArgs(to, args)
	o.cluster.port.Send(to, peer.Message{Run: run})
}

// passArgs carries the references among arguments to a node, and returns what it is sent. The caller holds mu.
func (o *objects) passArgs(to spec.NodeID, args []spec.Arg) []peer.Arg {
	out := make([]peer.Arg, len(args))
	for i, a := range args {
		entry := o.refs.Object(a.Ref)
		switch {
		case !a.IsRef:
			v := peer.ValueOf(a.Value)
			out[i].Value = &v
			o.passLinks(to, a.Value.Links)
		case entry != nil && entry.ready && entry.stored == 0 && entry.err == nil:
			v := peer.ValueOf(entry.value)
			out[i].Value = &v
			o.passLinks(to, entry.value.Links)
		default:
			out[i].Ref = &a.Ref
			o.passLinks(to, []spec.Link{spec.ObjectLink(a.Ref)})
		}
	}
	return out
}

// tellState tells a borrower what has become of an object. The caller holds mu.
func (o *objects) tellState(to spec.NodeID, id spec.ObjectID, entry *object) {
	m := &peer.State{ID: id, Made: entry.made}
	switch {
	case entry.err != nil:
		m.Err = spec.MarshalError(entry.err)
	case entry.stored > 0:
		m.Value, m.Size, m.At = peer.ValueOf(spec.Value{Links: entry.value.Links}), entry.stored, o.locations(id, entry)
	default:
		m.Value = peer.ValueOf(entry.value)
	}
	if entry.err == nil {
		o.passLinks(to, entry.value.Links)
	}
	o.cluster.port.Send(to, peer.Message{State: m})
}

// tellBorrowers tells all of them. The caller holds mu.
func (o *objects) tellBorrowers(id spec.ObjectID, entry *object) {
	for _, node := range o.borrows.Borrowers(spec.ObjectLink(id)) {
		o.tellState(node, id, entry)
	}
}

// locations returns who has an object's bytes, as far as it is known. The caller holds mu.
func (o *objects) locations(id spec.ObjectID, entry *object) []spec.NodeID {
	switch r := entry.remote; {
	case r == nil:
		return []spec.NodeID{o.cluster.node.id}
	case r.owner == spec.NodeID{}:
		at := o.cluster.copies.Locations(id)
		return at[:min(len(at), maxLocations)]
	default:
		return r.at
	}
}

// maxLocations is how many nodes a borrower is told of.
const maxLocations = 16

// arrived: the owner says what has become of an object.
func (o *objects) arrived(from spec.NodeID, m *peer.State) {
	v := m.Value.Spec()
	err := peer.Error(m.Err)
	o.mu.Lock()
	entry := o.refs.Object(m.ID)
	if entry != nil && entry.remote != nil && entry.remote.owner == from {
		switch {
		case entry.ready && entry.stored > 0 && m.Size == entry.stored && m.Made >= entry.made: // others have it now
			entry.remote.at, entry.made = m.At, m.Made
		case !entry.ready:
			entry.remote.at = m.At
			o.fulfil(m.ID, v, m.Size, err)
			entry.made = m.Made
		}
	}
	o.forgetFreed(o.releaseAll(o.claimLocked(from, v.Links)))
	o.settle()
}

// releaseAll takes a reference from each and returns what has none left. The caller holds mu.
func (o *objects) releaseAll(links []spec.Link) (freed []owner.Freed[object]) {
	for _, l := range links {
		freed = o.refs.Release(l, freed)
	}
	return freed
}

// missed: a borrower could not get the bytes that were made that time from anywhere: they are made again, unless they are
// others by now.
func (o *objects) missed(from spec.NodeID, m *peer.Lost) {
	o.mu.Lock()
	entry := o.refs.Object(m.ID)
	if entry == nil || !entry.ready || !o.borrows.Lends(spec.ObjectLink(m.ID), from) {
		o.mu.Unlock()
		return
	}
	if entry.err != nil || entry.stored == 0 || entry.made != m.Made {
		o.tellState(from, m.ID, entry)
		o.settle()
		return
	}
	made := entry.made
	o.mu.Unlock()
	o.lose([]spec.ObjectID{m.ID}, made, "node "+from.String()+" found its bytes nowhere")
}

// ask tells the owner of a borrowed object that its bytes are nowhere; false if this node owns it. The entry waits for what
// the owner says. The caller holds mu.
func (o *objects) ask(id spec.ObjectID, entry *object) bool {
	if entry.remote == nil || entry.remote.owner == (spec.NodeID{}) {
		return false
	}
	made := entry.made
	o.empty(id, entry)
	o.cluster.port.Send(entry.remote.owner, peer.Message{Lost: &peer.Lost{ID: id, Made: made}})
	return true
}

// keepFor keeps a result's bytes for another node until it drops them.
func (o *objects) keepFor(ctx context.Context, node spec.NodeID, memory *store.Account, id spec.ObjectID, data []byte) error {
	o.mu.Lock()
	if entry := o.refs.Object(id); entry != nil && entry.remote == nil {
		o.mu.Unlock()
		return spec.Errorf("keep", spec.AlreadyExists, "object "+id.String(), "it is one of node %s itself", o.cluster.node.id)
	}
	if k, ok := o.kept[id]; ok { // of an attempt before
		o.forgetKept(id, k)
	}
	o.mu.Unlock()
	o.store.Delete(id) // a copy, perhaps, of what an attempt before made
	if err := o.keepBytes(ctx, memory, id, data); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept[id] = keptFor{node, memory, int64(len(data))}
	if o.cluster.isDead(node) { // what was kept for it is forgotten already, or never will be
		o.forgetKept(id, o.kept[id])
	}
	return nil
}

// drop lets go of what was kept for a node, or of a copy of what it owns.
func (o *objects) drop(from spec.NodeID, id spec.ObjectID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, ok := o.kept[id]
	switch entry := o.refs.Object(id); {
	case ok && k.node == from:
		o.forgetKept(id, k)
	case !ok && (entry == nil || entry.remote != nil && entry.remote.owner == from):
		o.store.Delete(id)
	}
}

// forgetKept is drop for what is known. The caller holds mu.
func (o *objects) forgetKept(id spec.ObjectID, k keptFor) {
	delete(o.kept, id)
	o.dropBytes(k.memory, id, k.size)
}

// dropStored lets go of the n bytes of an entry that are in a store. The caller holds mu.
func (o *objects) dropStored(id spec.ObjectID, entry *object, n int64) {
	if o.cluster != nil && (entry.remote == nil || entry.remote.owner == (spec.NodeID{})) {
		for _, node := range o.cluster.copies.Freed(id) {
			if node != o.cluster.node.id {
				o.cluster.port.Send(node, peer.Message{Drop: &peer.Drop{ID: id}})
			}
		}
	}
	if entry.remote == nil {
		o.forgetBytes(id, entry, n)
		return
	}
	if _, ok := o.kept[id]; !ok { // otherwise the bytes here are another node's
		o.store.Delete(id)
	}
	if entry.remote.owner == (spec.NodeID{}) {
		entry.remote = nil
	}
}

// fulfilFar is fulfil for a value whose bytes are on another node.
func (o *objects) fulfilFar(id spec.ObjectID, v spec.Value, where far) {
	entry := o.refs.Object(id)
	if entry == nil || entry.ready {
		o.dropFar(id, where)
		return
	}
	entry.remote = &remote{}
	o.cluster.copies.Added(id, where.at)
	o.fulfil(id, v, where.size, nil)
}

// dropFar tells the node that has a result's bytes that nobody wants them.
func (o *objects) dropFar(id spec.ObjectID, where far) {
	if where.size > 0 {
		o.cluster.port.Send(where.at, peer.Message{Drop: &peer.Drop{ID: id}})
	}
}

// where returns how many bytes of objects lie on which nodes; nil for none.
func (o *objects) where(ids []spec.ObjectID) []cluster.Held {
	var held []cluster.Held
	add := func(node spec.NodeID, bytes int64) {
		if i := slices.IndexFunc(held, func(h cluster.Held) bool { return h.Node == node }); i >= 0 {
			held[i].Bytes += bytes
			return
		}
		held = append(held, cluster.Held{Node: node, Bytes: bytes})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if entry := o.refs.Object(id); entry != nil && entry.stored > 0 {
			for _, node := range o.locations(id, entry) {
				add(node, entry.stored)
			}
		}
	}
	return held
}

// elsewhere returns who knows which nodes have an entry's bytes, and how many these are; nil for an entry of this node alone.
func (o *objects) elsewhere(entry *object) (exchange.Locations, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch r := entry.remote; {
	case r == nil || !entry.ready:
		return nil, 0
	case r.owner == spec.NodeID{}:
		return o.cluster.copies.For(o.cluster.node.id), entry.stored
	default:
		return at{o.cluster, r.owner}, entry.stored
	}
}

// source tells a borrower who has an object's bytes.
func (o *objects) source(id spec.ObjectID, to, failed spec.NodeID, why *spec.Error) (spec.NodeID, error) {
	o.mu.Lock()
	entry := o.refs.Object(id)
	there := entry != nil && entry.ready && entry.stored > 0
	if there && entry.remote == nil {
		o.cluster.copies.Added(id, o.cluster.node.id)
	}
	o.mu.Unlock()
	if !there {
		return spec.NodeID{}, spec.Errorf("fetch", spec.ObjectLost, "object "+id.String(), "its owner has no bytes of it")
	}
	return o.cluster.copies.Source(id, to, failed, errorOf(why))
}

// copied: a node has an object's bytes now, perhaps of one that was freed meanwhile.
func (o *objects) copied(id spec.ObjectID, node spec.NodeID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if entry := o.refs.Object(id); entry != nil && entry.ready && entry.stored > 0 {
		o.cluster.copies.Added(id, node)
	} else {
		o.cluster.port.Send(node, peer.Message{Drop: &peer.Drop{ID: id}})
	}
}

// lends reports whether a node has a reference to what this one owns. Who names what it has none to has no right to it.
func (o *objects) lends(l spec.Link, to spec.NodeID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.borrows.Lends(l, to)
}

// cancelBorrowed asks the owner of an object to cancel the task that makes it.
func (o *objects) cancelBorrowed(id spec.ObjectID, force, recursive bool) {
	if o.cluster == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if entry := o.refs.Object(id); entry != nil && !entry.ready && entry.remote != nil && entry.remote.owner != (spec.NodeID{}) {
		o.cluster.port.Send(entry.remote.owner, peer.Message{Cancel: &peer.Cancel{ID: id, Force: force, Recursive: recursive}})
	}
}

// borrowedFrom returns which node owns a borrowed object.
func (o *objects) borrowedFrom(id spec.ObjectID) (spec.NodeID, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if entry := o.refs.Object(id); entry != nil && entry.remote != nil && entry.remote.owner != (spec.NodeID{}) {
		return entry.remote.owner, true
	}
	return spec.NodeID{}, false
}
