package host

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/checkpoints"
	storelocal "github.com/raywasm/raywasm/store/local"
)

// Node is an open node. It is safe for concurrent use.
type Node struct {
	id         spec.NodeID
	log        *zap.Logger
	cfg        resolved
	memory     *store.Bound      // of what guests make the node keep
	store      *storelocal.Store // of large objects
	objects    *objects
	leases     *leases
	groups     *groups
	residents  residents
	workers    *workers
	scope      *scope // the node's goroutines, detached actors among them
	jobs       atomic.Uint32
	seed       uint64 // of what is random
	control    control.Store
	ownControl *local.Store       // control, unless it is a cluster's
	cluster    *clusterNode       // nil for a node alone
	states     *checkpoints.Store // of durable actors; nil without a data directory
	looking    atomic.Bool        // for what is unreachable, because memory is short
	lookAgain  atomic.Int64       // when that may be, in nanoseconds since 1970

	mu       sync.Mutex
	closed   bool
	open     map[*Job]struct{}
	runtimes map[string]*wasmrt.Runtime // by the name of their engine
	modules  map[moduleKey]*Module
	actors   map[spec.ActorID]*actor
	names    map[actorName]*actor
}

// actorName is how an actor is found.
type actorName struct{ namespace, name string }

// errNodeClosed is the cause of everything that a node's Close ends.
var errNodeClosed = &spec.Error{Op: "run", Kind: spec.LocalNodeDied, ID: "on this node", Err: errorText("the node was closed")}

// errorText is an error that is only a text.
type errorText string

func (t errorText) Error() string { return string(t) }

// Open opens a node in this process. ctx bounds the opening and, when it ends, ends the node's work as Close does.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	r, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	n := &Node{
		id:       r.id,
		seed:     cmp.Or(r.seed, rand.Uint64()),
		log:      r.log,
		cfg:      r,
		memory:   store.NewBound(r.objectStoreMemory, r.spillBytes),
		leases:   newLeases(r),
		workers:  &workers{},
		open:     make(map[*Job]struct{}),
		runtimes: make(map[string]*wasmrt.Runtime),
		modules:  make(map[moduleKey]*Module),
		actors:   make(map[spec.ActorID]*actor),
		names:    make(map[actorName]*actor),
	}
	n.groups = newGroups(n)
	n.leases.groups = n.groups
	if n.store, err = r.openStore(); err != nil {
		return nil, err
	}
	if r.sleepDir != "" {
		if n.residents.disk, err = checkpoints.Open(r.sleepDir, checkpoints.Options{Scratch: true}); err != nil {
			return nil, errors.Join(err, n.store.Close())
		}
		n.residents.limit, n.residents.turns = r.parkedMemory, make(chan struct{}, maxFallingAsleep)
	}
	n.scope = newScope(ctx, n.workers)
	n.objects = newObjects(n.store)
	n.objects.forget, n.objects.madeRoom = n.forgetActor, n.madeRoom
	if r.lineageMemory > 0 {
		n.objects.lineage = owner.NewLineage(r.lineageMemory)
	}
	if err := n.begin(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// openStore opens the store of large objects. What it is to write to disk directly goes where the rest is spilled.
func (r *resolved) openStore() (*storelocal.Store, error) {
	disk, err := r.spill.Open(r.log)
	if err != nil {
		return nil, err
	}
	cfg := storelocal.Config{Limit: r.objectStoreMemory, Keep: r.objectStoreMemory * keepFree / 100, Disk: disk, MinSpill: r.minSpill}
	if disk != nil {
		cfg.FallbackDir = r.spill.Directories[0]
	}
	s, err := storelocal.Open(cfg)
	if err != nil && disk != nil {
		err = errors.Join(err, disk.Close())
	}
	return s, err
}

// begin opens what the node needs, and goes on with what an earlier one left in its data directory.
func (n *Node) begin(ctx context.Context) error {
	if _, err := n.runtime(n.cfg.engine); err != nil {
		return err
	}
	if err := n.openDurable(); err != nil {
		return err
	}
	if err := n.openCluster(ctx); err != nil {
		return err
	}
	if err := n.restoreJobs(ctx); err != nil {
		return err
	}
	if err := n.restoreGroups(ctx); err != nil {
		return err
	}
	return n.reviveActors(ctx)
}

// runtime returns the runtime of an engine, which is opened when it is asked for first.
func (n *Node) runtime(name string) (*wasmrt.Runtime, error) {
	open := n.cfg.engines[name]
	if open == nil {
		return nil, unknownEngine("open the engine", name, n.cfg.engines)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errNodeClosed
	}
	if rt, ok := n.runtimes[name]; ok {
		return rt, nil
	}
	rt, err := wasmrt.New(wasmrt.Config{Engine: open, Imports: hostcall.Funcs(), CacheDir: n.cfg.cacheDir, Logger: n.log})
	if err != nil {
		return nil, err
	}
	n.runtimes[name] = rt
	return rt, nil
}

// Close ends every job and actor, waits for them and frees what the node holds. Closing twice is fine.
func (n *Node) Close() error {
	n.mu.Lock()
	already := n.closed
	n.closed = true
	jobs := make([]*Job, 0, len(n.open))
	for j := range n.open {
		jobs = append(jobs, j)
	}
	n.mu.Unlock()
	if already {
		return nil
	}
	var err error
	for _, j := range jobs {
		err = errors.Join(err, j.end(errNodeClosed))
	}
	n.killActors(nil, errNodeClosed)
	n.scope.close(errNodeClosed)
	if n.cluster != nil {
		err = errors.Join(err, n.cluster.leave())
	}
	n.groups.close()
	n.workers.close()
	for _, rt := range n.runtimes {
		err = errors.Join(err, rt.Close())
	}
	if n.residents.disk != nil {
		err = errors.Join(err, n.residents.disk.Close())
	}
	n.objects.close()
	return errors.Join(err, n.store.Close(), n.closeDurable())
}

// closing reports whether the node's work ends.
func (n *Node) closing() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed || n.scope.ctx.Err() != nil
}

// random returns a number for an attempt of a task, the same for the same seed.
func (n *Node) random(id spec.TaskID, attempt int32) uint64 {
	return rand.New(rand.NewPCG(n.seed^uint64(attempt), binary.LittleEndian.Uint64(id[:]))).Uint64()
}

// ID returns the node's id, new at every Open.
func (n *Node) ID() spec.NodeID { return n.id }

// Usage is what a node has and what of it is in use.
type Usage struct {
	Total, Free  spec.Resources // what placement groups reserve is not free
	Waiting      int            // requests for resources that wait
	ObjectBytes  int64          // bytes that guests make the node keep, in memory and on disk
	Objects      int            // objects known, small ones included
	References   int            // objects and actors with a count
	Actors       int
	StoreObjects int
	Store        store.Usage // of large objects
	// Idle actors that keep an instance, those that are parked and may sleep, and those that sleep on disk.
	IdleActors, ParkedActors, SleepingActors int
	Hosted                                   int64 // attempts that were begun for other nodes of the cluster, ever
}

// Usage returns what is in use now.
func (n *Node) Usage() Usage {
	var u Usage
	u.Total, u.Free, u.Waiting = n.leases.usage()
	u.Waiting += n.groups.waiting()
	u.Store = n.store.Usage()
	u.ObjectBytes, u.StoreObjects = n.memory.Used(), u.Store.Objects
	u.Objects, u.References = n.objects.count()
	if n.cluster != nil {
		u.Hosted = n.cluster.begins.Load()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	u.Actors = len(n.actors)
	u.IdleActors, u.ParkedActors, u.SleepingActors = n.residents.counts()
	return u
}
