package host

import (
	"context"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// question is one that another node has not answered yet.
type question struct {
	of     spec.NodeID
	answer chan *peer.Answer // of one place; closed if the node died
}

// question asks a node for a part and waits for it.
func (c *clusterNode) question(ctx context.Context, of spec.NodeID, m peer.Ask) (*peer.Answer, error) {
	answer := make(chan *peer.Answer, 1)
	c.mu.Lock()
	if c.peers[of] == nil {
		c.mu.Unlock()
		return nil, spec.Errorf("ask", spec.NodeDied, "node "+of.String(), "it is not there")
	}
	c.last++
	m.Number = c.last
	c.asks[m.Number] = question{of, answer}
	c.mu.Unlock()
	c.port.Send(of, peer.Message{Ask: &m})
	select {
	case a, ok := <-answer:
		if !ok {
			return nil, spec.Errorf("ask", spec.NodeDied, "node "+of.String(), "it died")
		}
		if err := peer.Error(a.Err); err != nil {
			return nil, err
		}
		return a, nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.asks, m.Number)
		c.mu.Unlock()
		return nil, context.Cause(ctx)
	}
}

// answered gives an answer to who asked.
func (c *clusterNode) answered(from spec.NodeID, m *peer.Answer) {
	c.mu.Lock()
	q, ok := c.asks[m.Number]
	if ok && q.of == from {
		delete(c.asks, m.Number)
		q.answer <- m
	}
	c.mu.Unlock()
}

// asked answers a node's question, when the bytes are there: they may have to come from disk.
func (c *clusterNode) asked(from spec.NodeID, m *peer.Ask) {
	c.node.scope.run(func() {
		a := &peer.Answer{Number: m.Number}
		if err := c.part(c.node.scope.ctx, m, a); err != nil {
			a.Size, a.Data, a.Err = 0, nil, spec.MarshalError(err)
		}
		c.port.Send(from, peer.Message{Answer: a})
	})
}

// part fills an answer.
func (c *clusterNode) part(ctx context.Context, m *peer.Ask, a *peer.Answer) error {
	take := func(whole []byte) error {
		a.Size = int64(len(whole))
		if m.From > a.Size {
			return spec.Errorf("answer", spec.InvalidArgument, "", "it asks for a part from %d of %d bytes", m.From, a.Size)
		}
		a.Data = append([]byte(nil), whole[m.From:min(a.Size, m.From+m.Length)]...)
		return nil
	}
	if m.Module != nil {
		wasm, err := c.node.moduleBytes(*m.Module)
		if err != nil {
			return err
		}
		return take(wasm)
	}
	objects := c.node.objects
	if !objects.enter() {
		return errNodeClosed
	}
	defer objects.using.Done()
	view, err := objects.store.Get(ctx, *m.Object)
	if err != nil {
		return err
	}
	defer view.Release()
	return take(view.Bytes)
}

// moduleBytes returns the bytes of a module that was loaded here.
func (n *Node) moduleBytes(digest spec.Digest) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, m := range n.modules {
		if key.digest == digest && m.bytes != nil {
			return m.bytes, nil
		}
	}
	return nil, spec.Errorf("find a module", spec.NotFound, "module "+digest.Short(), "it was not loaded on node %s", n.id)
}

// fetchModule gets a module's bytes from a node that has it.
func (c *clusterNode) fetchModule(ctx context.Context, of spec.NodeID, digest spec.Digest) ([]byte, error) {
	const op = "fetch a module"
	var wasm []byte
	for {
		a, err := c.question(ctx, of, peer.Ask{Module: &digest, From: int64(len(wasm)), Length: peer.MaxPart})
		switch {
		case err != nil:
			return nil, &spec.Error{Op: op, Kind: spec.KindOf(err), ID: "module " + digest.Short(), Err: err}
		case a.Size > spec.MaxModuleBytes:
			return nil, spec.Errorf(op, spec.LimitExceeded, "module "+digest.Short(), "node %s says that it has %d bytes", of, a.Size)
		}
		wasm = append(wasm, a.Data...)
		switch {
		case int64(len(wasm)) == a.Size && spec.DigestOf(wasm) == digest:
			return wasm, nil
		case int64(len(wasm)) >= a.Size || len(a.Data) == 0:
			return nil, spec.Errorf(op, spec.Corrupted, "module "+digest.Short(), "node %s gave other bytes", of)
		}
	}
}

// fetching is an object's way here, for all who wait for it.
type fetching struct {
	done chan struct{}
	err  error
}

// fetch gets an object's bytes from one of the nodes that have them, and keeps them as a copy that may be evicted.
func (c *clusterNode) fetch(ctx context.Context, id spec.ObjectID, size int64, at []spec.NodeID) error {
	c.mu.Lock()
	f := c.fetches[id]
	if f == nil {
		f = &fetching{done: make(chan struct{})}
		c.fetches[id] = f
		if !c.node.scope.run(func() {
			f.err = c.pull(c.node.scope.ctx, id, size, at)
			c.mu.Lock()
			delete(c.fetches, id)
			c.mu.Unlock()
			close(f.done)
		}) {
			f.err = errNodeClosed
			delete(c.fetches, id)
			close(f.done)
		}
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pull copies an object from the first of the nodes that gives it.
func (c *clusterNode) pull(ctx context.Context, id spec.ObjectID, size int64, at []spec.NodeID) error {
	err := error(spec.Errorf("fetch", spec.ObjectLost, "object "+id.String(), "no node that is alive has its bytes"))
	for _, of := range at {
		if of == c.node.id {
			continue
		}
		if err = c.pullFrom(ctx, of, id, size); err == nil || spec.KindOf(err) == spec.AlreadyExists {
			return nil
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &spec.Error{Op: "fetch", Kind: spec.ObjectLost, ID: "object " + id.String(), Err: err}
}

func (c *clusterNode) pullFrom(ctx context.Context, of spec.NodeID, id spec.ObjectID, size int64) error {
	draft, err := c.node.objects.store.Create(ctx, id, size, store.Secondary)
	if err != nil {
		return err
	}
	defer draft.Abort()
	for from := int64(0); from < size; {
		a, err := c.question(ctx, of, peer.Ask{Object: &id, From: from, Length: min(peer.MaxPart, size-from)})
		if err != nil {
			return err
		}
		if a.Size != size || len(a.Data) == 0 || int64(len(a.Data)) > size-from {
			return spec.Errorf("fetch", spec.Corrupted, "object "+id.String(), "node %s has another object of that name", of)
		}
		copy(draft.Bytes[from:], a.Data)
		from += int64(len(a.Data))
	}
	return draft.Seal()
}
