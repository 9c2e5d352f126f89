package group

import (
	"time"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Op says what happened.
type Op uint8

const (
	// Create asks for a group. It is answered at once: its name is taken, or it begins to wait for its place.
	Create Op = iota + 1
	// Wait asks to be told when the group has its place, at the latest at Until.
	Wait
	// Withdraw takes a Wait back.
	Withdraw
	// Remove ends a group and what runs in it.
	Remove
	// JobEnded ends the groups that live as long as a job, ActorEnded those that live as long as a detached actor.
	JobEnded
	ActorEnded
	// NodeUp: a node is there, and has what Report says.
	NodeUp
	// NodeReport: a node that is there says what it has now.
	NodeReport
	// NodeDown: the node is gone and all that was reserved on it.
	NodeDown
	// Answered: a node's Holder answered with Reply.
	Answered
	// Unmet: the autoscaler cannot make room for a group; Text says why.
	Unmet
	// Tick: time has passed. See Groups.Next.
	Tick
)

// Event is one thing that happened. What does not fit the state changes nothing.
type Event struct {
	Op     Op
	Group  spec.GroupID
	Spec   *spec.GroupOptions // Create: with its namespace said
	Actor  spec.ActorID       // Create: the detached actor that it lives as long as, if any; ActorEnded
	Job    spec.JobID         // JobEnded
	Waiter Waiter             // Create, Wait, Withdraw, Remove: who is to be answered
	Until  time.Time          // Wait: zero for ever
	Node   spec.NodeID        // NodeUp, NodeReport, NodeDown
	Report Report             // NodeUp, NodeReport
	Reply  Reply              // Answered
	Text   string             // Unmet
}

// Waiter names a request, by a number of the client's choosing; 0 wants no answer.
type Waiter uint64

// Report is what a node has.
type Report struct {
	Total, Free resource.Vector
	GPUs        []spec.Quantity // what is free of each
	Labels      label.Set
	Held        []Hold // reservations, which Free does not have
}

// Hold is a reservation on a node.
type Hold struct {
	Group   spec.GroupID
	Attempt Attempt
	On      []resource.Devices // by piece: its GPUs
}

// Attempt numbers the attempts to reserve bundles, of all groups and for all time.
type Attempt uint64

// Do says what to do.
type Do uint8

const (
	// Send sends Message to Node. It may be lost.
	Send Do = iota + 1
	// Answer answers Waiter: done, or Err.
	Answer
	// Changed: the state of Group is another one; Groups.Row tells which.
	Changed
)

// Action is one thing to do.
type Action struct {
	Do      Do
	Node    spec.NodeID // Send
	Message Message     // Send
	Waiter  Waiter      // Answer
	Err     error       // Answer
	Group   spec.GroupID
}

// Verb is what a message asks of a node.
type Verb uint8

const (
	// Prepare asks to reserve Pieces, in their order, all or none.
	Prepare Verb = iota + 1
	// Commit asks to open what was prepared to those who use the group.
	Commit
	// Cancel asks to give everything back and to end what runs there.
	Cancel
)

// Message goes to a node's Holder. To take it twice is as good as once.
type Message struct {
	Verb    Verb
	Group   spec.GroupID
	Attempt Attempt
	Pieces  []Piece // Prepare
	Removed bool    // Cancel: because the group was removed
}

// Piece is a bundle as a node is asked for it.
type Piece struct {
	Bundle int
	Need   resource.Vector
}

// ReplyVerb is what a node answers.
type ReplyVerb uint8

const (
	// Prepared: everything is reserved.
	Prepared ReplyVerb = iota + 1
	// Refused: it is not free, and nothing is reserved; Report says what is.
	Refused
	// Committed: it is open.
	Committed
	// Gone: there is no such reservation to commit.
	Gone
)

// Reply is a Holder's answer.
type Reply struct {
	Verb    ReplyVerb
	Node    spec.NodeID
	Group   spec.GroupID
	Attempt Attempt
	On      []resource.Devices // Prepared: by piece, its GPUs
	Report  Report             // Refused
}
