package host

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// origin names an attempt that is made here for another node: who wants it, and the number it has there.
type origin struct {
	node   spec.NodeID
	number uint64
}

// hosted is such an attempt. Its task has no objects here and is tried once: what comes of it goes to its origin.
type hosted struct {
	of  origin
	run *peer.Run

	// Guarded by the cluster's mu.
	task    *task       // nil while its module is loaded
	stopped *spec.Error // then: nobody wants it any more
}

// host makes an attempt for another node: when its module is here, and there is room for it.
func (c *clusterNode) host(from spec.NodeID, m *peer.Run) {
	h := &hosted{of: origin{from, m.Number}, run: m}
	links := linksOf(argsOf(m.Args))
	carried := c.node.objects.claim(from, links)
	c.mu.Lock()
	bad := c.hosted[h.of] != nil || len(carried) < len(links)
	if !bad {
		c.hosted[h.of] = h
	}
	c.mu.Unlock()
	if bad {
		c.node.log.Error("a node asked for an attempt twice, or with references that it did not carry", zap.Stringer("node", from), zap.Uint64("number", m.Number))
		c.node.objects.release(carried)
		return
	}
	j := c.job(m.Job)
	if j == nil {
		c.reply(h, errJobEnded)
		return
	}
	bytes := taskBytes + argBytes(argsOf(m.Args)) // until it is begun
	if err := j.memory.Reserve(bytes); err != nil {
		c.reply(h, &spec.Error{Op: "run " + m.Name, Kind: spec.KindOf(err), ID: "on node " + c.node.id.String(), Err: err})
		return
	}
	c.withModule(from, m.Module, func(module *Module, err error) {
		j.memory.Release(bytes)
		c.mu.Lock()
		wanted := c.hosted[h.of] == h
		c.mu.Unlock()
		switch {
		case !wanted: // its origin died
			c.node.objects.release(linksOf(argsOf(m.Args)))
		case err != nil:
			c.reply(h, &spec.Error{Op: "run " + m.Name, Kind: spec.KindOf(err), ID: "on node " + c.node.id.String(), Err: err})
		default:
			c.begin(h, module)
		}
	})
}

// maxLoading is how many modules a node gets from others at the same time.
const maxLoading = 256

// wanting is what waits for a module, which a node has that wants it.
type wanting struct {
	from spec.NodeID
	do   func(*Module, error)
}

// withModule does something with a module, at once if it is here, and otherwise when it has come from a node: what one module
// is wanted for is done in its order.
func (c *clusterNode) withModule(from spec.NodeID, m peer.Module, do func(*Module, error)) {
	key := moduleKey{m.Digest, LoadConfig{Engine: m.Engine, Trusted: m.Trusted}}
	c.node.mu.Lock()
	module := c.node.modules[key]
	c.node.mu.Unlock()
	c.mu.Lock()
	waiting, loads := c.loading[key]
	full := module == nil && !loads && len(c.loading) == maxLoading
	if !full && (module == nil || loads) { // those that wait go first
		c.loading[key] = append(waiting, wanting{from, do})
		module = nil
	}
	c.mu.Unlock()
	switch {
	case full:
		do(nil, spec.Errorf("load", spec.LimitExceeded, "module "+m.Digest.Short(), "the node is loading %d others for other nodes", maxLoading))
	case module != nil:
		do(module, nil)
	case !loads && !c.node.scope.run(func() { c.load(key) }):
		do(nil, errNodeClosed)
	}
}

// load gets a module and does what waits for it. A node that cannot give it, because it has died, spoils nothing for others.
func (c *clusterNode) load(key moduleKey) {
	var module *Module
	failed := make(map[spec.NodeID]error)
	for {
		c.mu.Lock()
		waiting := c.loading[key]
		if len(waiting) == 0 {
			delete(c.loading, key)
			c.mu.Unlock()
			return
		}
		c.loading[key] = waiting[1:]
		c.mu.Unlock()
		w := waiting[0]
		if module == nil && failed[w.from] == nil {
			module, failed[w.from] = c.loadFrom(w.from, key)
		}
		if module != nil {
			w.do(module, nil)
		} else {
			w.do(nil, failed[w.from])
		}
	}
}

// loadFrom gets a module from a node.
func (c *clusterNode) loadFrom(from spec.NodeID, key moduleKey) (*Module, error) {
	ctx := c.node.scope.ctx
	wasm, err := c.fetchModule(ctx, from, key.digest)
	if err != nil {
		return nil, err
	}
	return c.node.LoadWith(ctx, wasm, key.LoadConfig)
}

// begin sends an attempt on its way, or to a node that has room where this one has none.
func (c *clusterNode) begin(h *hosted, module *Module) {
	m, n := h.run, c.node
	c.mu.Lock()
	if h.stopped != nil {
		c.mu.Unlock()
		c.reply(h, h.stopped)
		return
	}
	c.mu.Unlock()
	t, err := c.attemptOf(h, module)
	if err != nil {
		c.reply(h, &spec.Error{Op: "run " + m.Name, Kind: spec.KindOf(err), ID: "on node " + n.id.String(), Err: err})
		return
	}
	if use, _ := t.use(); t.actor == nil && use != nil {
		if to, elsewhere := n.groups.target(use); elsewhere {
			c.move(h, to)
			return
		}
	} else if t.actor == nil && m.Hops < maxHops {
		req := cluster.Request{Need: t.ask.Need, Strategy: t.ask.Strategy}
		c.mu.Lock()
		c.look()
		here, _ := c.view.Node(n.id)
		to, better := spec.NodeID{}, false
		if !here.Pool.Fits(req.Need) {
			to, better = c.view.Spill(&req, c.random)
		}
		c.mu.Unlock()
		if better {
			c.move(h, to)
			return
		}
	}
	if err := t.job.memory.Reserve(t.bytes); err != nil {
		c.reply(h, &spec.Error{Op: "run " + m.Name, Kind: spec.KindOf(err), ID: "on node " + n.id.String(), Err: err})
		return
	}
	if err := t.start(); err != nil { // it has let its links go
		c.answer(h.of, nil, nil, 0, &spec.Error{Op: "run " + m.Name, Kind: spec.KindOf(err), ID: "on node " + n.id.String(), Err: err})
		return
	}
	c.mu.Lock()
	h.task = t // from now on whoever stops it does it himself
	stopped := h.stopped
	c.mu.Unlock()
	if stopped != nil {
		t.cancel(stopped, true)
	}
}

// attemptOf makes the task of a hosted attempt.
func (c *clusterNode) attemptOf(h *hosted, module *Module) (*task, error) {
	m := h.run
	j := c.job(m.Job)
	if j == nil {
		return nil, errJobEnded
	}
	if m.Actor {
		t, err := c.callOf(h, j)
		if err == nil {
			t.made(m)
		}
		return t, err
	}
	if j.home != (spec.NodeID{}) && j.failure != nil {
		return nil, &spec.Error{Op: "open the working directory", Kind: spec.RuntimeEnvSetup, ID: "job " + j.id.String(), Err: j.failure}
	}
	f, ok := module.functions[m.Function]
	if !ok {
		return nil, module.missing("run", "function", m.Function)
	}
	strategy, err := strategyOf(m.Placement)
	if err != nil {
		return nil, err
	}
	need := resource.Of(m.Need)
	t := &task{
		terms: &terms{
			name: m.Name, function: f.Name, returns: int(m.Returns), memory: m.Memory, need: m.Need, placed: m.Placement,
			ask: sched.Ask{Need: need, Hold: need, Priority: m.Priority, Job: j.id, Namespace: j.namespace, Strategy: strategy},
		},
		job: j, scope: j.scope, module: module, id: m.Task, parent: m.Parent, args: argsOf(m.Args), attempt: m.Attempt, origin: &h.of,
	}
	t.made(m)
	t.bytes = taskBytes + formBytes(m.Need.Custom) + placementBytes(m.Placement) + int64(len(m.Name)) + argBytes(t.args)
	return t, nil
}

// made sets what follows from the rest of a hosted task.
func (t *task) made(m *peer.Run) {
	t.links = linksOf(t.args)
	t.nameResults()
	if m.Left > 0 {
		t.deadline = time.Now().Add(m.Left)
	}
}

// argsOf reads arguments.
func argsOf(args []peer.Arg) []spec.Arg {
	out := make([]spec.Arg, len(args))
	for i, a := range args {
		if a.Ref != nil {
			out[i] = spec.RefArg(*a.Ref)
		} else {
			out[i] = spec.ValueArg(a.Value.Spec())
		}
	}
	return out
}

// move sends an attempt back, and says who has room for it.
func (c *clusterNode) move(h *hosted, to spec.NodeID) {
	c.mu.Lock()
	_, wanted := c.hosted[h.of]
	delete(c.hosted, h.of)
	c.mu.Unlock()
	c.node.objects.release(linksOf(argsOf(h.run.Args)))
	if wanted {
		c.reportTo(h.of.node)
		c.port.Send(h.of.node, peer.Message{Moved: &peer.Moved{Number: h.of.number, To: to}})
	}
}

// reply ends an attempt that has no task.
func (c *clusterNode) reply(h *hosted, err *spec.Error) {
	c.answer(h.of, nil, nil, 0, err)
	c.node.objects.release(linksOf(argsOf(h.run.Args)))
}

// answer tells an attempt's origin what came of it. A node that closes does not say that it failed: the origin makes it again
// when the node has left, and not here.
func (c *clusterNode) answer(of origin, results []peer.Result, links []spec.Link, cpu int64, err *spec.Error) {
	c.mu.Lock()
	delete(c.hosted, of)
	c.mu.Unlock()
	if err != nil && c.node.closing() {
		return
	}
	m := &peer.Ran{Number: of.number, Results: results, CPU: cpu}
	if err != nil {
		m.Results, m.Err, links = nil, spec.MarshalError(err), nil
	}
	c.node.objects.pass(of.node, links)
	c.port.Send(of.node, peer.Message{Ran: m})
}

// begun tells the origin that the attempt runs.
func (c *clusterNode) begun(of origin) {
	c.begins.Add(1)
	c.port.Send(of.node, peer.Message{Began: &peer.Began{Number: of.number}})
}

// finished gives what came of a hosted attempt to its origin. Large results stay here until it drops them.
func (c *clusterNode) finished(t *task, values []spec.Value, err *spec.Error) {
	if t.moved != nil {
		c.mu.Lock()
		h := c.hosted[*t.origin]
		c.mu.Unlock()
		if h != nil {
			c.move(h, *t.moved)
			return
		}
	}
	results := make([]peer.Result, len(values))
	var links []spec.Link
	for i, v := range values {
		links = append(links, v.Links...)
		results[i].Value = peer.ValueOf(v)
		if err == nil && isLarge(v) {
			results[i].Size, results[i].Value.Data = int64(len(v.Data)), nil
			if full := c.node.objects.keepFor(context.Background(), t.origin.node, t.job.memory, t.returns[i], v.Data); full != nil {
				err = &spec.Error{Op: "keep a result", Kind: spec.KindOf(full), Err: full}
			}
		}
	}
	if err != nil {
		for i, r := range results {
			if r.Size > 0 {
				c.node.objects.drop(t.origin.node, t.returns[i])
			}
		}
	}
	c.answer(*t.origin, results, links, t.cpu, err)
	c.node.objects.release(t.links)
}

// stop: the origin does not want an attempt any more, or wants it back if it has not begun.
func (c *clusterNode) stop(from spec.NodeID, m *peer.Stop) {
	of := origin{from, m.Number}
	c.mu.Lock()
	h := c.hosted[of]
	c.mu.Unlock()
	switch {
	case h == nil:
	case m.Below:
		c.mu.Lock()
		t := h.task
		c.mu.Unlock()
		if t != nil {
			for _, child := range t.job.descendants(t) {
				child.cancel(child.cancelled(), m.Force)
			}
		}
	default:
		err := peer.Error(m.Err)
		if err == nil {
			err = spec.Errorf("run "+h.run.Name, spec.TaskCancelled, "", "node %s does not want it any more", from)
		}
		c.halt(h, err, m.Force)
	}
}

// halt ends an attempt.
func (c *clusterNode) halt(h *hosted, err *spec.Error, force bool) {
	c.mu.Lock()
	t := h.task
	if h.stopped == nil && (t == nil || force) {
		h.stopped = err
	}
	c.mu.Unlock()
	if t != nil {
		t.cancel(err, force)
	}
}
