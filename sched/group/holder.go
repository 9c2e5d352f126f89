package group

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Lender is the node's resources, of which a [Holder] reserves some.
type Lender interface {
	// Reserve takes what a bundle needs, if it is free now, and says from which GPUs. Attempt and bundle name it.
	Reserve(a Attempt, bundle int, need resource.Vector) (resource.Devices, bool)
	// Return gives back what Reserve took.
	Return(a Attempt, bundle int, need resource.Vector, on resource.Devices)
	// Report says what there is and what is free; Held is left out.
	Report() Report
}

// Holder is the core of one node's reservations for placement groups. One goroutine uses it at a time.
type Holder struct {
	node spec.NodeID
	lend Lender
	held []*Reservation // by attempt
}

// Reservation is what a node has reserved for one attempt.
type Reservation struct {
	Group   spec.GroupID
	Attempt Attempt
	Pieces  []Piece
	On      []resource.Devices // by piece: its GPUs
	Open    bool               // committed: tasks and actors may use it
}

// Effect is what a Holder wants done.
type Effect struct {
	Do          HolderDo
	Reply       Reply        // SendReply
	Reservation *Reservation // Open, Close; not to be written to
	Removed     bool         // Close: the group was removed; otherwise the bundles are reserved elsewhere
}

// HolderDo says what to do.
type HolderDo uint8

const (
	// SendReply sends Reply to the cluster's core. It may be lost.
	SendReply HolderDo = iota + 1
	// Open lets tasks and actors use the reservation's pieces.
	Open
	// Close ends what runs there: with Kind's errors if the group was removed.
	Close
)

// RemovedKind is the kind of the error of a task, or of an actor, whose group was removed.
func RemovedKind(actor bool) spec.Kind {
	if actor {
		return spec.ActorPlacementGroupRemoved
	}
	return spec.TaskPlacementGroupRemoved
}

// NewHolder returns a holder of nothing.
func NewHolder(node spec.NodeID, lend Lender) *Holder { return &Holder{node: node, lend: lend} }

// Step takes a message and appends what follows from it to out.
func (h *Holder) Step(m Message, out []Effect) []Effect {
	i, there := slices.BinarySearchFunc(h.held, m.Attempt, func(r *Reservation, a Attempt) int { return cmp.Compare(r.Attempt, a) })
	reply := func(verb ReplyVerb) Effect {
		return Effect{Do: SendReply, Reply: Reply{Verb: verb, Node: h.node, Group: m.Group, Attempt: m.Attempt}}
	}
	switch m.Verb {
	case Prepare:
		if !there {
			r := h.reserve(m)
			if r == nil {
				e := reply(Refused)
				e.Reply.Report = h.Report()
				return append(out, e)
			}
			h.held = slices.Insert(h.held, i, r)
		}
		e := reply(Prepared)
		e.Reply.On = h.held[i].On
		return append(out, e)
	case Commit:
		if !there {
			return append(out, reply(Gone))
		}
		if r := h.held[i]; !r.Open {
			r.Open = true
			out = append(out, Effect{Do: Open, Reservation: r})
		}
		return append(out, reply(Committed))
	case Cancel:
		if !there {
			return out
		}
		r := h.held[i]
		h.held = slices.Delete(h.held, i, i+1)
		for k, p := range r.Pieces {
			h.lend.Return(r.Attempt, p.Bundle, p.Need, r.On[k])
		}
		if r.Open {
			out = append(out, Effect{Do: Close, Reservation: r, Removed: m.Removed})
		}
	}
	return out
}

// reserve takes all pieces, or none.
func (h *Holder) reserve(m Message) *Reservation {
	r := &Reservation{Group: m.Group, Attempt: m.Attempt, Pieces: m.Pieces, On: make([]resource.Devices, 0, len(m.Pieces))}
	for _, p := range m.Pieces {
		on, ok := h.lend.Reserve(m.Attempt, p.Bundle, p.Need)
		if !ok {
			for k, on := range r.On {
				h.lend.Return(m.Attempt, m.Pieces[k].Bundle, m.Pieces[k].Need, on)
			}
			return nil
		}
		r.On = append(r.On, on)
	}
	return r
}

// Report says what the node has and what it holds for groups. It is to be sent now and then: it is how the cluster learns of
// what is held for nobody.
func (h *Holder) Report() Report {
	r := h.lend.Report()
	r.Held = make([]Hold, len(h.held))
	for i, held := range h.held {
		r.Held[i] = Hold{held.Group, held.Attempt, held.On}
	}
	return r
}

// Held returns what is reserved, by attempt. It is not to be written to.
func (h *Holder) Held() []*Reservation { return h.held }
