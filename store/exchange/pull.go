package exchange

import (
	"context"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/transfer"
)

// incoming is an object that somebody wants, until it is here or cannot come. Its fields are guarded by the exchange's mu.
type incoming struct {
	id      spec.ObjectID
	size    int64
	at      Locations
	waiters int
	try     *attempt // nil: it is not admitted
	last    *attempt // the one before, which may still be ending
	ending  int      // how many are
	over    bool     // it does not come, and is told so soon

	failures int         // in a row
	failed   spec.NodeID // which failed last
	why      error       // it did

	done chan struct{} // closed when came or err is set
	came *holding      // of which every waiter is a user
	err  error
}

// attempt is one try to get an object, from when it is admitted until it is here or given up.
type attempt struct {
	ctx     context.Context // ends when it is given up
	cancel  context.CancelCauseFunc
	work    sync.WaitGroup // whatever uses its draft, or tells its owner
	draft   *store.Draft
	holding *holding // nil: there is no room yet

	source spec.NodeID
	from   context.Context // ends when the source failed
	lose   context.CancelCauseFunc
	asked  bool // the source is asked for the sums
}

var errDiffers = spec.Errorf("fetch", spec.System, "", "its object is not the one of which chunks are here: it was made again")

// step takes an event in and does what the core says. The caller holds mu.
func (x *Exchange) step(ev transfer.PullEvent) {
	for _, a := range slices.Clone(x.puller.Step(ev)) {
		in := x.coming[a.ID]
		switch a.Do {
		case transfer.Locate:
			x.begin(in)
		case transfer.LoseSource:
			in.try.lose(in.why)
			x.seek(in, in.try, x.rest(in))
		case transfer.Fetch:
			x.fetch(in, in.try, a)
		case transfer.Complete:
			x.complete(in)
		case transfer.GiveUp:
			x.stop(in, nil)
		case transfer.Fail:
			x.stop(in, in.why)
		}
	}
}

// happened takes in what came of an attempt, unless that has been given up meanwhile. note is called before.
func (x *Exchange) happened(in *incoming, try *attempt, ev transfer.PullEvent, note func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if in.try == try && !x.closed {
		note()
		ev.ID = in.id
		x.step(ev)
	}
}

// rest returns how long an object waits until a source is asked again: not after its first failure in a row, and then
// twice as long each time, more or less, so that nodes that wait for each other do not go on doing so.
func (x *Exchange) rest(in *incoming) time.Duration {
	if in.failures < 2 {
		return 0
	}
	d := min(x.maxPause, x.pause<<min(in.failures-2, 20))
	return d/2 + rand.N(d)
}

// begin starts an attempt: it takes room for the object, when what was there of it before is gone, and looks for a source.
func (x *Exchange) begin(in *incoming) {
	try, last, rest := &attempt{lose: func(error) {}}, in.last, x.rest(in)
	try.ctx, try.cancel = context.WithCancelCause(x.ctx)
	in.try = try
	try.work.Add(1)
	x.work.Go(func() {
		defer try.work.Done()
		if last != nil {
			last.work.Wait()
		}
		err := wait(try.ctx, rest)
		var draft *store.Draft
		if err == nil {
			draft, err = patiently(try.ctx, x.store, in.size, func() (*store.Draft, error) {
				return x.store.Create(try.ctx, in.id, in.size, store.Secondary)
			})
		}
		if err != nil {
			x.happened(in, try, transfer.PullEvent{Op: transfer.Never}, func() { in.why = err })
			return
		}
		x.mu.Lock()
		if in.try != try {
			x.mu.Unlock()
			draft.Abort()
			return
		}
		try.work.Add(1)
		try.draft = draft
		try.holding = &holding{id: in.id, bytes: draft.Bytes, here: make([]bool, transfer.Chunks(in.size)), users: 1, end: func() {
			draft.Abort()
			try.work.Done()
		}}
		x.held[in.id] = try.holding
		x.seek(in, try, 0)
		x.mu.Unlock()
	})
}

// seek asks the owner for a source after a rest, and tells it which one failed last, if none has worked since. The caller
// holds mu.
func (x *Exchange) seek(in *incoming, try *attempt, rest time.Duration) {
	failed, why := in.failed, in.why
	try.source, try.asked = spec.NodeID{}, false
	try.work.Add(1)
	x.work.Go(func() {
		defer try.work.Done()
		if wait(try.ctx, rest) != nil {
			return
		}
		node, err := in.at.Source(try.ctx, in.id, failed, why)
		if err != nil {
			x.happened(in, try, transfer.PullEvent{Op: transfer.Never}, func() { in.why = err })
			return
		}
		x.happened(in, try, transfer.PullEvent{Op: transfer.From, Node: node}, func() {
			try.source = node
			try.from, try.lose = context.WithCancelCause(try.ctx)
		})
	})
}

// fetch gets a chunk. The first from each source asks for the sums of all of them. The caller holds mu.
func (x *Exchange) fetch(in *incoming, try *attempt, a transfer.PullAction) {
	h, ctx := try.holding, try.from
	req := Request{ID: in.id, Size: in.size, Chunk: a.Chunk, Sums: !try.asked}
	try.asked = true
	h.users++
	x.work.Go(func() {
		defer x.leave(h)
		to := h.bytes[a.Off : a.Off+a.N]
		sums, err := x.link.Fetch(ctx, a.Node, req, to)
		if err == nil && req.Sums {
			err = x.learn(h, sums)
		}
		if err == nil {
			err = x.verify(ctx, h, a.Chunk, crc32.Checksum(to, castagnoli))
		}
		switch err {
		case nil:
			x.happened(in, try, transfer.PullEvent{Op: transfer.Came, Chunk: a.Chunk}, func() {
				in.failures, in.failed, in.why = 0, spec.NodeID{}, nil
				h.here[a.Chunk] = true
				h.tell()
			})
		case errDiffers:
			x.happened(in, try, transfer.PullEvent{Op: transfer.Differs}, func() { in.failures++ })
		default:
			x.happened(in, try, transfer.PullEvent{Op: transfer.NoChunk, Chunk: a.Chunk, Node: a.Node}, func() {
				if try.source == a.Node {
					in.failures, in.failed, in.why = in.failures+1, a.Node, err
					x.log.Info("chunk not received", zap.Stringer("object", in.id), zap.Int64("chunk", a.Chunk), zap.Stringer("node", a.Node), zap.Int("failures", in.failures), zap.Error(err))
				}
			})
		}
	})
}

// learn takes in the sums that a source told.
func (x *Exchange) learn(h *holding, sums []uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case len(sums) != len(h.here):
		return spec.Errorf("fetch", spec.System, "", "it sent %d checksums of %d chunks", len(sums), len(h.here))
	case h.sums == nil:
		h.sums = slices.Clone(sums)
		h.tell()
	case !slices.Equal(h.sums, sums):
		return errDiffers
	}
	return nil
}

// verify holds the sum of a chunk against what the source told, when it has.
func (x *Exchange) verify(ctx context.Context, h *holding, chunk int64, sum uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for h.sums == nil {
		news := h.news()
		x.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
		}
		x.mu.Lock()
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	if h.sums[chunk] != sum {
		return spec.Errorf("fetch", spec.System, "", "the checksum of chunk %d is wrong", chunk)
	}
	return nil
}

// complete makes a copy of an object of which all is here. The caller holds mu.
func (x *Exchange) complete(in *incoming) {
	try := in.try
	view, err := try.draft.SealView()
	if err != nil {
		x.stop(in, err)
		return
	}
	h := try.holding
	h.here = nil
	h.end = func() {
		view.Release()
		try.work.Done()
	}
	h.users += in.waiters
	h.tell()
	in.try, in.came = nil, h
	close(in.done)
	delete(x.coming, in.id)
	x.work.Go(func() {
		in.at.Added(x.ctx, in.id)
		try.cancel(nil)
		x.leave(h)
		try.work.Wait()
	})
}

// stop gives an attempt up. If err is not nil the object does not come, and whoever waits for it is told so when there is
// nothing left of it. The caller holds mu.
func (x *Exchange) stop(in *incoming, err error) {
	try := in.try
	h := try.holding
	in.try, in.last, in.over = nil, try, err != nil
	in.ending++
	try.cancel(err)
	if h != nil {
		h.gone = true
		h.tell()
	}
	try.work.Add(1) // so that the next attempt comes after this one's end
	x.work.Go(func() {
		in.at.Removed(x.ctx, in.id)
		if h != nil {
			x.leave(h)
		}
		try.work.Done()
		try.work.Wait()
		x.mu.Lock()
		defer x.mu.Unlock()
		in.ending--
		if err != nil {
			in.err = err
			close(in.done)
			delete(x.coming, in.id)
		}
		x.forget(in)
	})
}

// forget forgets an object that nobody wants, when there is nothing left of it. The caller holds mu.
func (x *Exchange) forget(in *incoming) {
	if in.waiters == 0 && in.try == nil && in.ending == 0 && x.coming[in.id] == in {
		delete(x.coming, in.id)
	}
}
