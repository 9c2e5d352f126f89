package local

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
)

const (
	// maxGroup bounds the requests that one fsync makes durable, and groupBytes their changes.
	maxGroup   = 512
	groupBytes = 8 * spec.MiB
	// slack is how much of the log may be dead, beside as much as is alive, before what is alive is copied.
	slack = 2 * segmentBytes
	// patience is how long the committer waits after a lease could not be ended, because the disk is full for example.
	patience = time.Second
)

// request is what somebody waits for.
type request struct {
	decide   func(*state, *committer) (change, error) // at its turn; the committer is there for the deadlines
	done     chan struct{}
	revision control.Revision // this and err after done
	err      error
}

// committer is the one goroutine that changes the state.
type committer struct {
	store     *Store
	deadlines map[control.LeaseID]time.Time
	due       time.Time // before which no lease ends

	copying   bool // what is alive is being copied
	copyAfter string
	keepFrom  uint32 // the segment with the first copy
	begun     bool   // there is a first copy
}

// run commits until ctx ends and nothing waits any more.
func (c *committer) run(ctx context.Context) {
	s := c.store
	defer close(s.closed)
	s.now.leases.Ascend(func(l control.Lease) bool { c.extend(l); return true })
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var group []*request
	for {
		group = group[:0]
		if c.copying {
			select {
			case r := <-s.requests:
				group = append(group, r)
			default:
			}
		} else {
			timer.Reset(c.pause())
			select {
			case r := <-s.requests:
				group = append(group, r)
			case <-timer.C:
			case <-ctx.Done():
				select {
				case r := <-s.requests:
					group = append(group, r)
				default:
					if s.log != nil {
						s.ended = s.log.Close()
					}
					return
				}
			}
		}
		c.commit(c.gather(group))
	}
}

// gather adds what else waits.
func (c *committer) gather(group []*request) []*request {
	for len(group) < maxGroup {
		select {
		case r := <-c.store.requests:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// extend lets a lease last for its TTL from now on.
func (c *committer) extend(l control.Lease) {
	end := time.Now().Add(l.TTL)
	if len(c.deadlines) == 0 || end.Before(c.due) {
		c.due = end
	}
	c.deadlines[l.ID] = end
}

// pause returns how long there is nothing to do.
func (c *committer) pause() time.Duration {
	if len(c.deadlines) == 0 {
		return time.Hour
	}
	return max(0, time.Until(c.due))
}

// expired returns the leases whose time is up, and finds out when the next one's is.
func (c *committer) expired() []control.LeaseID {
	now := time.Now()
	if len(c.deadlines) == 0 || now.Before(c.due) {
		return nil
	}
	var ids []control.LeaseID
	c.due = now.Add(time.Hour)
	for id, end := range c.deadlines {
		switch {
		case !end.After(now):
			ids = append(ids, id)
		case end.Before(c.due):
			c.due = end
		}
	}
	return ids
}

// commit decides the requests in order, makes what they change durable, shows it and answers. What does not fit the
// group any more goes round again.
func (c *committer) commit(group []*request) {
	s := c.store
	next := s.now.clone()
	var changes []change
	var records []wal.Record
	size := 0
	take := func(ch change) {
		next.apply(ch)
		changes = append(changes, ch)
		if s.log != nil {
			b, err := spec.Marshal(ch)
			if err != nil {
				panic("local: " + err.Error()) // integers and bytes always have a form
			}
			records = append(records, wal.Record{Body: b})
			size += len(b)
		}
	}
	var over []control.LeaseID
	for _, id := range c.expired() {
		if ch, err := next.revoke(id); err == nil {
			take(ch)
		}
		over = append(over, id)
	}
	decided := 0
	for _, r := range group {
		if size > groupBytes {
			break
		}
		decided++
		var ch change
		if ch, r.err = r.decide(next, c); r.err == nil && !ch.empty() {
			take(ch)
		}
		r.revision = ch.Revision
	}
	copied := c.copy(next, &records)
	var err error
	if len(records) > 0 {
		_, err = s.log.Append(records, nil)
	}
	if err != nil {
		c.failed(group[:decided], over, err)
	} else {
		if len(changes) > 0 {
			s.show(next, changes)
		}
		for _, id := range over {
			delete(c.deadlines, id)
		}
		for _, ch := range changes {
			for _, id := range ch.Revoke {
				delete(c.deadlines, id)
			}
		}
		copied()
	}
	for _, r := range group[:decided] {
		close(r.done)
	}
	if decided < len(group) {
		c.commit(group[decided:])
	}
}

// failed: nothing of the group became durable.
func (c *committer) failed(group []*request, over []control.LeaseID, err error) {
	for _, r := range group {
		if r.err == nil {
			r.err, r.revision = err, 0
		}
	}
	c.copying = false
	for _, id := range over { // they are over nevertheless, as soon as that can be written
		c.deadlines[id] = time.Now()
	}
	c.due = time.Now().Add(patience)
}

// copy adds a copy of some of what is alive, when the log is mostly dead. What it returns is called when that is durable.
func (c *committer) copy(next *state, records *[]wal.Record) (durable func()) {
	log := c.store.log
	if log == nil {
		return func() {}
	}
	if !c.copying {
		if log.Bytes() < 2*next.bytes+slack {
			return func() {}
		}
		c.copying, c.begun, c.copyAfter = true, false, ""
	}
	ch, after := next.copied(c.copyAfter, !c.begun)
	b, err := spec.Marshal(ch)
	if err != nil {
		panic("local: " + err.Error()) // integers and bytes always have a form
	}
	*records = append(*records, wal.Record{Body: b})
	return func() {
		if !c.begun {
			_, c.keepFrom = log.Span()
			c.begun = true
		}
		if c.copyAfter = after; after != "" {
			return
		}
		c.copying = false
		_ = log.DropBefore(c.keepFrom) // the log says so at the next append
	}
}
