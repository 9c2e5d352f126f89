package exchange

import (
	"context"
	"sync"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/transfer"
)

// Request asks for a chunk of an object: transfer.ChunkBytes of it at a multiple of that, or what there is of the last one.
type Request struct {
	ID    spec.ObjectID
	Size  int64 // of the object, in bytes
	Chunk int64 // which one, from 0
	Sums  bool  // the CRC-32C of all chunks is wanted, too
}

// Part is an answer to a request. It is released when it has been sent.
type Part struct {
	Bytes   []byte   // of the chunk; must not be written, nor used after Release
	Sums    []uint32 // of each chunk of the object; nil if they were not wanted
	release func()
}

// Release ends the use of the bytes, once.
func (p *Part) Release() { p.release() }

// Link carries requests to other nodes. It is safe for concurrent use.
type Link interface {
	// Fetch has the peer's [Exchange.Serve] answer a request, fills to, which is as long as the chunk, with its bytes, and
	// returns its sums. An answer of another length is an error. It returns soon after ctx has ended, or the peer is gone,
	// and does not write to it after it has returned. Errors: those of Serve, with their kind; spec.NodeDied; others.
	Fetch(ctx context.Context, peer spec.NodeID, req Request, to []byte) (sums []uint32, err error)
}

// bounds returns where the chunk lies; an error if the object has no such chunk.
func (r Request) bounds() (off, n int64, err error) {
	if r.Size < 1 || r.Chunk < 0 || r.Chunk >= transfer.Chunks(r.Size) {
		return 0, 0, spec.Errorf("serve", spec.InvalidArgument, "object "+r.ID.String(), "it has no chunk %d if it has %d bytes", r.Chunk, r.Size)
	}
	off = r.Chunk * transfer.ChunkBytes
	return off, min(transfer.ChunkBytes, r.Size-off), nil
}

// Local is the link between exchanges of one process: bytes are copied once, from store to store. The zero value has no
// nodes.
type Local struct {
	mu    sync.Mutex
	nodes map[spec.NodeID]*Exchange
}

// Join makes a node known to the others.
func (l *Local) Join(node spec.NodeID, x *Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes == nil {
		l.nodes = make(map[spec.NodeID]*Exchange)
	}
	l.nodes[node] = x
}

// Leave makes a node unknown.
func (l *Local) Leave(node spec.NodeID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.nodes, node)
}

// Fetch implements Link.
func (l *Local) Fetch(ctx context.Context, peer spec.NodeID, req Request, to []byte) ([]uint32, error) {
	l.mu.Lock()
	x := l.nodes[peer]
	l.mu.Unlock()
	if x == nil {
		return nil, &spec.Error{Op: "fetch", Kind: spec.NodeDied, ID: "node " + peer.String()}
	}
	part, err := x.Serve(ctx, req)
	if err != nil {
		return nil, err
	}
	defer part.Release()
	if len(part.Bytes) != len(to) {
		return nil, spec.Errorf("fetch", spec.System, "node "+peer.String(), "it sent %d bytes instead of %d", len(part.Bytes), len(to))
	}
	copy(to, part.Bytes)
	return part.Sums, nil
}
