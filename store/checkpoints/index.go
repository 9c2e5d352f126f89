package checkpoints

import (
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
)

// The index says where the newest of each actor is. It follows the log: the writer changes it when a record is durable,
// in the log's order. At Open a replayer builds it.

// tail returns the actor's tail, which is made if it is missing. The caller holds mu.
func (s *Store) tail(actor spec.ActorID) *tail {
	t := s.tails[actor]
	if t == nil {
		upTo := s.actors[actor].upTo
		t = &tail{ends: upTo, saves: upTo}
		s.tails[actor] = t
	}
	return t
}

// settle forgets a tail that says nothing more than the actor's entry. The caller holds mu.
func (s *Store) settle(actor spec.ActorID, t *tail) {
	if t.under == 0 && len(t.calls) == 0 {
		delete(s.tails, actor)
	}
}

// index takes a record that has become durable at a place. The caller holds mu.
func (s *Store) index(p *Pending, at wal.Place) {
	e, t := s.actors[p.actor], s.tail(p.actor)
	switch {
	case p.kind == kindDeletion:
		s.alive -= int64(e.place.Length) + length(t.calls)
		delete(s.actors, p.actor)
		t.calls = nil
		return
	case p.kind == kindCheckpoint:
		s.alive += int64(at.Length) - int64(e.place.Length)
		gone := p.position - e.upTo
		s.alive -= length(t.calls[:gone])
		t.calls = t.calls[gone:]
		e = entry{at, p.position}
	case p.from != wal.Place{}:
		t.calls[p.position-e.upTo-1] = at // of the same length
	default:
		t.calls = append(t.calls, at)
		s.alive += int64(at.Length)
	}
	s.actors[p.actor] = e
}

// needs reports whether the record at a place is the newest of its kind. The caller holds mu.
func (s *Store) needs(k kind, actor spec.ActorID, position uint64, at wal.Place) bool {
	e, known := s.actors[actor]
	switch {
	case !known || k == kindDeletion:
		return false
	case k == kindCheckpoint:
		return e.place == at
	}
	t := s.tails[actor]
	return t != nil && position > e.upTo && position-e.upTo <= uint64(len(t.calls)) && t.calls[position-e.upTo-1] == at
}

func length(places []wal.Place) int64 {
	n := int64(0)
	for _, p := range places {
		n += int64(p.Length)
	}
	return n
}

// replayer builds the index at Open. A record that was moved comes after younger ones, so calls are kept by their position
// until all is read.
type replayer struct {
	store *Store
	calls map[spec.ActorID]map[uint64]wal.Place // after the actor's checkpoint
}

// replay takes the next record of the log.
func (r *replayer) replay(at wal.Place, record wal.Record) error {
	k, actor, position, ok := decodeMeta(record.Meta)
	calls := r.calls[actor]
	switch {
	case ok && k == kindCheckpoint:
		r.store.actors[actor] = entry{at, position}
		for p := range calls {
			if p <= position {
				delete(calls, p)
			}
		}
		if len(calls) == 0 {
			delete(r.calls, actor)
		}
	case ok && k == kindCall:
		if calls == nil {
			calls = make(map[uint64]wal.Place)
			r.calls[actor] = calls
		}
		calls[position] = at
	case ok && k == kindDeletion:
		delete(r.store.actors, actor)
		delete(r.calls, actor)
	default:
		return spec.Errorf("open checkpoints", spec.Corrupted, "", "there is a record of no known kind")
	}
	return nil
}

// finish makes the tails. Calls are without a gap: each became durable after the one before it.
func (r *replayer) finish() error {
	s := r.store
	for actor, calls := range r.calls {
		upTo := s.actors[actor].upTo
		t := &tail{saves: upTo, ends: upTo}
		for range calls {
			t.ends++
			at, ok := calls[t.ends]
			if !ok {
				return spec.Errorf("open checkpoints", spec.Corrupted, "actor "+actor.String(), "call %d of its log is missing", t.ends)
			}
			t.calls = append(t.calls, at)
		}
		s.tails[actor] = t
		s.actors[actor] = entry{s.actors[actor].place, upTo} // it may have calls only
		s.alive += length(t.calls)
	}
	for _, e := range s.actors {
		s.alive += int64(e.place.Length)
	}
	return nil
}
