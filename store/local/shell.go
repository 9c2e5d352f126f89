package local

import (
	"time"

	"github.com/raywasm/raywasm/store/arena"
	"github.com/raywasm/raywasm/store/extent"
	"github.com/raywasm/raywasm/store/residency"
	"github.com/raywasm/raywasm/store/spill"
)

// tellCore takes an event in, unless the store is closed.
func (s *Store) tellCore(ev residency.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.step(ev)
	}
}

// step takes an event in and does what the core says. The caller holds mu.
func (s *Store) step(ev residency.Event) {
	s.perform(s.core.Step(int64(time.Since(s.began)), ev))
	for len(s.vacated) > 0 { // what became free, of which pages may be there that are more than are to be kept
		free := s.vacated[0]
		s.vacated = s.vacated[1:]
		excess := s.arena.Excess(s.core.Usage().Used)
		if excess < arena.Granule {
			continue
		}
		if from, to := s.arena.Warm(free.From, free.To, excess); from < to {
			s.perform(s.core.Step(int64(time.Since(s.began)), residency.Event{Op: residency.Claim, Free: free, Off: from, Size: to - from}))
		}
	}
	s.vacated = nil
}

func (s *Store) perform(actions []residency.Action) {
	for _, a := range actions {
		switch a.Do {
		case residency.Place, residency.Refuse, residency.Grant, residency.Miss:
			if w := s.posing; w != nil && w.token == a.Token {
				s.tell(w, a)
			} else if w := s.asking[a.Token]; w != nil {
				s.tell(w, a)
			}
		case residency.FallBack:
			s.fallBack(a)
		case residency.Spill:
			s.spill(a)
		case residency.Restore:
			s.restore(a)
		case residency.Punch:
			s.punch(a.Block)
		case residency.Forget:
			if m := s.fallen[a.ID]; m != nil {
				delete(s.fallen, a.ID)
				s.work.Go(m.close)
			} else if s.disk != nil {
				s.disk.Forget(a.ID)
			}
		case residency.Vacate:
			s.vacated = append(s.vacated, a.Free)
		case residency.Wake:
			s.wake(a.At)
		case residency.Evict:
			if id := a.ID; s.evicted != nil {
				s.work.Go(func() { s.evicted(id) })
			}
		}
	}
}

// tell gives one who waits the answer.
func (s *Store) tell(w *asker, a residency.Action) {
	delete(s.asking, w.token)
	w.answer, w.done = a, true
	if w.ready != nil {
		close(w.ready)
	}
}

// spill writes a batch to disk.
func (s *Store) spill(a residency.Action) {
	s.work.Go(func() {
		objects := make([]spill.Object, 0, len(a.Objects))
		for _, p := range a.Objects {
			objects = append(objects, spill.Object{ID: p.ID, Bytes: s.arena.Readable(p.Block.Off, p.Block.Size)})
		}
		err := s.disk.Spill(s.ctx, objects)
		s.tellCore(residency.Event{Op: residency.Spilled, Batch: a.Batch, Err: err})
	})
}

// restore reads an object back.
func (s *Store) restore(a residency.Action) {
	s.work.Go(func() {
		s.arena.Touch(a.Block.Off, a.Block.Size)
		err := s.disk.Restore(s.ctx, a.ID, s.arena.Writable(a.Block.Off, a.Block.Size))
		if a.Block.Whole() {
			s.arena.ClearTail(a.Block.Off, a.Block.Size)
		}
		s.tellCore(residency.Event{Op: residency.Restored, ID: a.ID, Err: err})
	})
}

// punch gives pages back to the system. The caller holds mu.
func (s *Store) punch(b extent.Block) {
	s.arena.Cool(b.Off, b.Size) // as the core counts it
	s.work.Go(func() {
		err := s.arena.Punch(b.Off, b.Size) // if they stay, they cost memory until they are used again
		s.tellCore(residency.Event{Op: residency.Punched, Block: b, Err: err})
	})
}

// fallBack makes the place on disk of an object that is to be written there directly.
func (s *Store) fallBack(a residency.Action) {
	s.work.Go(func() {
		m, err := newMapping(s.fallback, a.Size)
		s.mu.Lock()
		defer s.mu.Unlock()
		w := s.asking[a.Token]
		if s.closed || w == nil { // whoever wanted it has given up
			if err == nil {
				s.work.Go(m.close)
			}
			return
		}
		if err == nil {
			s.fallen[a.ID] = m
			s.tell(w, a)
		}
		s.step(residency.Event{Op: residency.Fell, ID: a.ID, Err: err})
	})
}

// wake has the core look again at a time. The caller holds mu.
func (s *Store) wake(at int64) {
	if s.wakeAt != 0 && s.wakeAt <= at {
		return
	}
	if s.timer != nil && s.timer.Stop() {
		s.work.Done()
	}
	s.wakeAt = at
	s.work.Add(1)
	s.timer = time.AfterFunc(time.Duration(at)-time.Since(s.began), func() {
		defer s.work.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.wakeAt = 0; !s.closed {
			s.step(residency.Event{Op: residency.Tick})
		}
	})
}
