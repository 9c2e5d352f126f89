package local

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/arena"
	"github.com/raywasm/raywasm/store/extent"
	"github.com/raywasm/raywasm/store/residency"
	"github.com/raywasm/raywasm/store/spill"
)

// Defaults, which are Ray's where the comment names its setting.
const (
	DefaultThreshold = 0.8             // object_spilling_threshold
	DefaultMinSpill  = 100 * spec.MiB  // min_spilling_size
	DefaultMaxFused  = 2000            // max_fused_object_count
	DefaultBatches   = 4               // max_io_workers
	DefaultGrace     = 2 * time.Second // oom_grace_period_s
	DefaultPause     = time.Second
)

// Config says how much a store may keep and where. Limit is required; the zero value of all else is a default.
type Config struct {
	// Limit is the most bytes of memory that objects take.
	Limit int64
	// Keep and Prefault are as in arena.Config.
	Keep, Prefault int64
	// Disk takes what does not fit. It is the store's from now on. nil: nothing is spilled.
	Disk *spill.Disk
	// FallbackDir is where objects are written to directly when memory is full of what is in use. "": they are refused.
	FallbackDir string
	// MinSpill is how many bytes are written at once, and Threshold which part of Limit may be primary copies before they
	// are spilled ahead of need.
	MinSpill  int64
	Threshold float64
	// MaxFused is how many objects are written to one file at most, Batches how many files are written at the same time.
	MaxFused, Batches int
	// Grace is how long a request waits that nothing can help.
	Grace time.Duration
	// Pause is how long a disk is left alone that refused or failed.
	Pause time.Duration
	// Evicted is told of every object that is not here any more though nobody deleted it. It must not close the store.
	// nil: nobody is.
	Evicted func(spec.ObjectID)
}

// Store keeps objects. It is safe for concurrent use.
type Store struct {
	arena    *arena.Arena
	fd       int // of the arena, -1 if it has none
	disk     *spill.Disk
	fallback string
	evicted  func(spec.ObjectID)
	began    time.Time
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	core    *residency.Core
	last    residency.Token
	posing  *asker                     // whose question is being put
	spare   *asker                     // of a question that was answered at once
	asking  map[residency.Token]*asker // who waits for an answer
	fallen  map[spec.ObjectID]*mapping
	wakeAt  int64 // 0: no timer
	timer   *time.Timer
	vacated []extent.Free
}

// asker is one who waits for an answer of the core.
type asker struct {
	token  residency.Token
	answer residency.Action
	done   bool
	ready  chan struct{} // closed when done; nil until somebody waits
}

// Open opens an empty store. Errors: spec.OutOfMemory, spec.LimitExceeded.
func Open(cfg Config) (*Store, error) {
	a, err := arena.Open(arena.Config{Size: cfg.Limit, Keep: cfg.Keep, Prefault: cfg.Prefault})
	if err != nil {
		return nil, err
	}
	s := &Store{
		arena: a, fd: -1, disk: cfg.Disk, fallback: cfg.FallbackDir, evicted: cfg.Evicted, began: time.Now(),
		asking: make(map[residency.Token]*asker), fallen: make(map[spec.ObjectID]*mapping),
		core: residency.New(residency.Config{
			Limit: cfg.Limit, CanSpill: cfg.Disk != nil, CanFall: cfg.FallbackDir != "", Threshold: or(cfg.Threshold, DefaultThreshold),
			MinSpill: or(cfg.MinSpill, DefaultMinSpill), MaxFused: or(cfg.MaxFused, DefaultMaxFused), Batches: or(cfg.Batches, DefaultBatches),
			Grace: or(cfg.Grace, DefaultGrace), Pause: or(cfg.Pause, DefaultPause),
		}),
	}
	if f := a.File(); f != nil {
		s.fd = int(f.Fd())
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

func or[T int | int64 | float64 | time.Duration](x, otherwise T) T {
	if x == 0 {
		return otherwise
	}
	return x
}

var errClosed = &spec.Error{Op: "store", Kind: spec.LocalNodeDied, Err: spec.ObjectNotAvailable}

// Close forgets every object and removes what is on disk. Nobody has a view or a draft any more.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for _, w := range s.asking {
		s.tell(w, residency.Action{Do: residency.Refuse, Err: errClosed})
	}
	if s.timer != nil && s.timer.Stop() {
		s.work.Done()
	}
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	for _, m := range s.fallen {
		m.close()
	}
	var err error
	if s.disk != nil {
		err = s.disk.Close()
	}
	_ = s.arena.Close() // never fails
	return err
}

// File returns the memory of the objects as a file that cannot be written through, to be given to another process; nil
// where there is no such thing. It stays the store's.
func (s *Store) File() *os.File { return s.arena.File() }

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, id spec.ObjectID, size int64, kind store.Copy) (*store.Draft, error) {
	a, err := s.ask(ctx, residency.Event{Op: residency.Create, ID: id, Size: size, Copy: kind}, residency.Abort)
	if err != nil {
		return nil, err
	}
	if a.Do == residency.FallBack {
		s.mu.Lock()
		m := s.fallen[id]
		s.mu.Unlock()
		return store.NewDraft(m.write, store.Region{FD: m.fd()}, store.Writing{
			Fill: func(parts [][]byte) error {
				for to := m.write; len(parts) > 0; parts = parts[1:] {
					to = to[copy(to, parts[0]):]
				}
				return nil
			},
			Clear: func() {}, // the file is new
			End:   func(end store.End) (*store.View, error) { return s.end(id, end) },
		}), nil
	}
	b, region := a.Block, store.NoRegion
	if f := s.arena.Writer(); b.Whole() && f != nil {
		region = store.Region{FD: int(f.Fd()), Off: b.Off}
	}
	clearTail := func() {
		if b.Whole() {
			s.arena.ClearTail(b.Off, size)
		}
	}
	return store.NewDraft(s.arena.Writable(b.Off, size), region, store.Writing{
		Fill:  func(parts [][]byte) error { return s.fill(b.Off, parts) },
		Clear: func() { s.arena.Clear(b.Off, size); clearTail() },
		End: func(end store.End) (*store.View, error) {
			s.arena.Touch(b.Off, size) // whatever became of it
			clearTail()
			return s.end(id, end)
		},
	}), nil
}

// fill writes parts to the arena, one after another.
func (s *Store) fill(off int64, parts [][]byte) error {
	for _, part := range parts {
		if err := s.arena.Fill(off, part); err != nil {
			return err
		}
		off += int64(len(part))
	}
	return nil
}

// end seals or aborts a draft.
func (s *Store) end(id spec.ObjectID, end store.End) (*store.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	switch end {
	case store.Aborted:
		s.step(residency.Event{Op: residency.Abort, ID: id})
	case store.Sealed:
		s.step(residency.Event{Op: residency.Seal, ID: id})
	case store.SealedAndViewed:
		w := &asker{}
		s.pose(w, residency.Event{Op: residency.SealAndGet, ID: id})
		return s.view(w.answer), nil // it was a draft: it is granted
	}
	return nil, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, id spec.ObjectID) (*store.View, error) {
	a, err := s.ask(ctx, residency.Event{Op: residency.Get, ID: id}, residency.Cancel)
	if err != nil {
		return nil, err
	}
	if a.Block.Size == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	return s.view(a), nil
}

// view makes a view of what was granted. The caller holds mu if that was written to disk directly.
func (s *Store) view(a residency.Action) *store.View {
	release := func() { s.tellCore(residency.Event{Op: residency.Release, ID: a.ID}) }
	b := a.Block
	if b.Size == 0 {
		m := s.fallen[a.ID]
		return store.NewView(m.read, store.Region{FD: m.fd()}, 0, release)
	}
	region := store.NoRegion
	if b.Whole() && s.fd >= 0 {
		region = store.Region{FD: s.fd, Off: b.Off}
	}
	return store.NewView(s.arena.Readable(b.Off, b.Size), region, b.Size, release)
}

// pose puts a question to the core. The caller holds mu.
func (s *Store) pose(w *asker, ev residency.Event) {
	s.last++
	w.token, ev.Token = s.last, s.last
	s.posing = w
	s.step(ev)
	if s.posing = nil; !w.done {
		s.asking[w.token] = w
	}
}

// ask puts a question to the core and waits for the answer. If ctx ends first the question is taken back.
func (s *Store) ask(ctx context.Context, ev residency.Event, back residency.Op) (residency.Action, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return residency.Action{}, errClosed
	}
	w := s.spare
	if s.spare = nil; w == nil {
		w = &asker{}
	}
	s.pose(w, ev)
	if w.done {
		answer := w.answer
		*w = asker{}
		s.spare = w
		s.mu.Unlock()
		return answer, answer.Err
	}
	w.ready = make(chan struct{})
	s.mu.Unlock()
	select {
	case <-w.ready:
		return w.answer, w.answer.Err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asking, w.token)
	switch {
	case s.closed || w.done && w.answer.Err != nil:
	case w.done && w.answer.Do == residency.Grant:
		s.step(residency.Event{Op: residency.Release, ID: ev.ID})
	default:
		s.step(residency.Event{Op: back, ID: ev.ID, Token: w.token})
	}
	return residency.Action{}, context.Cause(ctx)
}

// Mark implements store.Store.
func (s *Store) Mark(id spec.ObjectID, kind store.Copy) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.core.Has(id); !ok {
		return &spec.Error{Op: "mark", Kind: spec.NotFound, ID: "object " + id.String()}
	}
	s.step(residency.Event{Op: residency.Mark, ID: id, Copy: kind})
	return nil
}

// Delete implements store.Store.
func (s *Store) Delete(id spec.ObjectID) { s.tellCore(residency.Event{Op: residency.Delete, ID: id}) }

// Has returns what is known of a sealed object; false if there is none.
func (s *Store) Has(id spec.ObjectID) (residency.Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.core.Has(id)
}

// Usage implements store.Store.
func (s *Store) Usage() store.Usage {
	s.mu.Lock()
	u := s.core.Usage()
	s.mu.Unlock()
	u.Resident = s.arena.Resident()
	if s.disk != nil {
		u.Disk = s.disk.Bytes()
	}
	return u
}
