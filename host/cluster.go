package host

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/exchange"
)

// ClusterConfig makes a node one of several that share their work. All of them have the same control store and network.
type ClusterConfig struct {
	// Control is the cluster's memory: who is there, and the table of jobs. The node does not close it.
	Control control.Store
	// Network connects the nodes.
	Network peer.Network
	// Lease is for how long after its last sign of life a node is taken to be alive. 0: 3 seconds.
	Lease time.Duration
}

const (
	// defaultLease is how soon a node's death is noticed if nothing is said.
	defaultLease = 3 * time.Second
	// reportEvery bounds how often a node tells the others what is free. Ray's period is 100 ms.
	reportEvery = 2 * time.Millisecond
)

// memberPrefix is where the nodes are in the control store: a key for each, which hangs on the node's lease.
const memberPrefix = "node/"

func memberKey(id spec.NodeID) string { return memberPrefix + id.String() }

// clusterNode is a node's part in a cluster: it knows the other nodes, and what goes on between them and this one.
//
//	away.go     attempts of this node's tasks that other nodes make
//	hosted.go   attempts that this node makes for others
//	jobcopy.go  jobs of other nodes that have something here
//	borrow.go   objects and actors of other nodes
//	fetch.go    bytes from other nodes
//
// A lock of the object table may be held when mu is taken, never the other way around.
type clusterNode struct {
	node   *Node
	cfg    ClusterConfig
	port   peer.Port
	member control.LeaseID
	// Who has the objects that this node owns, and what moves between the nodes' stores.
	copies   *exchange.Directory
	exchange *exchange.Exchange
	begins   atomic.Int64 // attempts that were begun for others

	mu      sync.Mutex
	closed  bool
	view    *cluster.View
	random  *rand.Rand
	peers   map[spec.NodeID]*peerNode
	dead    map[spec.NodeID]bool
	version uint64
	report  *time.Timer  // nil: nothing new to tell
	said    *peer.Report // to all others, last; nil if one of them may know it otherwise
	last    uint64       // number that was given to an attempt or a question
	away    map[uint64]*away
	hosted  map[origin]*hosted
	loading map[moduleKey][]wanting // what waits for a module
	actors  map[spec.ActorID]*actor // of other nodes, to which there are handles here
	// Actors that other nodes wanted here, and why they are not.
	stillborn map[spec.ActorID]*spec.Error
	jobs      map[spec.JobID]*Job // copies of other nodes' jobs
	asks      map[uint64]question
	members   chan struct{} // closed when a node comes or goes
}

// peerNode is what is known of another node that is alive.
type peerNode struct {
	receiving sync.Mutex // a message of it is taken in: its death waits

	jobs map[spec.JobID]bool          // that it was told of, or has a copy of
	ends map[spec.JobID]chan struct{} // closed when it has ended the job

	strangers int           // that it has named
	questions chan struct{} // a place for each that it has not answered
	asked     int           // its own that are being answered
	gone      chan struct{} // closed when it is dead, or this node leaves
}

// openCluster joins the cluster.
func (n *Node) openCluster(ctx context.Context) error {
	cfg := n.cfg.cluster
	if cfg == nil {
		return nil
	}
	c := &clusterNode{
		node: n, cfg: *cfg, view: cluster.NewView(n.id), random: rand.New(rand.NewPCG(n.seed, 1)),
		peers: make(map[spec.NodeID]*peerNode), dead: make(map[spec.NodeID]bool), away: make(map[uint64]*away),
		hosted: make(map[origin]*hosted), loading: make(map[moduleKey][]wanting), actors: make(map[spec.ActorID]*actor),
		stillborn: make(map[spec.ActorID]*spec.Error), jobs: make(map[spec.JobID]*Job), copies: exchange.NewDirectory(),
		asks: make(map[uint64]question), members: make(chan struct{}),
	}
	c.exchange = exchange.Open(exchange.Config{Store: n.store, Link: c, Log: n.log})
	n.objects.share(c)
	n.cluster, n.leases.changed = c, c.freed
	var err error
	c.mu.Lock() // nothing is received before there is a port to answer by
	c.port, err = cfg.Network.Join(n.id, c.receive)
	c.mu.Unlock()
	if err != nil {
		n.cluster, n.leases.changed = nil, nil
		return err
	}
	lease, err := cfg.Control.Grant(ctx, cfg.Lease)
	if err != nil {
		return err
	}
	c.member = lease.ID
	epoch, err := cfg.Control.Commit(ctx, control.Txn{Put: []control.Put{{Key: epochKey, Value: n.id[:]}}})
	if err != nil {
		return err
	}
	n.groups.join(uint32(epoch)) // no other node's commit has this revision
	if _, err := cfg.Control.Commit(ctx, control.Txn{Put: []control.Put{{Key: memberKey(n.id), Lease: lease.ID}}}); err != nil {
		return err
	}
	from, err := c.meetAll(ctx)
	if err != nil {
		return err
	}
	n.scope.run(func() { c.live(lease) })
	n.scope.run(func() { c.watch(from) })
	return nil
}

// epochKey is written by each node that joins: the revision is its epoch.
const epochKey = "epoch"

// meetAll learns who is there, and returns from which revision on to watch who comes and goes.
func (c *clusterNode) meetAll(ctx context.Context) (from control.Revision, err error) {
	for page := (control.Page{}); ; {
		l, err := c.cfg.Control.List(ctx, memberPrefix, page)
		if err != nil {
			return 0, err
		}
		for _, item := range l.Items {
			c.memberChanged(item.Key, false)
		}
		if page.After == "" {
			from = l.Revision + 1 // what changes between two pages is told again
		}
		if page.After = l.Next; page.After == "" {
			return from, nil
		}
	}
}

// live keeps the node's lease alive. A node that cannot say for so long that it lives is taken for dead by the others, and
// ends, too.
func (c *clusterNode) live(lease control.Lease) {
	ctx := c.node.scope.ctx
	said := time.Now()
	tick := time.NewTicker(lease.TTL / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(ctx, lease.TTL)
		err := c.cfg.Control.KeepAlive(within, lease.ID)
		cancel()
		switch {
		case err == nil:
			said = time.Now()
		case errors.Is(err, spec.NotFound), time.Since(said) > lease.TTL:
			c.expelled()
			return
		}
	}
}

// watch learns who comes and goes.
func (c *clusterNode) watch(from control.Revision) {
	ctx := c.node.scope.ctx
	for change, err := range c.cfg.Control.Watch(ctx, memberPrefix, from) {
		if err != nil {
			if ctx.Err() == nil { // what it misses may be a death: it is of no use to the cluster any more
				c.node.log.Error("the cluster's members cannot be watched, the node leaves", zap.Error(err))
				c.expelled()
			}
			return
		}
		for _, ev := range change.Events {
			c.memberChanged(ev.Item.Key, ev.Deleted)
		}
	}
}

// memberChanged: a node is there, or is gone.
func (c *clusterNode) memberChanged(key string, gone bool) {
	var id spec.NodeID
	if !parseMember(key, &id) {
		c.node.log.Warn("a member of the cluster has a key that is no node's", zap.String("key", control.Quote(key)))
		return
	}
	switch {
	case id == c.node.id && gone:
		c.expelled()
	case id == c.node.id:
	case gone:
		c.down(id)
	default:
		c.heard(c.node.id, id)
	}
}

// parseMember reads the node's id of a member's key.
func parseMember(key string, id *spec.NodeID) bool {
	parsed, err := spec.ParseNodeID(key[len(memberPrefix):])
	*id = parsed
	return err == nil
}

// counted tells who waits that there are more members or less. The caller holds mu.
func (c *clusterNode) counted() {
	close(c.members)
	c.members = make(chan struct{})
}

// WaitForMembers waits until the node knows of count nodes that take work, itself among them. Error: ctx's cause.
func (n *Node) WaitForMembers(ctx context.Context, count int) error {
	for n.cluster != nil {
		n.cluster.mu.Lock()
		changed := n.cluster.members
		n.cluster.mu.Unlock()
		if len(n.Members()) >= count {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if count <= 1 {
		return nil
	}
	return spec.Errorf("wait for the cluster", spec.InvalidArgument, "", "the node is alone, it was opened without Config.Cluster")
}

// expelled: the others take this node for dead, so that what it does is of no use and may be done twice.
func (c *clusterNode) expelled() {
	c.node.log.Error("the cluster takes this node for dead: it ends", zap.Stringer("node", c.node.id))
	c.node.scope.cancel(errExpelled)
	go func() { _ = c.node.Close() }() // its error is that of whoever closes it
}

var errExpelled = &spec.Error{Op: "run", Kind: spec.LocalNodeDied, ID: "on this node", Err: errorText("its lease in the cluster ended")}

// peer returns what is known of a node, of which another one, or it itself, has spoken; nil if it is dead. The caller holds mu.
func (c *clusterNode) peer(by, id spec.NodeID) *peerNode {
	if c.dead[id] || c.closed || id == c.node.id {
		return nil
	}
	p := c.peers[id]
	if p == nil {
		p = &peerNode{jobs: make(map[spec.JobID]bool), ends: make(map[spec.JobID]chan struct{}), questions: make(chan struct{}, maxQuestions), gone: make(chan struct{})}
		c.peers[id] = p
		c.port.Send(id, peer.Message{Report: c.says()})
		c.node.scope.run(func() { c.verify(by, id) })
	}
	return p
}

// heard: a node is there, or another one has named it.
func (c *clusterNode) heard(by, id spec.NodeID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peer(by, id)
}

// maxStrangers is how many nodes another one may name that are no members. An honest one names some that have just died.
const maxStrangers = 1000

// verify takes a node for dead that is no member: the cluster's list does not say when it goes. So is who names too many.
func (c *clusterNode) verify(by, id spec.NodeID) {
	if _, err := c.cfg.Control.Get(c.node.scope.ctx, memberKey(id)); !errors.Is(err, spec.NotFound) {
		return
	}
	c.down(id)
	c.mu.Lock()
	p := c.peers[by]
	if p != nil {
		p.strangers++
	}
	lies := p != nil && p.strangers > maxStrangers
	c.mu.Unlock()
	if lies {
		c.node.log.Error("a node named too many that are no members, and is taken for dead", zap.Stringer("node", by))
		c.down(by)
	}
}

// isDead reports whether a node is dead.
func (c *clusterNode) isDead(id spec.NodeID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead[id]
}

// down: a node is dead. What it did for this one is done again, what it has is lost, and what was done for it ends.
func (c *clusterNode) down(id spec.NodeID) {
	c.mu.Lock()
	if c.dead[id] {
		c.mu.Unlock()
		return
	}
	c.dead[id] = true
	p := c.peers[id]
	delete(c.peers, id)
	c.mu.Unlock()
	if p != nil { // the last message that counts has been taken in
		p.receiving.Lock()
		defer p.receiving.Unlock()
	}
	c.mu.Lock()
	c.view.Remove(id)
	c.counted()
	var lost []*away
	for number, a := range c.away {
		if a.node == id {
			delete(c.away, number)
			lost = append(lost, a)
		}
	}
	var orphans []*hosted
	for of, h := range c.hosted {
		if of.node == id {
			delete(c.hosted, of)
			orphans = append(orphans, h)
		}
	}
	var copies []*Job
	for _, j := range c.jobs {
		if j.home == id {
			copies = append(copies, j)
			delete(c.jobs, j.id)
		}
	}
	for number, q := range c.asks {
		if q.of == id {
			delete(c.asks, number)
			q.end()
		}
	}
	c.mu.Unlock()
	c.node.log.Warn("a node of the cluster died", zap.Stringer("node", id))
	died := spec.Errorf("run", spec.NodeDied, "node "+id.String(), "it died")
	if p != nil {
		close(p.gone)
		for _, done := range p.ends {
			close(done)
		}
	}
	c.exchange.Gone(id)
	c.copies.Gone(id)
	c.node.objects.died(id)
	c.node.groups.nodeDied(id)
	for _, h := range orphans {
		c.halt(h, spec.Errorf("run", spec.TaskCancelled, "", "node %s, which wanted it, died", id), true)
	}
	for _, j := range copies {
		c.node.scope.run(func() { _ = j.end(died) }) // it writes no record
	}
	for _, a := range lost {
		a.over(nil, nil, &spec.Error{Op: "run " + a.task.name, Kind: spec.NodeDied, ID: a.task.label(), Err: died})
	}
	c.node.scope.run(func() {
		if err := c.node.restoreJobs(c.node.scope.ctx); err != nil && c.node.scope.ctx.Err() == nil {
			c.node.log.Error("the jobs of a dead node are listed as running", zap.Error(err))
		}
	})
}

// leave ends the node's part in the cluster. Nothing runs any more.
func (c *clusterNode) leave() error {
	c.mu.Lock()
	c.closed = true
	if c.report != nil {
		c.report.Stop()
	}
	for _, q := range c.asks {
		q.end()
	}
	clear(c.asks)
	for _, p := range c.peers {
		close(p.gone)
	}
	clear(c.peers)
	c.mu.Unlock()
	c.exchange.Close()
	var err error
	if c.member != 0 {
		err = c.cfg.Control.Revoke(context.Background(), c.member)
		if errors.Is(err, spec.NotFound) { // it is over already
			err = nil
		}
	}
	c.port.Leave()
	return err
}

// receive takes a frame of another node.
func (c *clusterNode) receive(from spec.NodeID, frame []byte) {
	messages, err := peer.Decode(frame)
	if err != nil {
		c.node.log.Error("a node sent what is no message, and is taken for dead", zap.Stringer("node", from), zap.Error(err))
		c.down(from)
		return
	}
	c.mu.Lock()
	p := c.peer(from, from)
	c.mu.Unlock()
	if p == nil {
		return
	}
	p.receiving.Lock()
	defer p.receiving.Unlock()
	for i := range messages {
		if c.isDead(from) {
			return
		}
		c.message(from, &messages[i])
	}
}

// message does what a message asks for, or tells.
func (c *clusterNode) message(from spec.NodeID, m *peer.Message) {
	switch {
	case m.Report != nil:
		c.reported(from, m.Report)
	case m.Job != nil:
		c.copyJob(from, m.Job)
	case m.JobEnd != nil:
		c.endCopy(from, m.JobEnd.ID)
	case m.JobEnded != nil:
		c.jobEnded(from, m.JobEnded.ID)
	case m.JobCopy != nil:
		c.jobCopied(from, m.JobCopy.ID)
	case m.Run != nil:
		c.host(from, m.Run)
	case m.Began != nil:
		c.began(from, m.Began)
	case m.Moved != nil:
		c.moved(from, m.Moved)
	case m.Ran != nil:
		c.ran(from, m.Ran)
	case m.Stop != nil:
		c.stop(from, m.Stop)
	case m.Count != nil:
		c.node.objects.counted(from, m.Count)
	case m.State != nil:
		c.node.objects.arrived(from, m.State)
	case m.Lost != nil:
		c.node.objects.missed(from, m.Lost)
	case m.Drop != nil:
		c.node.objects.drop(from, m.Drop.ID)
	case m.Cancel != nil:
		c.cancel(from, m.Cancel)
	case m.Ask != nil:
		c.asked(from, m.Ask)
	case m.Output != nil:
		c.output(from, m.Output)
	case m.NewActor != nil:
		c.newActor(from, m.NewActor)
	case m.ActorEnd != nil:
		c.endActor(from, m.ActorEnd)
	case m.Group != nil:
		c.node.groups.asked(from, m.Group)
	case m.Reply != nil:
		c.node.groups.replied(from, m.Reply)
	case m.Copied != nil && m.Copied.Gone:
		c.copies.Removed(m.Copied.ID, from)
	case m.Copied != nil:
		c.node.objects.copied(m.Copied.ID, from)
	case m.Answer != nil:
		c.answered(from, m.Answer)
	}
}

// refuse notes that a node asked for something, or told of it, without the right to. Nothing of it is done.
func (c *clusterNode) refuse(from spec.NodeID, what, of string) {
	c.node.log.Warn("a node said what it has no right to", zap.Stringer("node", from), zap.String("message", what), zap.String("of", of))
}

// freed is told that the node's resources have changed, and lets the others know soon.
func (c *clusterNode) freed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.report != nil || c.closed || len(c.peers) == 0 {
		return
	}
	c.report = time.AfterFunc(reportEvery, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.report = nil
		before := c.said
		r := c.says()
		if before != nil {
			before.Version = r.Version
			if reflect.DeepEqual(before, r) {
				c.said = before
				return
			}
		}
		for id := range c.peers {
			c.port.Send(id, peer.Message{Report: r})
		}
		said := *r // which nobody else has
		c.said = &said
	})
}

// reportTo tells a node what is free: it has assumed that there is less.
func (c *clusterNode) reportTo(node spec.NodeID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers[node] != nil {
		c.port.Send(node, peer.Message{Report: c.says()})
	}
}

// retell has all others be told soon what the node has, also if that is what they were told last: one of them has assumed, or
// learnt from an answer, that it is something else.
func (c *clusterNode) retell() {
	c.mu.Lock()
	c.said = nil
	c.mu.Unlock()
	c.freed()
}

// says is what the node has now, for one of the others. The caller holds mu.
func (c *clusterNode) says() *peer.Report {
	pool := c.node.leases.pool()
	c.version++
	c.said = nil
	return &peer.Report{Version: c.version, Total: pool.Total().Spec(), Free: pool.Free().Spec(), GPUs: pool.GPUs(), Labels: c.node.cfg.labels.Map(), Held: c.node.groups.held()}
}

// reported: a node says what it has. What waits here may go there.
func (c *clusterNode) reported(from spec.NodeID, r *peer.Report) {
	labels := labelsOf(r.Labels)
	pool := resource.Restore(resource.Of(r.Total), resource.Of(r.Free), r.GPUs)
	c.mu.Lock()
	_, known := c.view.Node(from)
	news := !c.dead[from] && c.view.Update(cluster.Node{ID: from, Version: r.Version, Pool: pool, Labels: labels, Draining: r.Draining})
	if news && !known {
		c.counted()
	}
	c.mu.Unlock()
	if news {
		c.node.groups.nodeSays(from, r)
		c.spill()
	}
}

// labelsOf reads a node's labels. What is none has been refused by that node.
func labelsOf(m map[string]string) label.Set {
	labels, err := label.NewSet(m)
	if err != nil {
		return label.Set{}
	}
	return labels
}

// Member is a node of the cluster that is alive, as this node knows it.
type Member struct {
	ID          spec.NodeID
	Total, Free spec.Resources
	Labels      map[string]string
}

// Members lists the nodes that take work, this one first, the others by their ids. Others are in the list when they have
// said what they have.
func (n *Node) Members() []Member {
	pool := n.leases.pool()
	all := []Member{{ID: n.id, Total: pool.Total().Spec(), Free: pool.Free().Spec(), Labels: n.cfg.labels.Map()}}
	c := n.cluster
	if c == nil {
		return all
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.peers {
		if x, ok := c.view.Node(id); ok {
			all = append(all, Member{ID: id, Total: x.Pool.Total().Spec(), Free: x.Pool.Free().Spec(), Labels: x.Labels.Map()})
		}
	}
	slices.SortFunc(all[1:], func(a, b Member) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return all
}
