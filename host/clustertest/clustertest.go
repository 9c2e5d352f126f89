// Package clustertest opens clusters of several nodes in one process, for the tests of programs that run on them. Nodes are
// real: they have sandboxes, object stores and leases in a control store of their own cluster, and talk over a network in
// memory. One can be killed in the middle of anything.
//
//	cluster := clustertest.Open(t, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 4})
//	module := cluster.Load(t, wasm)
//	...
//	cluster.Kill(1)
//	...
//	cluster.Bury(t, 1)
package clustertest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/host/peer/memory"
	"github.com/raywasm/raywasm/spec"
)

// Lease is for how long after its last sign of life a node is taken to be alive, unless the cluster says otherwise: so long
// that no machine is too slow for it, and who dies is buried.
const Lease = time.Hour

// Cluster is several nodes in this process.
type Cluster struct {
	Nodes   []*host.Node  // dead ones among them
	Lease   time.Duration // of the nodes that are opened from now on
	network *memory.Network
	control *local.Store
	lines   []*line
}

// Open opens a node of each configuration. The end of the test closes them.
func Open(t testing.TB, configs ...host.Config) *Cluster {
	t.Helper()
	store, err := local.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &Cluster{Lease: Lease, network: new(memory.Network), control: store}
	for _, cfg := range configs {
		c.Add(t, cfg)
	}
	return c
}

// Add opens one more node and returns its place in Nodes.
func (c *Cluster) Add(t testing.TB, cfg host.Config) int {
	t.Helper()
	c.Nodes, c.lines = append(c.Nodes, nil), append(c.lines, nil)
	c.open(t, len(c.Nodes)-1, cfg)
	return len(c.Nodes) - 1
}

// Replace opens a node that takes the place in Nodes of one that was killed.
func (c *Cluster) Replace(t testing.TB, i int, cfg host.Config) {
	t.Helper()
	c.open(t, i, cfg)
}

// open opens the node of a place and waits until all know of it.
func (c *Cluster) open(t testing.TB, i int, cfg host.Config) {
	t.Helper()
	l := &line{Store: c.control}
	cfg.Cluster = &host.ClusterConfig{Control: l, Network: c.network, Lease: c.Lease}
	n, err := host.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil && !l.cut.Load() {
			t.Error(err)
		}
	})
	c.Nodes[i], c.lines[i] = n, l
	alive := 0
	for _, l := range c.lines {
		if !l.cut.Load() {
			alive++
		}
	}
	for i, n := range c.Nodes {
		if !c.lines[i].cut.Load() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if err := n.WaitForMembers(ctx, alive); err != nil {
				t.Fatalf("node %d knows %d members, %d are alive: %v", i, len(n.Members()), alive, err)
			}
			cancel()
		}
	}
}

// Load loads a module into the first node; the others get it from there when they need it.
func (c *Cluster) Load(t testing.TB, wasm []byte) *host.Module {
	t.Helper()
	m, err := c.Nodes[0].Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Kill takes a node away as if its machine had lost power: nothing that it sends or writes arrives any more. The others
// notice when it is buried, or its lease has ended. What it did in this process ends with it.
func (c *Cluster) Kill(i int) {
	c.lines[i].cut.Store(true)
	c.network.Kill(c.Nodes[i].ID())
	dead := c.Nodes[i]
	go func() { _ = dead.Close() }() // it cannot reach the control store, and says so
}

// Bury ends the lease of a node that was killed: the others notice now. Any goroutine of the test can call it, and again.
func (c *Cluster) Bury(t testing.TB, i int) {
	t.Helper()
	if err := c.control.Revoke(t.Context(), c.lines[i].lease); err != nil && !errors.Is(err, spec.NotFound) {
		t.Error(err)
	}
}

// Intruder joins the network as a node that says what it likes, with the id given; as a member of the cluster if it is to be
// one. hear gets what is sent to it; nil: it does not listen. gone ends it, as a death would.
func (c *Cluster) Intruder(t testing.TB, id spec.NodeID, member bool, hear func(from spec.NodeID, m peer.Message)) (port peer.Port, gone func()) {
	t.Helper()
	port, err := c.network.Join(id, func(from spec.NodeID, frame []byte) {
		if hear == nil {
			return
		}
		messages, err := peer.Decode(frame)
		if err != nil {
			t.Error(err)
		}
		for _, m := range messages {
			hear(from, m)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !member {
		return port, port.Leave
	}
	lease, err := c.control.Grant(t.Context(), time.Minute)
	if err == nil {
		_, err = c.control.Commit(t.Context(), control.Txn{Put: []control.Put{{Key: "node/" + id.String(), Lease: lease.ID}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return port, func() {
		port.Leave()
		if err := c.control.Revoke(context.Background(), lease.ID); err != nil { // also when the test is over
			t.Fatal(err)
		}
	}
}

// line is a node's way to the control store.
type line struct {
	control.Store
	lease control.LeaseID
	cut   atomic.Bool
}

func (l *line) Grant(ctx context.Context, ttl time.Duration) (control.Lease, error) {
	lease, err := l.Store.Grant(ctx, ttl)
	l.lease = lease.ID
	return lease, err
}

var errCut = spec.Errorf("reach the control store", spec.RPC, "", "the node was killed")

func (l *line) Commit(ctx context.Context, txn control.Txn) (control.Revision, error) {
	if l.cut.Load() {
		return 0, errCut
	}
	return l.Store.Commit(ctx, txn)
}

func (l *line) KeepAlive(ctx context.Context, id control.LeaseID) error {
	if l.cut.Load() {
		return errCut
	}
	return l.Store.KeepAlive(ctx, id)
}

func (l *line) Revoke(ctx context.Context, id control.LeaseID) error {
	if l.cut.Load() {
		return errCut
	}
	return l.Store.Revoke(ctx, id)
}
