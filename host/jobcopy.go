package host

import (
	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/spec"
)

// A job has a home, the node where it was made. Where else something of it runs it has a copy, which owns what its tasks
// make there. The home ends all copies and waits for them; a copy ends too when the home dies.

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

// copyJob makes a copy of another node's job, unless it is there or has ended.
func (c *clusterNode) copyJob(m *peer.Job) {
	n := c.node
	c.heard(m.Home)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Home == n.id || c.jobs[m.ID] != nil || c.ended[m.ID] || c.dead[m.Home] || c.closed {
		return
	}
	if n.opened(m.ID) != nil { // its own, whoever says to be its home
		return
	}
	j := newJob(n, m.Namespace)
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
		return
	}
	n.open[j] = struct{}{}
	j.scope = newScope(n.scope.ctx, n.workers)
	j.driver = newDriver(j)
	c.jobs[m.ID] = j
	if m.Weight != 0 {
		n.scope.run(func() { n.leases.weigh(j.id, m.Weight) })
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
func (c *clusterNode) output(m *peer.Output) {
	if j := c.job(m.Job); j != nil && j.cfg.TaskOutput != nil {
		j.cfg.TaskOutput(OutputLine{Task: m.Task, Name: m.Name, Stderr: m.Stderr, Text: string(m.Text)})
	}
}

// endCopy ends a copy and says so when it has.
func (c *clusterNode) endCopy(from spec.NodeID, id spec.JobID) {
	c.mu.Lock()
	j := c.jobs[id]
	if j != nil && j.home != from {
		c.mu.Unlock()
		return
	}
	delete(c.jobs, id)
	c.ended[id] = true
	c.mu.Unlock()
	ended := func() { c.port.Send(from, peer.Message{JobEnded: &peer.JobEnd{ID: id}}) }
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

// endJob ends the copies of a job of this node, and waits until they have or their nodes are dead.
func (c *clusterNode) endJob(id spec.JobID) {
	if c == nil {
		return
	}
	var all []chan struct{}
	c.mu.Lock()
	for node, p := range c.peers {
		if p.ends[id] == nil {
			p.ends[id] = make(chan struct{})
			c.port.Send(node, peer.Message{JobEnd: &peer.JobEnd{ID: id}})
		}
		delete(p.jobs, id)
		all = append(all, p.ends[id])
	}
	c.mu.Unlock()
	for _, done := range all {
		select {
		case <-done:
		case <-c.node.scope.ctx.Done():
		}
	}
}
