package exchange

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/transfer"
)

// Locations is what a node asks and tells the owner of an object, whose [Directory] knows where it is. It is safe for
// concurrent use.
type Locations interface {
	// Source says that this node wants the object, and names a node that serves it. failed is the one that was named
	// before and could not, why; zero at first. Errors: spec.ObjectLost when there is no copy; spec.OwnerDied; the cause of
	// ctx.
	Source(ctx context.Context, id spec.ObjectID, failed spec.NodeID, why error) (spec.NodeID, error)
	// Added says that this node has all of the object.
	Added(ctx context.Context, id spec.ObjectID)
	// Removed says that it has nothing of it, and wants nothing.
	Removed(ctx context.Context, id spec.ObjectID)
}

// Directory knows where the objects of one owner are. It is safe for concurrent use.
type Directory struct {
	mu   sync.Mutex
	core *transfer.Directory
}

// NewDirectory returns an empty directory.
func NewDirectory() *Directory { return &Directory{core: transfer.NewDirectory()} }

// Source says that a node wants the object, and names one that serves it, as [Locations]. A peer that answered that it
// has none (spec.NotFound, spec.ObjectLost) is believed, and one that is dead (spec.NodeDied) has none; any other failure
// makes it the last that is named again. Errors: spec.ObjectLost.
func (d *Directory) Source(id spec.ObjectID, node, failed spec.NodeID, why error) (spec.NodeID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ev := transfer.Event{Op: transfer.Want, ID: id, Node: node}
	switch {
	case failed == spec.NodeID{}:
	case errors.Is(why, spec.NotFound), errors.Is(why, spec.ObjectLost), errors.Is(why, spec.NodeDied):
		d.core.Step(transfer.Event{Op: transfer.Removed, ID: id, Node: failed})
	default:
		ev.Op, ev.From = transfer.Failed, failed
	}
	for _, a := range d.core.Step(ev) {
		if a.Do == transfer.Serve {
			return a.From, nil
		}
	}
	return spec.NodeID{}, spec.Errorf("fetch", spec.ObjectLost, "object "+id.String(), "no node has a copy")
}

// Added says that a node has all of the object.
func (d *Directory) Added(id spec.ObjectID, node spec.NodeID) { d.tell(transfer.Added, id, node) }

// Removed says that a node has nothing of the object, and wants nothing.
func (d *Directory) Removed(id spec.ObjectID, node spec.NodeID) { d.tell(transfer.Removed, id, node) }

func (d *Directory) tell(op transfer.Op, id spec.ObjectID, node spec.NodeID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.core.Step(transfer.Event{Op: op, ID: id, Node: node})
}

// Gone says that a node is gone, and returns of which objects there is no copy any more.
func (d *Directory) Gone(node spec.NodeID) (lost []spec.ObjectID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.core.Step(transfer.Event{Op: transfer.NodeGone, Node: node}) {
		lost = append(lost, a.ID)
	}
	return lost
}

// Freed forgets an object that nobody will want, and returns which nodes are to drop what they have of it.
func (d *Directory) Freed(id spec.ObjectID) (drop []spec.NodeID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.core.Step(transfer.Event{Op: transfer.Freed, ID: id}) {
		drop = append(drop, a.To)
	}
	return drop
}

// Locations returns which nodes have all of the object, the first came first.
func (d *Directory) Locations(id spec.ObjectID) []spec.NodeID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.core.Locations(id))
}

// For returns the directory as a node of the same process sees it.
func (d *Directory) For(node spec.NodeID) Locations { return seen{d, node} }

// seen is a directory as one node sees it.
type seen struct {
	directory *Directory
	node      spec.NodeID
}

func (s seen) Source(_ context.Context, id spec.ObjectID, failed spec.NodeID, why error) (spec.NodeID, error) {
	return s.directory.Source(id, s.node, failed, why)
}

func (s seen) Added(_ context.Context, id spec.ObjectID) { s.directory.Added(id, s.node) }

func (s seen) Removed(_ context.Context, id spec.ObjectID) { s.directory.Removed(id, s.node) }
