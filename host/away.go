package host

import (
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// An attempt of a task is made on another node if the cluster's policies say so:
//
//	queue → placed on another node ──Run──► queued there → runs there ──Ran──► finished here, or another attempt
//	  ▲                             ◄─Moved── no room, here is a better node
//	  └── waits here ── another node has room ──► withdrawn, and sent there
//
// This node stays the owner: it keeps the task's record, decides on retries, and if the other node dies, the attempt has
// failed as one that crashed.

// away is an attempt on another node.
type away struct {
	task   *task
	node   spec.NodeID
	number uint64
	began  bool // guarded by the cluster's mu
}

const (
	// maxHops is how often an attempt is moved before it waits where it is.
	maxHops = 4
	// maxMoves is how often a task that comes back is sent on at once; from then on it waits before, so that nodes that send it
	// round, each to the other, cost little.
	maxMoves   = 4 * maxHops
	movedPause = 100 * time.Millisecond
	// maxSpilled bounds the waiting tasks that are looked at when another node has room.
	maxSpilled = 64
	// maxAwayArgs bounds the bytes of arguments that travel with a call: what has more stays. Put large ones.
	maxAwayArgs = spec.MiB
)

// movable reports whether another node can make the task's attempts.
func (t *task) movable() bool {
	return t.actor == nil && t.abroad == nil && t.origin == nil && t.stream == nil && argBytes(t.args) <= maxAwayArgs
}

// place sends the next attempt to another node if that is where it is to run; false if it is this one.
func (c *clusterNode) place(t *task) bool {
	if c == nil || !t.movable() {
		return false
	}
	if use, _ := t.use(); use != nil {
		to, elsewhere := c.node.groups.target(use)
		return elsewhere && c.send(t, to, 0)
	}
	req := cluster.Request{Need: t.ask.Need, Strategy: t.ask.Strategy, Holds: c.node.objects.where(t.refs())}
	c.mu.Lock()
	c.look()
	choice := c.view.Pick(&req, c.random)
	c.mu.Unlock()
	switch {
	case choice.Node == c.node.id:
		return false
	case choice.Node != spec.NodeID{}:
		return c.send(t, choice.Node, 0)
	}
	t.refused(spec.Errorf("place", spec.TaskUnschedulable, "", "no node of the cluster can ever run it: %s (%s)", never(choice.Reason, &req), choice.Reason))
	return true
}

// never says for people why no node will do.
func never(why sched.Reason, req *cluster.Request) string {
	switch why {
	case sched.ReasonAffinity:
		return "it wants node " + req.Strategy.Node.String() + ", which is gone or cannot run it"
	case sched.ReasonLabels:
		return "no node that has what it needs has the labels that it wants"
	}
	return "it needs " + req.Need.String() + ", which none of them has"
}

// look brings what is known of this node up to date. The caller holds mu.
func (c *clusterNode) look() {
	c.version++
	c.view.Update(cluster.Node{ID: c.node.id, Version: c.version, Pool: c.node.leases.pool(), Labels: c.node.cfg.labels})
}

// send has a node make the task's next attempt; false if the node is not there.
func (c *clusterNode) send(t *task, to spec.NodeID, hops int32) bool {
	return c.depart(t, to, &peer.Run{Function: t.function, Need: t.need, Memory: t.memory, Priority: t.ask.Priority, Placement: t.placed, Hops: hops})
}

// depart sends an attempt of which run says how it is made; false if the node is not there. It is decided and sent under the
// table's lock: so what the task holds is still there, and a Stop comes after its Run.
func (c *clusterNode) depart(t *task, to spec.NodeID, run *peer.Run) bool {
	objects := c.node.objects
	objects.mu.Lock()
	defer objects.settle()
	c.mu.Lock()
	p := c.peers[to]
	if p == nil {
		c.mu.Unlock()
		return false
	}
	c.last++
	a := &away{task: t, node: to, number: c.last}
	t.mu.Lock()
	if t.finished {
		t.mu.Unlock()
		c.mu.Unlock()
		return true
	}
	t.away = a
	run.Attempt = t.attempt
	t.mu.Unlock()
	c.away[a.number] = a
	c.tellJob(to, p, t.job)
	c.view.Assume(to, resource.Of(run.Need))
	c.mu.Unlock()
	run.Number, run.Job, run.Module, run.Task, run.Parent, run.Name = a.number, t.job.id, t.module.says(), t.id, t.parent, t.name
	run.Returns, run.Left = int32(len(t.returns)), t.left()
	objects.dispatch(to, t.args, run)
	return true
}

// left returns how long it is until the task's deadline, at least a nanosecond; 0 if it has none.
func (t *task) left() time.Duration {
	if t.deadline.IsZero() {
		return 0
	}
	return max(1, time.Until(t.deadline))
}

// began: the attempt runs.
func (c *clusterNode) began(from spec.NodeID, m *peer.Began) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.away[m.Number]; a != nil && a.node == from {
		a.began = true
	}
}

// take takes an attempt out that is over on its node; nil if it is none.
func (c *clusterNode) take(from spec.NodeID, number uint64) *away {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.away[number]
	if a == nil || a.node != from {
		return nil
	}
	delete(c.away, number)
	return a
}

// moved: the attempt was not begun. It goes where there is room, or waits.
func (c *clusterNode) moved(from spec.NodeID, m *peer.Moved) {
	a := c.take(from, m.Number)
	if a == nil || !a.task.back(a) {
		return
	}
	hops := a.task.hopped()
	switch {
	case hops > maxMoves: // they may be sending it round
		a.task.queueLater(movedPause)
	case m.To == spec.NodeID{} || m.To == c.node.id || !c.send(a.task, m.To, hops):
		a.task.queue(0)
	}
}

// ran: the attempt is over.
func (c *clusterNode) ran(from spec.NodeID, m *peer.Ran) {
	a := c.take(from, m.Number)
	values, where := make([]spec.Value, len(m.Results)), make([]far, len(m.Results))
	var links []spec.Link
	for i, r := range m.Results {
		values[i], where[i] = r.Value.Spec(), far{size: r.Size, at: from}
		links = append(links, values[i].Links...)
	}
	if a != nil {
		t := a.task
		t.job.stats.cpu.Add(max(0, m.CPU))
		err := peer.Error(m.Err)
		if err == nil && len(values) != len(t.returns) {
			err = spec.Errorf("run "+t.name, spec.InvalidResult, t.label(), "node %s gave %d results, the call declares %d", from, len(values), len(t.returns))
		}
		a.over(values, where, err)
	}
	c.node.objects.release(c.node.objects.claim(from, links)) // those that are wanted are counted by who wants them now
}

// over ends an attempt with what came of it.
func (a *away) over(values []spec.Value, where []far, err *spec.Error) {
	t := a.task
	t.mu.Lock()
	if t.away != a { // it was dismissed
		t.mu.Unlock()
		t.dropFar(where)
		return
	}
	t.away = nil
	number := t.attempt
	if t.abroad != nil && err != nil && err.Kind == spec.NodeDied {
		err = t.failure(nodeOfActorDied(t.abroad.id, a.node))
	}
	again := err != nil && !t.finished && t.abroad == nil && t.retry.Retry(number, err) // of a method its actor has decided
	if again {
		t.attempt++
	}
	t.mu.Unlock()
	if err != nil {
		t.dropFar(where)
	}
	switch {
	case again:
		t.retries(number, err)
	case err != nil:
		t.finish(nil, err)
	default:
		t.finishAt(values, where, nil)
	}
}

// dropFar tells the nodes that have results that nobody wants them.
func (t *task) dropFar(where []far) {
	for i := range min(len(where), len(t.returns)) {
		t.job.node.objects.dropFar(t.returns[i], where[i])
	}
}

// retries begins the attempt after one that failed.
func (t *task) retries(number int32, err *spec.Error) {
	n := t.job.node
	n.log.Warn("task attempt failed, retrying", zap.String("task", t.id.String()), zap.String("name", t.name),
		zap.Int32("attempt", number+1), zap.Int32("max_retries", t.retry.MaxRetries), zap.NamedError("reason", err))
	t.job.stats.retried.Add(1)
	t.queueLater(t.retry.Wait(number, n.random(t.id, number)))
}

// back takes the task back from a node that did not begin it; false if it is not wanted any more.
func (t *task) back(a *away) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.away != a || t.finished {
		return false
	}
	t.away = nil
	return true
}

// hopped counts how often the task was moved.
func (t *task) hopped() int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hops++
	return t.hops
}

// dismiss tells the node that makes an attempt that nobody wants it any more; without force a method that runs goes on. The node
// answers still: large results have to be dropped there.
func (c *clusterNode) dismiss(a *away, err *spec.Error, force bool) {
	c.node.objects.mu.Lock() // after its Run
	defer c.node.objects.mu.Unlock()
	c.port.Send(a.node, peer.Message{Stop: &peer.Stop{Number: a.number, Err: spec.MarshalError(err), Force: force}})
}

// spill sends tasks that wait here to nodes that have room.
func (c *clusterNode) spill() {
	leases := c.node.leases
	var few [maxSpilled]sched.Wait
	var full *sched.Ask // for which no other node has room
	for _, w := range leases.queued(few[:0]) {
		t, ok := w.Holder.(*task)
		if !ok || !t.movable() || t.placed != nil && t.placed.Group != "" {
			continue
		}
		if w.Ask == full {
			continue
		}
		req := cluster.Request{Need: t.ask.Need, Strategy: t.ask.Strategy}
		c.mu.Lock()
		c.look()
		to, ok := c.view.Spill(&req, c.random)
		c.mu.Unlock()
		if !ok {
			full = w.Ask
			continue
		}
		if leases.withdraw(w.Lease) && t.withdrawn(w.Lease) && !c.send(t, to, t.hopped()) {
			t.queue(0)
		}
	}
}

// withdrawn: the task waits for its lease no longer. It reports whether it is wanted still.
func (t *task) withdrawn(lease sched.Lease) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lease != lease || t.finished {
		return false
	}
	t.lease = 0
	return true
}

// cancel cancels what makes an object that this node owns, for another node that has a reference to it.
func (c *clusterNode) cancel(from spec.NodeID, m *peer.Cancel) {
	if !c.node.objects.lends(spec.ObjectLink(m.ID), from) {
		c.refuse(from, "cancel", "object "+m.ID.String())
	} else if t := c.node.objects.maker(m.ID); t != nil {
		t.job.cancel(t, m.Force, m.Recursive)
	}
}

// cancelBelow has the nodes that make attempts of tasks cancel what these have submitted.
func (c *clusterNode) cancelBelow(tasks []*task, force bool) {
	if c == nil {
		return
	}
	for _, t := range tasks {
		t.mu.Lock()
		a := t.away
		t.mu.Unlock()
		if a != nil {
			c.port.Send(a.node, peer.Message{Stop: &peer.Stop{Number: a.number, Below: true, Force: force}})
		}
	}
}

// explain says where an attempt is.
func (c *clusterNode) explain(a *away) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case a.task.abroad != nil:
		return "was sent to actor " + a.task.abroad.label() + " on node " + a.node.String()
	case a.began:
		return "runs on node " + a.node.String()
	default:
		return "is queued on node " + a.node.String()
	}
}
