package checkpoints

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
)

// MaxCallBytes bounds a call: larger arguments are objects, and the call has their ids.
const MaxCallBytes = 16 * spec.MiB

// Options are how a store is opened. The zero value is usable.
type Options struct {
	// Limit bounds the directory in bytes. Three eighths of it can be alive; what does not fit is refused with
	// spec.OutOfDisk. 0: only the disk is the bound.
	Limit int64
	// Scratch is for actors that only sleep: nothing is synced, what a former store left in the directory is removed at
	// Open, and what this one leaves at Close.
	Scratch bool
	// SegmentBytes is the size of the log's files. Default: wal.DefaultSegmentBytes, and with a Limit an eighth of it if
	// that is less.
	SegmentBytes int64
}

// Store keeps the states of actors. It is safe for concurrent use.
type Store struct {
	log     *wal.Log // appended to by the writer only
	options Options
	ended   chan struct{} // closed by the writer when it has ended
	failure error         // of the log's Close, after ended
	news    chan struct{} // a write waits, or the store closes: holds one

	mu      sync.Mutex
	closed  bool
	queue   []*Pending
	queued  int64 // bytes of the queue and of what is being written
	damaged error // why the log's beginning cannot be dropped any more
	alive   int64 // bytes of the log that are
	actors  map[spec.ActorID]entry
	tails   map[spec.ActorID]*tail // of the actors with calls since their checkpoint, or with writes under way
}

// entry is what the store remembers of an actor that sleeps: where its checkpoint is.
type entry struct {
	place wal.Place // of no length: there is none
	upTo  uint64
}

// tail is the log of an actor behind its checkpoint.
type tail struct {
	calls []wal.Place // the first is at upTo+1
	ends  uint64      // position of the last call that was begun
	saves uint64      // the highest position that a Save was begun for
	under int         // writes under way
}

// Pending is a write that has been begun: its place among the actor's is taken, and it is on its way to the disk.
type Pending struct {
	record   wal.Record
	actor    spec.ActorID
	kind     kind
	position uint64
	from     wal.Place // the record is moved from there; zero for what is new
	done     chan struct{}
	err      error // after done
}

// Open opens the store in dir, which is made if it is missing. One process can have it open. Errors: spec.AlreadyExists,
// with the id of the process that has it open; spec.Corrupted; spec.Unsupported for the form of another version.
func Open(dir string, o Options) (*Store, error) {
	d, err := wal.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	return OpenDir(d, o)
}

// OpenDir is Open in a directory that is open already and becomes the store's own.
func OpenDir(dir wal.Dir, o Options) (*Store, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = wal.DefaultSegmentBytes
		if o.Limit > 0 {
			o.SegmentBytes = max(1, min(o.SegmentBytes, o.Limit/8))
		}
	}
	s := &Store{options: o, ended: make(chan struct{}), news: make(chan struct{}, 1),
		actors: make(map[spec.ActorID]entry), tails: make(map[spec.ActorID]*tail)}
	var err error
	r := &replayer{store: s, calls: make(map[spec.ActorID]map[uint64]wal.Place)}
	s.log, err = wal.Open(dir, wal.Options{Purpose: "actors", Scratch: o.Scratch, SegmentBytes: o.SegmentBytes}, r.replay)
	if err != nil {
		return nil, err
	}
	if err := r.finish(); err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	go s.write()
	return s, nil
}

// Append adds a call to the actor's log and returns its position there once it is durable: 1 for an actor's first call
// ever, and one more for each that follows. The actor need not be known before. If ctx ends first, the call may become
// durable all the same. Errors: spec.LimitExceeded for a call over MaxCallBytes; spec.OutOfDisk; spec.System, after which
// the store has to be opened again.
func (s *Store) Append(ctx context.Context, actor spec.ActorID, c Call) (uint64, error) {
	p := s.Begin(actor, c)
	return p.Position(), p.Wait(ctx)
}

// Begin is Append that does not wait. Calls of one actor become durable in the order in which they were begun; when one
// fails, those after it fail too. The call's bytes must not change before it is durable.
func (s *Store) Begin(actor spec.ActorID, c Call) *Pending {
	if len(c.Method) > spec.MaxNameBytes || len(c.Args)+len(c.Result) > MaxCallBytes {
		return refused(spec.Errorf("append call", spec.LimitExceeded, "actor "+actor.String(), "a method of %d bytes, at most %d, with arguments and a result of %s, at most %s",
			len(c.Method), spec.MaxNameBytes, spec.FormatBytes(int64(len(c.Args)+len(c.Result))), spec.FormatBytes(MaxCallBytes)))
	}
	body := c.encode()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tail(actor)
	p := &Pending{actor: actor, kind: kindCall, position: t.ends + 1}
	p.record = wal.Record{Meta: meta(kindCall, actor, p.position), Body: body}
	if !s.enqueue(p, t) {
		return p
	}
	t.ends++
	return p
}

// Save puts a checkpoint in the place of the actor's last one. upTo is the position of the last call whose effect it
// has, as Append gave it, and 0 if the actor's log was never used; the log up to there is dropped. It is durable when
// Save returns. If ctx ends first, it may become so all the same. Errors: as of Append, and spec.InvalidArgument for a
// position that the log does not reach or a former checkpoint has passed.
func (s *Store) Save(ctx context.Context, actor spec.ActorID, checkpoint []byte, upTo uint64) error {
	return s.BeginSave(actor, checkpoint, upTo).Wait(ctx)
}

// BeginSave is Save that does not wait. The checkpoint's bytes must not change before it is durable.
func (s *Store) BeginSave(actor spec.ActorID, checkpoint []byte, upTo uint64) *Pending {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tail(actor)
	if upTo < t.saves || upTo > t.ends {
		s.settle(actor, t)
		return refused(spec.Errorf("save checkpoint", spec.InvalidArgument, "actor "+actor.String(), "its log reaches from %d to %d, not to %d", t.saves, t.ends, upTo))
	}
	p := &Pending{actor: actor, kind: kindCheckpoint, position: upTo}
	p.record = wal.Record{Meta: meta(kindCheckpoint, actor, upTo), Body: checkpoint}
	if s.enqueue(p, t) {
		t.saves = upTo
	}
	return p
}

// Delete forgets the actor, durably; to delete an unknown one is no error. Its positions begin at 1 again.
func (s *Store) Delete(ctx context.Context, actor spec.ActorID) error {
	s.mu.Lock()
	if _, known := s.actors[actor]; !known && s.tails[actor] == nil && !s.closed {
		s.mu.Unlock()
		return nil
	}
	p := &Pending{actor: actor, kind: kindDeletion, record: wal.Record{Meta: meta(kindDeletion, actor, 0)}}
	if t := s.tail(actor); s.enqueue(p, t) {
		t.ends, t.saves = 0, 0
	}
	s.mu.Unlock()
	return p.Wait(ctx)
}

// Load returns what is durable of the actor. Errors: spec.NotFound; spec.Corrupted, for this actor alone.
func (s *Store) Load(actor spec.ActorID) (Saved, error) {
	for {
		saved, err := s.load(actor)
		if !errors.Is(err, errMoved) {
			return saved, err
		}
	}
}

// load reads what the index says; errMoved tells that it has been moved meanwhile.
func (s *Store) load(actor spec.ActorID) (Saved, error) {
	const op = "load checkpoint"
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Saved{}, errClosed
	}
	e, known := s.actors[actor]
	var calls []wal.Place
	if t := s.tails[actor]; t != nil {
		calls = slices.Clone(t.calls)
	}
	s.mu.Unlock()
	if !known {
		return Saved{}, &spec.Error{Op: op, Kind: spec.NotFound, ID: "actor " + actor.String()}
	}
	saved := Saved{UpTo: e.upTo}
	if e.place.Length > 0 {
		r, err := s.read(e.place, kindCheckpoint, actor, e.upTo)
		if err != nil {
			return Saved{}, err
		}
		saved.Checkpoint = r.Body
	}
	for i, place := range calls {
		r, err := s.read(place, kindCall, actor, e.upTo+uint64(i)+1)
		if err != nil {
			return Saved{}, err
		}
		c, ok := decodeCall(r.Body)
		if !ok {
			return Saved{}, spec.Errorf(op, spec.Corrupted, "actor "+actor.String(), "its call %d has no form of a call", e.upTo+uint64(i)+1)
		}
		saved.Calls = append(saved.Calls, c)
	}
	return saved, nil
}

// read reads a record that has to be that of the actor.
func (s *Store) read(p wal.Place, k kind, actor spec.ActorID, position uint64) (wal.Record, error) {
	r, err := s.log.Read(p)
	if errors.Is(err, spec.NotFound) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed {
			return r, errClosed
		}
		return r, errMoved
	}
	if err != nil {
		return r, &spec.Error{Op: "load checkpoint", Kind: spec.KindOf(err), ID: "actor " + actor.String(), Err: err}
	}
	if gotKind, gotActor, gotPosition, ok := decodeMeta(r.Meta); !ok || gotKind != k || gotActor != actor || gotPosition != position {
		return r, spec.Errorf("load checkpoint", spec.Corrupted, "actor "+actor.String(), "there is another record in its place")
	}
	return r, nil
}

// Actors returns the ids of the actors known at some moment, in no order.
func (s *Store) Actors() iter.Seq[spec.ActorID] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Values(slices.Collect(maps.Keys(s.actors)))
}

// Usage is what the store takes.
type Usage struct {
	Actors int
	Bytes  int64 // of the directory
	Alive  int64 // bytes of it that are needed
	// Damaged says why the directory grows without a bound: a record that is needed cannot be read. nil: it does not.
	Damaged error
}

// Usage returns what the store takes now.
func (s *Store) Usage() Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Usage{Actors: len(s.actors), Bytes: s.log.Bytes(), Alive: s.alive, Damaged: s.damaged}
}

// Close waits for what has been begun and closes the store. Later calls fail. Closing twice is fine.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wake()
	<-s.ended
	return s.failure
}

// Position returns the place of the call in the actor's log, and for a checkpoint the position that it was saved up to.
func (p *Pending) Position() uint64 { return p.position }

// Wait returns when the write is durable, with nil, has failed, or ctx has ended.
func (p *Pending) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// refused is a write that never began.
func refused(err error) *Pending {
	p := &Pending{err: err, done: make(chan struct{})}
	close(p.done)
	return p
}

var (
	errClosed = &spec.Error{Op: "use checkpoints", Kind: spec.LocalNodeDied, Err: errors.New("the store was closed")}
	errMoved  = errors.New("the record was moved")
)
