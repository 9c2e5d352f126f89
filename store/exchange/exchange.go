package exchange

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/transfer"
)

// Defaults of a Config.
const (
	DefaultPause    = 100 * time.Millisecond
	DefaultMaxPause = 10 * time.Second // Ray's object_manager_pull_timeout_ms
	DefaultSending  = 400              // chunks: Ray's 2 GiB of max_bytes_in_flight
)

// Config says what an exchange connects. Store, Link and Log are required; the zero value of all else is a default.
type Config struct {
	// Store is the node's.
	Store store.Store
	// Link reaches the other nodes.
	Link Link
	// Limit is how many bytes of objects are on their way at a time, but for one alone. 0: half of the store's memory.
	Limit int64
	// Sending is how many chunks are sent at a time.
	Sending int
	// Pause is how long an object waits after its second failure in a row until a source is asked again, twice as long after
	// each further one, and MaxPause at most.
	Pause, MaxPause time.Duration
	Log             *zap.Logger
}

// Exchange gets objects from other nodes, and serves them. It is safe for concurrent use.
type Exchange struct {
	store           store.Store
	link            Link
	log             *zap.Logger
	pause, maxPause time.Duration
	sending         chan struct{} // a place for each chunk that is being sent
	ctx             context.Context
	cancel          context.CancelFunc
	work            sync.WaitGroup

	mu     sync.Mutex
	closed bool
	puller *transfer.Puller
	coming map[spec.ObjectID]*incoming
	held   map[spec.ObjectID]*holding
}

// Open starts an exchange. It is closed before the store is.
func Open(cfg Config) *Exchange {
	if cfg.Limit == 0 {
		cfg.Limit = cfg.Store.Usage().Limit / 2
	}
	if cfg.Sending == 0 {
		cfg.Sending = DefaultSending
	}
	if cfg.Pause == 0 {
		cfg.Pause = DefaultPause
	}
	if cfg.MaxPause == 0 {
		cfg.MaxPause = DefaultMaxPause
	}
	x := &Exchange{
		store: cfg.Store, link: cfg.Link, log: cfg.Log, pause: cfg.Pause, maxPause: cfg.MaxPause, sending: make(chan struct{}, cfg.Sending),
		puller: transfer.NewPuller(cfg.Limit), coming: make(map[spec.ObjectID]*incoming), held: make(map[spec.ObjectID]*holding),
	}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	return x
}

var errClosed = &spec.Error{Op: "fetch", Kind: spec.LocalNodeDied, Err: spec.ObjectNotAvailable}

// Close gives up what is on its way and waits for whatever uses the store: every part has to be released.
func (x *Exchange) Close() {
	x.mu.Lock()
	x.closed = true
	for _, in := range x.coming {
		if in.try != nil {
			x.stop(in, errClosed)
		}
	}
	x.mu.Unlock()
	x.cancel()
	x.work.Wait()
}

// Fetch returns a view of an object: at once if it is in the store, and otherwise when it has come from another node, to
// be a secondary copy here from then on. size is the object's, in bytes; at is where its owner says that it is. Of
// several fetches the one with the most urgent priority counts.
//
// Errors: spec.ObjectLost when there is no copy; spec.ObjectFetchTimedOut, with the cause of ctx, when ctx ends after a
// source failed, and else the cause of ctx; spec.ObjectStoreFull when it is larger than the store; spec.OwnerDied;
// spec.LocalNodeDied.
func (x *Exchange) Fetch(ctx context.Context, id spec.ObjectID, size int64, priority transfer.Priority, at Locations) (*store.View, error) {
	if size < 1 {
		return nil, spec.Errorf("fetch", spec.InvalidArgument, "object "+id.String(), "it has %d bytes, at least 1", size)
	}
	for pause := time.Millisecond; ; pause = min(2*pause, x.pause) {
		view, err := patiently(ctx, x.store, size, func() (*store.View, error) { return x.store.Get(ctx, id) })
		switch {
		case err == nil:
			return view, nil
		case !errors.Is(err, spec.NotFound) && !errors.Is(err, spec.ObjectLost):
			return nil, err
		}
		if view, err = x.pull(ctx, id, size, priority, at); !errors.Is(err, spec.AlreadyExists) {
			return view, err
		}
		// Somebody is making it here, or views it still though it was deleted.
		if err := wait(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// patiently does what needs memory of the store until there is some for an object of that size, or ctx ends.
func patiently[T any](ctx context.Context, s store.Store, size int64, do func() (T, error)) (T, error) {
	for {
		got, err := do()
		short := errors.Is(err, spec.ObjectStoreFull) || errors.Is(err, spec.OutOfDisk)
		if !short || size > s.Usage().Limit || ctx.Err() != nil {
			return got, err
		}
	}
}

// wait waits for a time, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pull waits until the object has come.
func (x *Exchange) pull(ctx context.Context, id spec.ObjectID, size int64, priority transfer.Priority, at Locations) (*store.View, error) {
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return nil, errClosed
	}
	in := x.coming[id]
	if in == nil {
		in = &incoming{id: id, size: size, at: at, done: make(chan struct{})}
		x.coming[id] = in
	}
	in.waiters++
	if !in.over {
		x.step(transfer.PullEvent{Op: transfer.Pull, ID: id, Size: in.size, Priority: priority})
	}
	x.mu.Unlock()

	var err error
	select {
	case <-in.done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-x.ctx.Done():
		err = errClosed
	}
	x.mu.Lock()
	in.waiters--
	came := in.came
	switch {
	case came != nil: // and this is a user of it
	case in.err != nil:
		err = in.err
	case !x.closed:
		if in.why != nil {
			err = spec.Errorf("fetch", spec.ObjectFetchTimedOut, "object "+id.String(), "%w; last, node %s failed: %w", err, in.failed, in.why)
		}
		x.step(transfer.PullEvent{Op: transfer.Unpull, ID: id, Priority: priority})
		x.forget(in)
	}
	x.mu.Unlock()
	if came == nil {
		return nil, err
	}
	defer x.leave(came)
	if err != nil {
		return nil, err
	}
	return x.store.Get(ctx, id)
}

// Gone says that a node is gone: whatever was on its way from there comes from elsewhere.
func (x *Exchange) Gone(node spec.NodeID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, in := range x.coming {
		if in.try != nil && in.try.source == node {
			in.try.lose(&spec.Error{Op: "fetch", Kind: spec.NodeDied, ID: "node " + node.String()})
		}
	}
}
