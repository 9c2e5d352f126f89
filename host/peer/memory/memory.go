// Package memory is a network of nodes in one process: what a node sends is encoded, queued, and decoded by the other one,
// as between machines. A node can be killed, or two of them parted, in the middle of anything.
package memory

import (
	"sync"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/spec"
)

// Network connects the nodes that join it. The zero value is ready. It is safe for concurrent use.
type Network struct {
	mu    sync.Mutex
	ports map[spec.NodeID]*port
	ways  map[way]*queue
	cut   map[way]bool
}

type way struct{ from, to spec.NodeID }

// port is one node's side.
type port struct {
	network *Network
	self    spec.NodeID
	receive func(spec.NodeID, []byte)
	pumps   sync.WaitGroup // of the ways to it
}

// queue is what is on its way from one node to another. A pump takes it out.
type queue struct {
	mu       sync.Mutex
	waiting  []peer.Message
	pumping  bool
	receiver *port // nil when it is gone
}

// Join makes a node reachable.
func (n *Network) Join(self spec.NodeID, receive func(spec.NodeID, []byte)) (peer.Port, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ports[self] != nil {
		return nil, spec.Errorf("join the network", spec.AlreadyExists, "node "+self.String(), "it is there already")
	}
	if n.ports == nil {
		n.ports, n.ways, n.cut = make(map[spec.NodeID]*port), make(map[way]*queue), make(map[way]bool)
	}
	p := &port{network: n, self: self, receive: receive}
	n.ports[self] = p
	return p, nil
}

// Kill takes a node off the network at once, as if its machine had lost power: what it has sent and nobody has received is
// lost, and so is what is sent to it.
func (n *Network) Kill(node spec.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.remove(node)
}

// Part cuts the ways between two nodes, in both directions, for good.
func (n *Network) Part(a, b spec.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range []way{{a, b}, {b, a}} {
		n.cut[w] = true
		if q := n.ways[w]; q != nil {
			q.end()
			delete(n.ways, w)
		}
	}
}

// remove ends a node's port. The caller holds mu.
func (n *Network) remove(node spec.NodeID) {
	delete(n.ports, node)
	for w, q := range n.ways {
		if w.from == node || w.to == node {
			q.end()
			delete(n.ways, w)
		}
	}
}

// queue returns the way from one node to another, nil if there is none.
func (n *Network) queue(from, to spec.NodeID) *queue {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := way{from, to}
	if q := n.ways[w]; q != nil {
		return q
	}
	if n.ports[from] == nil || n.ports[to] == nil || n.cut[w] {
		return nil
	}
	q := &queue{receiver: n.ports[to]}
	n.ways[w] = q
	return q
}

// Send queues messages.
func (p *port) Send(to spec.NodeID, messages ...peer.Message) {
	q := p.network.queue(p.self, to)
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.receiver == nil {
		return
	}
	q.waiting = append(q.waiting, messages...)
	if !q.pumping {
		q.pumping = true
		q.receiver.pumps.Add(1)
		go q.pump(p.self, q.receiver)
	}
}

// pump hands over what waits until nothing does.
func (q *queue) pump(from spec.NodeID, to *port) {
	defer to.pumps.Done()
	for {
		q.mu.Lock()
		n := min(len(q.waiting), peer.MaxMessages)
		if n == 0 || q.receiver == nil {
			q.pumping = false
			q.mu.Unlock()
			return
		}
		now := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		q.mu.Unlock()
		for _, frame := range frames(now) {
			to.receive(from, frame)
		}
	}
}

// frames encodes messages, as many as fit in each frame.
func frames(messages []peer.Message) [][]byte {
	frame := peer.Encode(messages)
	if len(frame) <= peer.MaxFrame || len(messages) == 1 {
		return [][]byte{frame}
	}
	half := len(messages) / 2
	return append(frames(messages[:half]), frames(messages[half:])...)
}

// end lets nothing through any more.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.receiver, q.waiting = nil, nil
}

// Leave takes the node off the network.
func (p *port) Leave() {
	p.network.mu.Lock()
	if p.network.ports[p.self] == p {
		p.network.remove(p.self)
	}
	p.network.mu.Unlock()
	p.pumps.Wait()
}
