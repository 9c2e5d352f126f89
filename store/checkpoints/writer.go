package checkpoints

import (
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
)

const (
	// groupBytes bounds what one fsync makes durable, unless it is a single record.
	groupBytes = 16 * spec.MiB
	// moveBytes is how much is moved at once, at least.
	moveBytes = 4 * spec.MiB
)

// enqueue begins a write, unless the store is closed or full. The caller holds mu.
func (s *Store) enqueue(p *Pending, t *tail) bool {
	p.done = make(chan struct{})
	size := p.size()
	switch limit := s.options.Limit; {
	case s.closed:
		p.err = errClosed
	case int64(len(p.record.Body)) > wal.MaxRecordBytes-spec.KiB:
		p.err = spec.Errorf("save checkpoint", spec.LimitExceeded, "actor "+p.actor.String(), "it has %s", spec.FormatBytes(int64(len(p.record.Body))))
	case limit > 0 && p.kind != kindDeletion && s.alive+s.queued+size > limit/8*3:
		p.err = spec.Errorf("write checkpoint", spec.OutOfDisk, "actor "+p.actor.String(), "it needs %s, and %s of the limit of %s are alive or on their way, of which three eighths can be: delete actors, or raise the limit",
			spec.FormatBytes(size), spec.FormatBytes(s.alive+s.queued), spec.FormatBytes(limit))
	}
	if p.err != nil {
		close(p.done)
		s.settle(p.actor, t)
		return false
	}
	t.under++
	s.queue = append(s.queue, p)
	s.queued += size
	s.wake()
	return true
}

// size is what the write takes in the log, about.
func (p *Pending) size() int64 { return int64(len(p.record.Meta)+len(p.record.Body)) + 16 }

// wake tells the writer that there is something to do.
func (s *Store) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// write is the writer: the one goroutine that appends to the log. Whatever was begun while it waited for the disk becomes
// durable together. Between, it moves what is needed from the log's beginning to its end.
func (s *Store) write() {
	defer close(s.ended)
	var sw sweeper
	wrote := int64(0)
	for {
		moves := sw.some(s, max(moveBytes, 2*wrote))
		s.mu.Lock()
		var group []*Pending
		// What is moved comes first: it is older than all that waits.
		for _, m := range moves {
			if s.needs(m.kind, m.actor, m.position, m.from) {
				s.tail(m.actor).under++
				group = append(group, m)
			}
		}
		waiting := 0
		wrote = 0
		for _, p := range s.queue {
			if wrote += p.size(); waiting > 0 && wrote > groupBytes {
				break
			}
			waiting++
			group = append(group, p)
		}
		s.queue = s.queue[waiting:]
		if len(s.queue) == 0 {
			s.queue = nil
		}
		over := s.closed && waiting == 0
		s.mu.Unlock()
		switch {
		case over:
			s.mu.Lock()
			for _, m := range group {
				s.leave(m)
			}
			s.mu.Unlock()
			s.failure = s.log.Close()
			return
		case len(group) > 0:
			if !s.append(group) {
				sw = sweeper{rests: true}
			}
		case !sw.on:
			<-s.news
			sw.rests = false
		}
		sw.drop(s)
	}
}

// append makes a group durable, and answers. It reports whether it could.
func (s *Store) append(group []*Pending) bool {
	records := make([]wal.Record, len(group))
	for i, p := range group {
		records[i] = p.record
	}
	places, err := s.log.Append(records, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		// What waits has its place after what failed.
		group, s.queue = append(group, s.queue...), nil
	}
	for i, p := range group {
		if err != nil {
			p.err = err
			t, e := s.tail(p.actor), s.actors[p.actor]
			t.saves, t.ends = e.upTo, e.upTo+uint64(len(t.calls))
		} else {
			s.index(p, places[i])
		}
		s.leave(p)
	}
	return err == nil
}

// leave ends a write. The caller holds mu.
func (s *Store) leave(p *Pending) {
	t := s.tail(p.actor)
	t.under--
	s.settle(p.actor, t)
	if p.done != nil {
		s.queued -= p.size()
		close(p.done)
	}
	p.record = wal.Record{} // somebody may keep p
}

// sweeper empties the log's first segment: what of it is needed is moved to the end, and then it is dropped. So the log is
// at most about twice what is alive in it, and for each byte that is written about one is moved.
type sweeper struct {
	on      bool
	rests   bool // a write has failed: until there is news
	segment uint32
	left    []wal.Place // of what may have to be moved
}

// some reads the next records to move, at most so many bytes and one.
func (sw *sweeper) some(s *Store, bytes int64) []*Pending {
	if !sw.on && !sw.begin(s) {
		return nil
	}
	var moves []*Pending
	for len(sw.left) > 0 && bytes > 0 {
		at := sw.left[0]
		sw.left = sw.left[1:]
		r, err := s.log.Read(at)
		if err != nil {
			sw.stop(s, err)
			return moves
		}
		k, actor, position, _ := decodeMeta(r.Meta)
		bytes -= int64(at.Length)
		moves = append(moves, &Pending{kind: k, actor: actor, position: position, record: r, from: at})
	}
	return moves
}

// begin looks whether there is enough to gain, and for what may be needed of the first segment.
func (sw *sweeper) begin(s *Store) bool {
	s.mu.Lock()
	enough := s.log.Bytes() > 2*s.alive+2*s.options.SegmentBytes && s.damaged == nil && !s.closed
	s.mu.Unlock()
	first, last := s.log.Span()
	if !enough || first == last || sw.rests {
		return false
	}
	*sw = sweeper{on: true, segment: first}
	err := s.log.Walk(first, func(at wal.Place, r wal.Record) error {
		k, actor, position, _ := decodeMeta(r.Meta)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.needs(k, actor, position, at) {
			sw.left = append(sw.left, at)
		}
		return nil
	})
	if err != nil {
		sw.stop(s, err)
	}
	return sw.on
}

// drop drops the segment when all that was needed of it has been moved.
func (sw *sweeper) drop(s *Store) {
	if sw.on && len(sw.left) == 0 {
		sw.on = false
		_ = s.log.DropBefore(sw.segment + 1) // the log says so at the next append
	}
}

// stop gives up: something that is needed cannot be read, so its segment has to stay.
func (sw *sweeper) stop(s *Store, err error) {
	sw.on = false
	s.mu.Lock()
	s.damaged = err
	s.mu.Unlock()
}
