package host

import (
	"cmp"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/spec"
)

// A job has a home, the node where it was made. Where else something of it runs it has a copy, which owns what its tasks
// make there. The home ends all copies and waits for them; a copy ends too when the home dies.
//
//	home                    B                       C
//	  ├─ Job, Run ─────────►│  has a copy             │
//	  │                     ├─ Job, Run ─────────────►│  has one, too
//	  │◄────────────────────────────────── JobCopy ───┤
//	  ├─ JobEnd ───────────►│                         │
//	  ├─ JobEnd ─────────────────────────────────────►│
//	  │◄─ JobEnded ─────────┤                         │
//	  │◄───────────────────────────────── JobEnded ───┤
//
// A node remembers no job that has ended. What B had sent to C before it ended its copy may come to C after all of C's part in
// the job is over, and C has a copy again: it says so to the home, which knows the job no more and has it end the copy.
// Nor is a copy forgotten of a node that the home did not know when it ended the job: JobCopy comes either while the home has the
// job, and then it knows the node when it looks whom to tell, or later, and is answered by JobEnd.
//
// Whose job it is, the table of jobs says. Until that has been looked up the first is believed who says to know it.

// says is what other nodes have to know of the job.
func (j *Job) says() *peer.Job {
	home := j.home
	if home == (spec.NodeID{}) {
		home = j.node.id
	}
	m := &peer.Job{ID: j.id, Home: home, Namespace: j.namespace, Env: j.env, Weight: j.cfg.Weight, Files: j.cfg.WorkingDir, Output: j.cfg.TaskOutput != nil}
	return m
}

// says names the module.
func (m *Module) says() peer.Module {
	return peer.Module{Digest: m.key.digest, Engine: m.key.Engine, Trusted: m.key.Trusted}
}

// copyJob makes a copy of another node's job, of which a node has told, unless it is there.
func (c *clusterNode) copyJob(from spec.NodeID, m *peer.Job) {
	c.heard(from, m.Home)
	j, first := c.newCopy(m)
	if !first && (j == nil || j.home == m.Home) {
		return
	}
	c.node.scope.run(func() { c.confirm(from, m, !first) })
	if !first {
		return
	}
	if m.Home != from {
		c.port.Send(m.Home, peer.Message{JobCopy: &peer.JobEnd{ID: m.ID}})
	}
	if m.Weight == 0 {
		return
	}
	c.node.leases.weigh(j.id, min(max(m.Weight, minWeight), maxWeight)) // before its first request
	j.mu.Lock()
	over := j.over
	j.mu.Unlock()
	if over { // it was forgotten before it was noted
		c.node.leases.weigh(j.id, 1)
	}
}

// newCopy returns the copy of a job, and whether it has just been made; nil if there can be none.
func (c *clusterNode) newCopy(m *peer.Job) (j *Job, first bool) {
	n := c.node
	c.mu.Lock()
	defer c.mu.Unlock()
	if j := c.jobs[m.ID]; j != nil {
		return j, false
	}
	if m.Home == n.id || c.dead[m.Home] || c.closed || n.opened(m.ID) != nil { // its own, whoever says to be its home
		return nil, false
	}
	j = newJob(n, m.Namespace)
	j.id, j.home, j.env, j.cfg.Weight = m.ID, m.Home, m.Env, m.Weight
	if m.Output {
		j.cfg.TaskOutput = func(l OutputLine) {
			c.port.Send(m.Home, peer.Message{Output: &peer.Output{Job: m.ID, Task: l.Task, Name: l.Name, Stderr: l.Stderr, Text: []byte(l.Text)}})
		}
	}
	if err := j.openFiles(m.Files); err != nil { // its attempts say so
		n.log.Warn("a job's working directory is not on this node", zap.Stringer("job", m.ID), zap.Error(err))
		j.failure = err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		j.closeFiles()
		return nil, false
	}
	n.open[j] = struct{}{}
	j.scope = newScope(n.scope.ctx, n.workers)
	j.driver = newDriver(j)
	c.jobs[m.ID] = j
	return j, true
}

// confirm looks up whose job it is that a node has told of. A copy for another home ends; doubted: there was one, in place of
// which there is to be one for this home.
func (c *clusterNode) confirm(from spec.NodeID, m *peer.Job, doubted bool) {
	var r JobRecord
	item, err := c.cfg.Control.Get(c.node.scope.ctx, jobKey(m.ID.Number()))
	if err != nil || spec.Unmarshal(item.Value, &r) != nil { // of an old job nothing is known any more
		return
	}
	c.mu.Lock()
	wrong := c.jobs[m.ID]
	if wrong != nil && wrong.home != r.Node {
		delete(c.jobs, m.ID)
	} else {
		wrong = nil
	}
	c.mu.Unlock()
	if m.Home != r.Node {
		c.refuse(from, "job", "job "+m.ID.String()+", whose home is node "+r.Node.String())
	}
	if wrong != nil {
		_ = wrong.end(errJobEnded) // it writes no record
	}
	if doubted && m.Home == r.Node {
		c.copyJob(c.node.id, m) // and the home is asked, for the job may have ended meanwhile
	}
}

// jobCopied: a node has a copy of a job, of which another one than its home told it.
func (c *clusterNode) jobCopied(from spec.NodeID, id spec.JobID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j := c.node.opened(id); j == nil || j.home != (spec.NodeID{}) {
		c.port.Send(from, peer.Message{JobEnd: &peer.JobEnd{ID: id}})
	} else if p := c.peers[from]; p != nil {
		p.jobs[id] = true
	}
}

// job returns the job of that id: this node's own, or a copy; nil if it has ended.
func (c *clusterNode) job(id spec.JobID) *Job {
	c.mu.Lock()
	j := c.jobs[id]
	c.mu.Unlock()
	if j != nil {
		return j
	}
	return c.node.opened(id)
}

// opened returns a job that is open on the node, or a copy of one.
func (n *Node) opened(id spec.JobID) *Job {
	n.mu.Lock()
	defer n.mu.Unlock()
	for j := range n.open {
		if j.id == id {
			return j
		}
	}
	return nil
}

// output passes on what a task of a job of this node has written on another one.
func (c *clusterNode) output(from spec.NodeID, m *peer.Output) {
	c.mu.Lock()
	p := c.peers[from]
	takesPart := p != nil && p.jobs[m.Job]
	c.mu.Unlock()
	j := c.node.opened(m.Job)
	switch {
	case j == nil: // it has ended
	case !takesPart:
		c.refuse(from, "output", "job "+m.Job.String())
	case j.cfg.TaskOutput != nil:
		j.cfg.TaskOutput(OutputLine{Task: m.Task, Name: m.Name, Stderr: m.Stderr, Text: string(m.Text)})
	}
}

// endCopy ends a copy and says so when it has.
func (c *clusterNode) endCopy(from spec.NodeID, id spec.JobID) {
	ended := func() { c.port.Send(from, peer.Message{JobEnded: &peer.JobEnd{ID: id}}) }
	c.mu.Lock()
	j := c.jobs[id]
	if j != nil && j.home != from {
		c.mu.Unlock()
		c.refuse(from, "job's end", "job "+id.String())
		ended() // whoever it is does not wait for it
		return
	}
	delete(c.jobs, id)
	c.mu.Unlock()
	if j == nil {
		ended()
		return
	}
	if !c.node.scope.run(func() {
		_ = j.end(errJobEnded) // it writes no record
		ended()
	}) { // the node ends, and all copies with it
		ended()
	}
}

// copyEnded forgets to whom a copy that has ended was told.
func (c *clusterNode) copyEnded(id spec.JobID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.peers {
		delete(p.jobs, id)
	}
}

// jobEnded: a node has ended its copy.
func (c *clusterNode) jobEnded(from spec.NodeID, id spec.JobID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.peers[from]; p != nil {
		if done := p.ends[id]; done != nil {
			delete(p.ends, id)
			close(done)
		}
	}
}

// endLeases is for how many leases a node waits for another one to end a copy of a job: a node that lives that long and says
// nothing will not say it.
const endLeases = 10

// endJob ends the copies of a job of this node, and waits until they have or their nodes are dead.
func (c *clusterNode) endJob(id spec.JobID) {
	if c == nil {
		return
	}
	all := make(map[spec.NodeID]chan struct{})
	c.mu.Lock()
	for node, p := range c.peers {
		if p.ends[id] == nil {
			p.ends[id] = make(chan struct{})
			c.port.Send(node, peer.Message{JobEnd: &peer.JobEnd{ID: id}})
		}
		delete(p.jobs, id)
		all[node] = p.ends[id]
	}
	c.mu.Unlock()
	late := time.NewTimer(endLeases * cmp.Or(c.cfg.Lease, defaultLease))
	defer late.Stop()
	for node, done := range all {
		select {
		case <-done:
		case <-c.node.scope.ctx.Done():
		case <-late.C:
			c.node.log.Error("a node does not end its copy of a job", zap.Stringer("node", node), zap.Stringer("job", id))
			late.Reset(0) // nor is any other waited for that has not done so by now
		}
	}
}
