package local

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
)

// segmentBytes is the size of the log's segments: small, as the whole log is.
const segmentBytes = 16 * spec.MiB

// Store is a control.Store.
type Store struct {
	log      *wal.Log // nil in memory; the committer's
	requests chan *request
	closing  context.CancelFunc
	closed   chan struct{} // by the committer, when it has ended
	ended    error         // of the log's Close, after closed

	mu      sync.RWMutex
	now     *state // to be read only
	history history
	wake    chan struct{} // closed when there is news
}

var _ control.Store = (*Store)(nil)

// Open opens the store in a directory, which becomes its own, or in memory if dir is nil. Errors: those of wal.Open.
func Open(dir wal.Dir) (*Store, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{requests: make(chan *request, maxGroup), closing: cancel, closed: make(chan struct{}), now: newState(), wake: make(chan struct{})}
	if dir != nil {
		var err error
		if s.log, err = wal.Open(dir, wal.Options{Purpose: "control", SegmentBytes: segmentBytes, Bodies: true}, s.replay); err != nil {
			cancel()
			return nil, err
		}
	}
	s.history.floor = s.now.revision
	c := &committer{store: s, deadlines: make(map[control.LeaseID]time.Time)}
	go c.run(ctx)
	return s, nil
}

// replay takes one record of the log.
func (s *Store) replay(_ wal.Place, r wal.Record) error {
	const op = "open control store"
	var ch change
	if err := spec.Unmarshal(r.Body, &ch); err != nil {
		return &spec.Error{Op: op, Kind: spec.Corrupted, ID: "a change", Err: err}
	}
	if wrong := ch.check(s.now.revision); wrong != "" {
		return spec.Errorf(op, spec.Corrupted, "a change", "%s", wrong)
	}
	s.now.apply(ch)
	return nil
}

// Close waits for the commits that were begun and closes the store. Closing twice is fine.
func (s *Store) Close() error {
	s.closing()
	<-s.closed
	return s.ended
}

// LogBytes returns the size of the log on disk, 0 in memory.
func (s *Store) LogBytes() int64 {
	if s.log == nil {
		return 0
	}
	return s.log.Bytes()
}

// Get implements control.Store.
func (s *Store) Get(ctx context.Context, key string) (control.Item, error) {
	if err := control.CheckKey(key); err != nil {
		return control.Item{}, err
	}
	now, err := s.look(ctx)
	if err != nil {
		return control.Item{}, err
	}
	item, ok := now.items.Get(control.Item{Key: key})
	if !ok {
		return item, &spec.Error{Op: "get", Kind: spec.NotFound, ID: control.Quote(key)}
	}
	return item, nil
}

// List implements control.Store.
func (s *Store) List(ctx context.Context, prefix string, page control.Page) (control.List, error) {
	if err := errors.Join(control.CheckPrefix(prefix), control.CheckPrefix(page.After)); err != nil {
		return control.List{}, err
	}
	now, err := s.look(ctx)
	if err != nil {
		return control.List{}, err
	}
	return now.list(prefix, page), nil
}

// look returns what is durable.
func (s *Store) look(ctx context.Context) (*state, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case <-s.closed:
		return nil, errClosed
	default:
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now, nil
}

// Watch implements control.Store.
func (s *Store) Watch(ctx context.Context, prefix string, from control.Revision) iter.Seq2[control.Change, error] {
	return func(yield func(control.Change, error) bool) {
		if err := control.CheckPrefix(prefix); err != nil {
			yield(control.Change{}, err)
			return
		}
		for next := max(from, 1); ; {
			s.mu.RLock()
			changes, ok := s.history.from(next)
			floor, wake := s.history.floor, s.wake
			s.mu.RUnlock()
			if !ok {
				yield(control.Change{}, spec.Errorf("watch", spec.Compacted, control.Quote(prefix), "the history goes back to revision %d, not to %d: list, and watch from there", floor+1, next))
				return
			}
			for _, c := range changes {
				if c = under(prefix, c); len(c.Events) > 0 && !yield(c, nil) {
					return
				}
				next = c.Revision + 1
			}
			if len(changes) > 0 && ctx.Err() == nil {
				continue
			}
			select {
			case <-wake:
			case <-ctx.Done():
				yield(control.Change{}, context.Cause(ctx))
				return
			case <-s.closed:
				yield(control.Change{}, errClosed)
				return
			}
		}
	}
}

// under returns what of a change is about keys with the prefix.
func under(prefix string, c control.Change) control.Change {
	out := control.Change{Revision: c.Revision}
	for _, e := range c.Events {
		if strings.HasPrefix(e.Item.Key, prefix) {
			out.Events = append(out.Events, e)
		}
	}
	return out
}

// Commit implements control.Store.
func (s *Store) Commit(ctx context.Context, txn control.Txn) (control.Revision, error) {
	if err := txn.Check(); err != nil {
		return 0, err
	}
	return s.ask(ctx, &request{decide: func(st *state, _ *committer) (change, error) { return st.commit(txn) }})
}

// Grant implements control.Store.
func (s *Store) Grant(ctx context.Context, ttl time.Duration) (control.Lease, error) {
	if err := control.CheckTTL(ttl); err != nil {
		return control.Lease{}, err
	}
	l := control.Lease{ID: newLease(), TTL: ttl}
	_, err := s.ask(ctx, &request{decide: func(st *state, c *committer) (change, error) {
		c.extend(l)
		return st.grant(l), nil
	}})
	return l, err
}

// newLease draws an id that nobody has.
func newLease() control.LeaseID {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return control.LeaseID(binary.LittleEndian.Uint64(b[:])>>1 | 1)
}

// KeepAlive implements control.Store.
func (s *Store) KeepAlive(ctx context.Context, id control.LeaseID) error {
	_, err := s.ask(ctx, &request{decide: func(st *state, c *committer) (change, error) {
		l, ok := st.leases.Get(control.Lease{ID: id})
		if !ok {
			return change{}, leaseOver("keep lease alive", id)
		}
		c.extend(l)
		return change{Revision: st.revision}, nil
	}})
	return err
}

// Revoke implements control.Store.
func (s *Store) Revoke(ctx context.Context, id control.LeaseID) error {
	_, err := s.ask(ctx, &request{decide: func(st *state, _ *committer) (change, error) { return st.revoke(id) }})
	return err
}

// ask has the committer decide a request, and waits until what it decided is durable.
func (s *Store) ask(ctx context.Context, r *request) (control.Revision, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	r.done = make(chan struct{})
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-s.closed:
		return 0, errClosed
	}
	select {
	case <-r.done:
		return r.revision, r.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-s.closed:
		select {
		case <-r.done: // it was among the last
			return r.revision, r.err
		default:
			return 0, errClosed
		}
	}
}

// show makes a durable version the one that is seen.
func (s *Store) show(next *state, changes []change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = next
	for _, ch := range changes {
		if len(ch.Put)+len(ch.Delete) > 0 {
			s.history.add(ch.seen())
		}
	}
	close(s.wake)
	s.wake = make(chan struct{})
}

var errClosed = &spec.Error{Op: "use control store", Kind: spec.LocalNodeDied, Err: errors.New("the store was closed")}
