package exchange

import (
	"context"
	"hash/crc32"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/transfer"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// holding is an object of which chunks are served: one that is on its way, or one of the store that is being viewed. Its
// fields are guarded by the exchange's mu; the bytes of a chunk are not written any more when it is here.
type holding struct {
	id      spec.ObjectID
	bytes   []byte
	here    []bool   // which chunks are; nil: all
	sums    []uint32 // of the chunks; nil: not known
	summing bool     // somebody computes them
	gone    bool     // no more chunks will come
	users   int
	end     func()        // called when the last user has left
	changed chan struct{} // closed at the next change; nil: nobody waits
}

// news returns what is closed when something about the holding changes.
func (h *holding) news() <-chan struct{} {
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed
}

func (h *holding) tell() {
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// leave ends one use of a holding.
func (x *Exchange) leave(h *holding) {
	x.mu.Lock()
	h.users--
	last := h.users == 0
	if last && x.held[h.id] == h {
		delete(x.held, h.id)
	}
	x.mu.Unlock()
	if last {
		h.end()
	}
}

// Serve answers a peer's request from the store, or from what has come of an object that is on its way: then it waits for
// the chunk. The part is to be released. Errors: spec.InvalidArgument for what the object does not have; spec.NotFound
// when this node does not have it; spec.ObjectLost when its bytes are damaged; spec.ObjectStoreFull and spec.OutOfDisk
// when it is on disk and there is no room for it now; spec.LocalNodeDied; the cause of ctx.
func (x *Exchange) Serve(ctx context.Context, req Request) (*Part, error) {
	off, n, err := req.bounds()
	if err != nil {
		return nil, err
	}
	h, err := x.hold(ctx, req)
	if err != nil {
		return nil, err
	}
	sums, err := x.await(ctx, h, req)
	if err == nil {
		select {
		case x.sending <- struct{}{}:
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-x.ctx.Done():
			err = errClosed
		}
	}
	if err != nil {
		x.leave(h)
		return nil, err
	}
	return &Part{Bytes: h.bytes[off : off+n : off+n], Sums: sums, release: func() {
		<-x.sending
		x.leave(h)
	}}, nil
}

// hold makes the caller a user of what there is of an object here.
func (x *Exchange) hold(ctx context.Context, req Request) (*holding, error) {
	if h, _, err := x.use(req, nil); h != nil || err != nil {
		return h, err
	}
	view, err := x.store.Get(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	h, kept, err := x.use(req, view)
	if !kept {
		view.Release()
	}
	return h, err
}

// use makes the caller a user of the object's holding. If there is none, one is made that keeps the view, if that is not
// nil.
func (x *Exchange) use(req Request, view *store.View) (h *holding, kept bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, false, errClosed
	}
	if h = x.held[req.ID]; h == nil {
		if view == nil {
			return nil, false, nil
		}
		h, kept = &holding{id: req.ID, bytes: view.Bytes, end: func() {
			view.Release()
			x.work.Done()
		}}, true
	}
	if int64(len(h.bytes)) != req.Size {
		return nil, false, spec.Errorf("serve", spec.InvalidArgument, "object "+req.ID.String(), "it has %d bytes, not %d", len(h.bytes), req.Size)
	}
	if kept {
		x.work.Add(1)
		x.held[req.ID] = h
	}
	h.users++
	return h, kept, nil
}

// await waits until what is asked for is here, and returns the sums if they are wanted. Those of an object of the store
// are computed when they are wanted first.
func (x *Exchange) await(ctx context.Context, h *holding, req Request) ([]uint32, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		all := h.here == nil
		switch {
		case h.gone:
			return nil, &spec.Error{Op: "serve", Kind: spec.NotFound, ID: "object " + req.ID.String()}
		case (all || h.here[req.Chunk]) && !req.Sums:
			return nil, nil
		case (all || h.here[req.Chunk]) && h.sums != nil:
			return h.sums, nil
		case all && !h.summing:
			h.summing = true
			x.mu.Unlock()
			sums := make([]uint32, transfer.Chunks(req.Size))
			for k := range sums {
				sums[k] = crc32.Checksum(h.bytes[int64(k)*transfer.ChunkBytes:min(req.Size, int64(k+1)*transfer.ChunkBytes)], castagnoli)
			}
			x.mu.Lock()
			h.sums, h.summing = sums, false
			h.tell()
			continue
		}
		news := h.news()
		x.mu.Unlock()
		var err error
		select {
		case <-news:
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-x.ctx.Done():
			err = errClosed
		}
		x.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
}
