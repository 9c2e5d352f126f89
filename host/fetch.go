package host

import (
	"context"
	"slices"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/exchange"
)

// maxQuestions is how many questions a node asks another one before it has answers; with more it waits. It is how many it
// answers at once for another one, too, and whoever asks more than that is refused: no honest node does. Nobody waits for each
// other by that, as an answer waits for no other node.
const maxQuestions = 64

// question is one that another node has not answered yet.
type question struct {
	of     spec.NodeID
	named  bool              // it asks for an actor's name
	answer chan *peer.Answer // of one place; closed if the node died; nil if nobody waits any more
}

// end: there is no answer.
func (q question) end() {
	if q.answer != nil {
		close(q.answer)
	}
}

// question asks a node for a part and waits for it.
func (c *clusterNode) question(ctx context.Context, of spec.NodeID, m peer.Ask) (*peer.Answer, error) {
	c.mu.Lock()
	p := c.peer(c.node.id, of)
	c.mu.Unlock()
	if p == nil {
		return nil, spec.Errorf("ask", spec.NodeDied, "node "+of.String(), "it is not there")
	}
	select {
	case p.questions <- struct{}{}:
	case <-p.gone:
		return nil, spec.Errorf("ask", spec.NodeDied, "node "+of.String(), "it died")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	answer := make(chan *peer.Answer, 1)
	c.mu.Lock()
	if c.peers[of] != p {
		c.mu.Unlock()
		return nil, spec.Errorf("ask", spec.NodeDied, "node "+of.String(), "it died")
	}
	c.last++
	m.Number = c.last
	c.asks[m.Number] = question{of, m.Name != nil, answer}
	c.mu.Unlock()
	c.port.Send(of, peer.Message{Ask: &m})
	var a *peer.Answer
	var ok bool
	select {
	case a, ok = <-answer:
	case <-ctx.Done():
		c.mu.Lock()
		q, waits := c.asks[m.Number]
		if waits {
			q.answer = nil
			c.asks[m.Number] = q
		}
		c.mu.Unlock()
		if waits {
			return nil, context.Cause(ctx)
		}
		a, ok = <-answer // it has just come, with what it brings
	}
	if !ok {
		return nil, spec.Errorf("ask", spec.NodeDied, "node "+of.String(), "it died")
	}
	if err := peer.Error(a.Err); err != nil {
		return nil, err
	}
	return a, nil
}

// answered gives an answer to who asked. The handle that the answer to a name brings is of whoever looked for it.
func (c *clusterNode) answered(from spec.NodeID, m *peer.Answer) {
	var found []spec.Link
	if m.Found != nil {
		found = c.node.objects.claim(from, []spec.Link{spec.ActorLink(*m.Found)})
	}
	c.mu.Lock()
	q, ok := c.asks[m.Number]
	ok = ok && q.of == from
	wanted := ok && q.answer != nil && q.named && len(found) > 0 && len(m.Err) == 0
	if !wanted {
		m.Found = nil
	}
	if ok {
		delete(c.asks, m.Number)
		if q.answer != nil {
			q.answer <- m
		}
		if p := c.peers[from]; p != nil {
			<-p.questions
		}
	}
	c.mu.Unlock()
	if !wanted {
		c.node.objects.release(found)
	}
}

// asked answers a node's question, when the answer is there: bytes may have to come from disk.
func (c *clusterNode) asked(from spec.NodeID, m *peer.Ask) {
	c.mu.Lock()
	p := c.peers[from]
	room := p != nil && p.asked < maxQuestions
	if room {
		p.asked++
	}
	c.mu.Unlock()
	if !room {
		err := spec.Errorf("ask", spec.LimitExceeded, "node "+from.String(), "it has %d questions that are not answered: ask when some are", maxQuestions)
		c.port.Send(from, peer.Message{Answer: &peer.Answer{Number: m.Number, Err: spec.MarshalError(err)}})
		return
	}
	c.node.scope.run(func() {
		a := &peer.Answer{Number: m.Number}
		if err := c.answerTo(c.node.scope.ctx, from, m, a); err != nil {
			a = &peer.Answer{Number: m.Number, Err: spec.MarshalError(err)}
		}
		c.mu.Lock()
		p.asked-- // before it learns of it, and asks the next
		c.mu.Unlock()
		c.port.Send(from, peer.Message{Answer: a})
	})
}

// answerTo fills an answer.
func (c *clusterNode) answerTo(ctx context.Context, from spec.NodeID, m *peer.Ask, a *peer.Answer) (err error) {
	switch {
	case m.Actor != nil:
		return c.introduce(*m.Actor, a)
	case m.Name != nil:
		return c.named(from, m.Name, a)
	case m.Source != nil:
		a.Node, err = c.node.objects.source(m.Source.ID, from, m.Source.Failed, peer.Error(m.Source.Why))
	case m.Chunk != nil:
		part, err := c.exchange.Serve(ctx, exchange.Request{ID: m.Chunk.ID, Size: m.Chunk.Size, Chunk: m.Chunk.Chunk, Sums: m.Chunk.Sums})
		if err != nil {
			return err
		}
		a.Data, a.Sums = slices.Clone(part.Bytes), part.Sums
		part.Release()
	default:
		wasm, err := c.node.moduleBytes(m.Module.Digest)
		if err != nil {
			return err
		}
		a.Size = int64(len(wasm))
		first := min(a.Size, m.Module.From)
		a.Data = wasm[first:min(a.Size, first+peer.MaxPart)]
	}
	return err
}

// Fetch gets a chunk from a node. It is the exchange's way to the others.
func (c *clusterNode) Fetch(ctx context.Context, of spec.NodeID, req exchange.Request, to []byte) ([]uint32, error) {
	a, err := c.question(ctx, of, peer.Ask{Chunk: &peer.Chunk{ID: req.ID, Size: req.Size, Chunk: req.Chunk, Sums: req.Sums}})
	if err != nil {
		return nil, err
	}
	if len(a.Data) != len(to) {
		return nil, spec.Errorf("fetch", spec.System, "node "+of.String(), "it sent %d bytes instead of %d", len(a.Data), len(to))
	}
	copy(to, a.Data)
	return a.Sums, nil
}

// at is where an object's owner, another node, says that its bytes are.
type at struct {
	cluster *clusterNode
	owner   spec.NodeID
}

// Source asks the owner.
func (l at) Source(ctx context.Context, id spec.ObjectID, failed spec.NodeID, why error) (spec.NodeID, error) {
	m := &peer.Source{ID: id, Failed: failed}
	if why != nil {
		m.Why = spec.MarshalError(why)
	}
	a, err := l.cluster.question(ctx, l.owner, peer.Ask{Source: m})
	if err != nil {
		if spec.KindOf(err) == spec.NodeDied {
			err = &spec.Error{Op: "fetch", Kind: spec.OwnerDied, ID: "object " + id.String(), Err: err}
		}
		return spec.NodeID{}, err
	}
	return a.Node, nil
}

// Added and Removed tell the owner.
func (l at) Added(_ context.Context, id spec.ObjectID) {
	l.cluster.port.Send(l.owner, peer.Message{Copied: &peer.Copied{ID: id}})
}

func (l at) Removed(_ context.Context, id spec.ObjectID) {
	l.cluster.port.Send(l.owner, peer.Message{Copied: &peer.Copied{ID: id, Gone: true}})
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
		a, err := c.question(ctx, of, peer.Ask{Module: &peer.Piece{Digest: digest, From: int64(len(wasm))}})
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
