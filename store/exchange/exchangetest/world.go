package exchangetest

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/exchange"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/spill"
	"github.com/raywasm/raywasm/store/storetest"
	"github.com/raywasm/raywasm/store/transfer"
)

// world is nodes with a store and an exchange each, and one owner.
type world struct {
	t         *testing.T
	directory *exchange.Directory
	nodes     []spec.NodeID
	stores    []store.Store
	creates   []*atomic.Int32 // how often each exchange asked its store for room
	exchanges []*exchange.Exchange

	mu       sync.Mutex
	fault    fault
	requests map[spec.NodeID]int // that each node was sent, and that broke on the way
}

// fault is what happens to a request: do carries it to the peer and back. nil: just that.
type fault func(ctx context.Context, from, peer int, req exchange.Request, to []byte, do func() ([]uint32, error)) ([]uint32, error)

func open(t *testing.T, s Suite, nodes int, memory int64) *world {
	t.Helper()
	w := &world{t: t, directory: exchange.NewDirectory(), requests: make(map[spec.NodeID]int)}
	for range nodes {
		w.nodes = append(w.nodes, spec.NewNodeID())
	}
	links, answer := s.Connect(t, w.nodes)
	for k, node := range w.nodes {
		target, err := spill.OpenDir(t.TempDir(), 0, &storetest.Files{})
		if err != nil {
			t.Fatal(err)
		}
		st, err := local.Open(local.Config{
			Limit: memory, Grace: 20 * time.Millisecond, Disk: spill.NewDisk(zaptest.NewLogger(t), 0, target),
			Evicted: func(id spec.ObjectID) { w.directory.Removed(id, node) },
		})
		if err != nil {
			t.Fatal(err)
		}
		creates := new(atomic.Int32)
		x := exchange.Open(exchange.Config{Store: counting{st, creates}, Link: link{w, k, links[k]}, Pause: time.Millisecond, MaxPause: 10 * time.Millisecond, Log: zaptest.NewLogger(t)})
		answer(node, x)
		w.stores, w.creates, w.exchanges = append(w.stores, st), append(w.creates, creates), append(w.exchanges, x)
	}
	t.Cleanup(func() {
		for _, x := range w.exchanges {
			x.Close()
		}
		for k, st := range w.stores {
			if u := st.Usage(); u.Drafts != 0 || u.Viewed != 0 {
				t.Errorf("in the end, node %d has %+v", k, u)
			}
			if err := st.(*local.Store).Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

// counting is a store that counts how often it is asked for room.
type counting struct {
	store.Store
	creates *atomic.Int32
}

func (c counting) Create(ctx context.Context, id spec.ObjectID, size int64, kind store.Copy) (*store.Draft, error) {
	c.creates.Add(1)
	return c.Store.Create(ctx, id, size, kind)
}

// link is a node's, with the world's faults.
type link struct {
	world *world
	from  int
	exchange.Link
}

func (l link) Fetch(ctx context.Context, peer spec.NodeID, req exchange.Request, to []byte) ([]uint32, error) {
	l.world.mu.Lock()
	l.world.requests[peer]++
	broken := l.world.fault
	l.world.mu.Unlock()
	do := func() ([]uint32, error) { return l.Link.Fetch(ctx, peer, req, to) }
	if broken == nil {
		return do()
	}
	return broken(ctx, l.from, l.world.number(peer), req, to, do)
}

func (w *world) number(node spec.NodeID) int {
	for k, n := range w.nodes {
		if n == node {
			return k
		}
	}
	w.t.Errorf("there is no node %v", node)
	return 0
}

// breaks changes what happens to requests from now on.
func (w *world) breaks(f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

// sent returns how many requests a node was sent.
func (w *world) sent(node int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests[w.nodes[node]]
}

// put makes a primary copy of data at a node.
func (w *world) put(node int, id spec.ObjectID, data []byte) {
	w.t.Helper()
	if err := store.Put(w.t.Context(), w.stores[node], id, data, store.Primary); err != nil {
		w.t.Fatal(err)
	}
	w.directory.Added(id, w.nodes[node])
}

// fetch has a node fetch an object of size bytes.
func (w *world) fetch(ctx context.Context, node int, id spec.ObjectID, size int) (*store.View, error) {
	return w.exchanges[node].Fetch(ctx, id, int64(size), transfer.ForGet, w.directory.For(w.nodes[node]))
}

// comes has a node fetch an object and holds it against data.
func (w *world) comes(node int, id spec.ObjectID, data []byte) {
	w.t.Helper()
	v, err := w.fetch(w.t.Context(), node, id, len(data))
	if err != nil {
		w.t.Errorf("node %d: %v", node, err)
		return
	}
	defer v.Release()
	if !bytes.Equal(v.Bytes, data) {
		w.t.Errorf("node %d: the object reads differently", node)
	}
}

// object returns the id and the bytes of the n-th object.
func object(n, size int) (spec.ObjectID, []byte) {
	return storetest.Object(n), storetest.Bytes(n, size)
}
