package owner

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Borrows is the core of one node's part in counting references across nodes. Each object or actor has an owner, the node
// that made it; any other node that refers to it borrows it. However many references a borrower has, it counts once with
// the owner: what [Refs] counts on a node is that node's own affair, and nothing here happens while refs stay on it.
//
//	A owns x           B                     C
//	   ├── Carry x ───►│                     │      A keeps a reference for the way
//	   │◄──── Hold x ──┤                     │      B's hold is one reference at A
//	   ├─────── Held ─►│                     │
//	   │◄─── Received ─┤                     │      A lets its reference for the way go
//	   │               ├── Carry x ─────────►│      B keeps one for the way
//	   │◄────────────────────────── Hold x ──┤      a borrower of a borrower asks the owner
//	   │◄──── Unhold ──┤ (it has none left)  │
//
// So from a reference's departure until the owner knows its new holder, its old holder is known. Messages between two nodes
// arrive once and in order ([Sender] and [Receiver] see to that), or one of the two is dead. If a node dies that has passed
// a ref on before the owner knows the receiver, the receiver may come too late: then it is told that the object is gone.
type Borrows struct {
	self spec.NodeID
	// Of what this node owns: who borrows it.
	lent map[spec.Link]map[spec.NodeID]bool
	// Of what others own.
	borrowed map[spec.Link]*borrowed
	// References for the way: how many of each link to each node.
	onTheWay map[passage]int
	dead     map[spec.NodeID]bool
}

type passage struct {
	link spec.Link
	to   spec.NodeID
}

// borrowed is what a borrower knows.
type borrowed struct {
	owner   spec.NodeID
	held    bool          // the owner knows
	dropped bool          // nothing here refers to it any more, and the owner is told when it has answered
	senders []spec.NodeID // who passed it, and keeps a reference until the owner knows
}

// BorrowOp says what happened, or what a message says.
type BorrowOp uint8

const (
	// Pass: a message to Node is to carry the link. Owner is the link's.
	Pass BorrowOp = iota + 1
	// Expect: Node makes this node create the link, which it will own, and counts a reference of its own. One is counted here
	// until Node has it.
	Expect
	// Unused: the last reference to a link of another owner is gone from this node.
	Unused
	// Death: Node is dead.
	Death

	// The messages; Node is who sent it.

	// Carry: the link has arrived. Owner is the link's.
	Carry
	// Hold: Node borrows the link.
	Hold
	// Held: the owner knows it. Gone: the owner has freed it before it knew.
	Held
	Gone
	// Unhold: Node borrows it no longer.
	Unhold
	// Received: Node does not need the reference for the way any more.
	Received
)

// BorrowEvent is one thing that happened.
type BorrowEvent struct {
	Op    BorrowOp
	Node  spec.NodeID
	Link  spec.Link
	Owner spec.NodeID
}

// BorrowDo says what to do.
type BorrowDo uint8

const (
	// Tell: send the message Op about Link to Node.
	Tell BorrowDo = iota + 1
	// Retain: count one more reference to Link here.
	Retain
	// Release: count one less.
	Release
	// Lose: what Link refers to is no more; Err says why. The references to it stay.
	Lose
)

// BorrowAction is one thing to do.
type BorrowAction struct {
	Do    BorrowDo
	Op    BorrowOp
	Node  spec.NodeID
	Link  spec.Link
	Owner spec.NodeID
	Err   *spec.Error
}

// NewBorrows returns the part of the node self.
func NewBorrows(self spec.NodeID) *Borrows {
	return &Borrows{self: self, lent: make(map[spec.Link]map[spec.NodeID]bool), borrowed: make(map[spec.Link]*borrowed),
		onTheWay: make(map[passage]int), dead: make(map[spec.NodeID]bool)}
}

// Len returns how many links are lent, borrowed or on the way.
func (b *Borrows) Len() int { return len(b.lent) + len(b.borrowed) + len(b.onTheWay) }

// Owner returns who owns a borrowed link; false for one that is not borrowed.
func (b *Borrows) Owner(l spec.Link) (spec.NodeID, bool) {
	if x := b.borrowed[l]; x != nil {
		return x.owner, true
	}
	return spec.NodeID{}, false
}

// Borrowers returns who borrows a link that this node owns.
func (b *Borrows) Borrowers(l spec.Link) []spec.NodeID {
	if len(b.lent[l]) == 0 {
		return nil
	}
	nodes := slices.Collect(maps.Keys(b.lent[l]))
	slices.SortFunc(nodes, func(x, y spec.NodeID) int { return bytes.Compare(x[:], y[:]) })
	return nodes
}

// Lends reports whether a node has a reference to a link that this node owns, or one is on its way there.
func (b *Borrows) Lends(l spec.Link, to spec.NodeID) bool {
	return b.lent[l][to] || b.onTheWay[passage{l, to}] > 0
}

// Knows reports whether the owner of a borrowed link knows of this node.
func (b *Borrows) Knows(l spec.Link) bool { return b.borrowed[l] != nil && b.borrowed[l].held }

// Step takes one event and appends what follows from it to out. exists reports whether a link that this node owns is
// counted still.
//
// A Carry counts a reference for whoever finds the link in the message: it is the one that the last Unused is about.
func (b *Borrows) Step(ev BorrowEvent, exists func(spec.Link) bool, out []BorrowAction) []BorrowAction {
	if b.dead[ev.Node] && ev.Op != Unused { // a message that was still on its way, or one to a node that is no more
		return out
	}
	tell := func(op BorrowOp, to spec.NodeID) {
		if !b.dead[to] {
			out = append(out, BorrowAction{Do: Tell, Op: op, Node: to, Link: ev.Link, Owner: ev.Owner})
		}
	}
	count := func(do BorrowDo) { out = append(out, BorrowAction{Do: do, Link: ev.Link}) }
	switch ev.Op {
	case Pass:
		b.onTheWay[passage{ev.Link, ev.Node}]++
		count(Retain)
		tell(Carry, ev.Node)
	case Expect:
		b.onTheWay[passage{ev.Link, ev.Node}]++
	case Carry:
		return b.carried(ev, out)
	case Unused:
		x := b.borrowed[ev.Link]
		if x == nil {
			return out
		}
		if !x.held { // it is told when it has answered
			x.dropped = true
			return out
		}
		delete(b.borrowed, ev.Link)
		tell(Unhold, x.owner)
	case Hold:
		if !exists(ev.Link) {
			tell(Gone, ev.Node)
			return out
		}
		if b.lent[ev.Link] == nil {
			b.lent[ev.Link] = make(map[spec.NodeID]bool)
		}
		if !b.lent[ev.Link][ev.Node] { // it counts once, however often it says so
			b.lent[ev.Link][ev.Node] = true
			count(Retain)
		}
		tell(Held, ev.Node)
	case Unhold:
		if b.lent[ev.Link][ev.Node] {
			b.takeBack(ev.Link, ev.Node)
			count(Release)
		}
	case Held, Gone:
		x := b.borrowed[ev.Link]
		if x == nil || x.held || x.owner != ev.Node {
			return out
		}
		x.held = true
		for _, sender := range x.senders {
			tell(Received, sender)
		}
		x.senders = nil
		switch {
		case ev.Op == Gone:
			delete(b.borrowed, ev.Link)
			if !x.dropped {
				out = append(out, BorrowAction{Do: Lose, Link: ev.Link, Err: spec.Errorf("borrow", spec.ReferenceCounting, nameOf(ev.Link),
					"node %s, which owns it, freed it before it knew of the reference here: the node that passed it died", x.owner)})
			}
		case x.dropped:
			delete(b.borrowed, ev.Link)
			tell(Unhold, x.owner)
		}
	case Received:
		way := passage{ev.Link, ev.Node}
		if b.onTheWay[way] == 0 {
			return out
		}
		if b.onTheWay[way]--; b.onTheWay[way] == 0 {
			delete(b.onTheWay, way)
		}
		count(Release)
	case Death:
		return b.died(ev.Node, out)
	}
	return out
}

// carried takes a link in that came in a message.
func (b *Borrows) carried(ev BorrowEvent, out []BorrowAction) []BorrowAction {
	out = append(out, BorrowAction{Do: Retain, Link: ev.Link})
	received := BorrowAction{Do: Tell, Op: Received, Node: ev.Node, Link: ev.Link, Owner: ev.Owner}
	if ev.Owner == b.self {
		return append(out, received)
	}
	x := b.borrowed[ev.Link]
	switch {
	case x == nil && b.dead[ev.Owner]:
		return append(out, received, ownerDied(ev.Link, ev.Owner))
	case x == nil:
		b.borrowed[ev.Link] = &borrowed{owner: ev.Owner, senders: []spec.NodeID{ev.Node}}
		return append(out, BorrowAction{Do: Tell, Op: Hold, Node: ev.Owner, Link: ev.Link, Owner: ev.Owner})
	case x.held:
		return append(out, received)
	}
	x.dropped = false
	x.senders = append(x.senders, ev.Node)
	return out
}

// takeBack notes that a borrower is none any more.
func (b *Borrows) takeBack(l spec.Link, from spec.NodeID) {
	delete(b.lent[l], from)
	if len(b.lent[l]) == 0 {
		delete(b.lent, l)
	}
}

// died lets go of what a dead node held and was sent, and loses what it owned.
func (b *Borrows) died(node spec.NodeID, out []BorrowAction) []BorrowAction {
	b.dead[node] = true
	for _, l := range sortedLinks(b.lent) {
		if b.lent[l][node] {
			b.takeBack(l, node)
			out = append(out, BorrowAction{Do: Release, Link: l})
		}
	}
	ways := make(map[spec.Link]int)
	for way, n := range b.onTheWay {
		if way.to == node {
			ways[way.link] = n
			delete(b.onTheWay, way)
		}
	}
	for _, l := range sortedLinks(ways) {
		for range ways[l] {
			out = append(out, BorrowAction{Do: Release, Link: l})
		}
	}
	for _, l := range sortedLinks(b.borrowed) {
		x := b.borrowed[l]
		x.senders = slices.DeleteFunc(x.senders, func(n spec.NodeID) bool { return n == node })
		if x.owner != node {
			continue
		}
		delete(b.borrowed, l)
		for _, sender := range x.senders {
			out = append(out, BorrowAction{Do: Tell, Op: Received, Node: sender, Link: l, Owner: node})
		}
		if !x.dropped {
			out = append(out, ownerDied(l, node))
		}
	}
	return out
}

func ownerDied(l spec.Link, owner spec.NodeID) BorrowAction {
	return BorrowAction{Do: Lose, Link: l, Err: spec.Errorf("borrow", spec.OwnerDied, nameOf(l), "node %s, which owned it, died, and its objects with it", owner)}
}

// nameOf names what a link refers to in errors.
func nameOf(l spec.Link) string {
	if l.IsActor {
		return "actor " + l.Actor.String()
	}
	return "object " + l.Object.String()
}

// sortedLinks returns the keys in an order that is the same each time.
func sortedLinks[T any](m map[spec.Link]T) []spec.Link {
	links := make([]spec.Link, 0, len(m))
	for l := range m {
		links = append(links, l)
	}
	slices.SortFunc(links, func(a, b spec.Link) int {
		return cmp.Or(bytes.Compare(a.Object[:], b.Object[:]), bytes.Compare(a.Actor[:], b.Actor[:]))
	})
	return links
}
