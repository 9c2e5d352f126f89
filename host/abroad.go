package host

import (
	"context"
	"encoding/hex"
	"errors"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// An actor lives on the node that the cluster's policies choose when it is created, and that node owns it: queue, state and
// checkpoints are there, and it dies with the node. Other nodes borrow its handles as they borrow refs, and send its calls
// there in the order in which they were made; who calls owns the results.
//
// Other nodes know an actor by a record without a core: node, class, and options, which is what a call is made of.

// abroad returns the record of an actor of another node to which there is a handle here; nil if there is none. It may have to
// ask that node.
func (c *clusterNode) abroad(ctx context.Context, id spec.ActorID) (*actor, error) {
	if c == nil {
		return nil, nil
	}
	c.mu.Lock()
	a := c.actors[id]
	c.mu.Unlock()
	if a != nil {
		return a, nil
	}
	at, ok := c.node.objects.ownerOfActor(id)
	if !ok {
		return nil, nil
	}
	answer, err := c.question(ctx, at, peer.Ask{Actor: &id})
	if err != nil {
		if spec.KindOf(err) == spec.NodeDied {
			err = nodeOfActorDied(id, at)
		}
		return nil, err
	}
	if answer.Actor == nil {
		return nil, spec.Errorf("find actor", spec.System, "actor "+id.String(), "node %s does not say what it is", at)
	}
	module, err := c.moduleOf(ctx, at, answer.Actor.Module)
	if err != nil {
		return nil, err
	}
	return c.meet(id, at, module, answer.Actor.Class, answer.Actor.Options)
}

// meet makes the record of an actor of another node.
func (c *clusterNode) meet(id spec.ActorID, at spec.NodeID, module *Module, class string, opts spec.ActorOptions) (*actor, error) {
	described, ok := module.classes[class]
	if !ok {
		return nil, module.missing("find actor", "class", class)
	}
	a := &actor{node: c.node, at: at, module: module, id: id, class: described, opts: opts}
	a.groups, _ = concurrencyGroups(opts)
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.actors[id]; first != nil {
		return first, nil
	}
	c.actors[id] = a
	return a, nil
}

// forgetAbroad: no handle of an actor of another node is left here.
func (c *clusterNode) forgetAbroad(id spec.ActorID) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.actors, id)
	delete(c.stillborn, id)
}

// ownerOfActor returns the node of an actor to which there is a handle here.
func (o *objects) ownerOfActor(id spec.ActorID) (spec.NodeID, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.borrows.Owner(spec.ActorLink(id))
}

// nodeOfActorDied is the error of calls of an actor that died with its node.
func nodeOfActorDied(id spec.ActorID, node spec.NodeID) *spec.Error {
	return spec.Errorf("call", spec.ActorDied, "actor "+id.String(), "node %s, on which it was, died", node)
}

// moduleOf returns a module, from another node if it is not here.
func (c *clusterNode) moduleOf(ctx context.Context, at spec.NodeID, m peer.Module) (*Module, error) {
	key := moduleKey{m.Digest, LoadConfig{Engine: m.Engine, Trusted: m.Trusted}}
	c.node.mu.Lock()
	module := c.node.modules[key]
	c.node.mu.Unlock()
	if module != nil {
		return module, nil
	}
	wasm, err := c.fetchModule(ctx, at, m.Digest)
	if err != nil {
		return nil, err
	}
	return c.node.LoadWith(ctx, wasm, key.LoadConfig)
}

// introduce tells another node what an actor of this one is.
func (c *clusterNode) introduce(id spec.ActorID, a *peer.Answer) error {
	c.node.mu.Lock()
	x := c.node.actors[id]
	c.node.mu.Unlock()
	if x == nil {
		return spec.Errorf("find actor", spec.ActorDied, "actor "+id.String(), "it is gone")
	}
	a.Actor = &peer.Actor{Module: x.module.says(), Class: x.class.Name, Options: x.opts}
	return nil
}

// call sends a call to the actor's node.
func (c *clusterNode) call(t *task) {
	to := t.abroad.at
	if !c.depart(t, to, &peer.Run{Function: t.function[len(t.abroad.class.Name)+1:], Actor: true, Options: t.said}) {
		t.finish(nil, t.failure(nodeOfActorDied(t.abroad.id, to)))
	}
}

// tellJob tells a node of a job, once. The caller holds mu.
func (c *clusterNode) tellJob(to spec.NodeID, p *peerNode, j *Job) {
	if !p.jobs[j.id] {
		p.jobs[j.id] = true
		c.port.Send(to, peer.Message{Job: j.says()})
	}
}

// callOf makes the task of a call that another node has sent to an actor of this one.
func (c *clusterNode) callOf(h *hosted, j *Job) (*task, error) {
	m := h.run
	id := m.Task.Actor()
	c.node.mu.Lock()
	a := c.node.actors[id]
	c.node.mu.Unlock()
	if a == nil {
		c.mu.Lock()
		err := c.stillborn[id]
		c.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return nil, spec.Errorf("call "+m.Function, spec.ActorDied, "actor "+id.String(), "it is gone")
	}
	terms, err := a.methodTerms(m.Function, *m.Options)
	if err != nil {
		return nil, err
	}
	if terms.returns != int(m.Returns) || terms.streaming {
		return nil, spec.Errorf("call "+m.Function, spec.Unsupported, a.label(), "it has %d results here and %d where it was called, or is a generator, which runs where it is called", terms.returns, m.Returns)
	}
	t := &task{terms: terms, job: j, scope: a.scope, module: a.module, id: m.Task, parent: m.Parent, args: argsOf(m.Args), origin: &h.of, actor: a}
	t.bytes = taskBytes + terms.bytes + argBytes(t.args)
	return t, nil
}

// createElsewhere has another node create an actor if that is where it is to live; false if it is this one.
func (c actorCaller) createElsewhere(class *spec.Class, args []spec.Arg, opts spec.ActorOptions) (id spec.ActorID, ok bool, err error) {
	cl := c.job.node.cluster
	if cl == nil || opts.Lifetime == spec.LifetimeDetached || argBytes(args) > maxAwayArgs {
		return id, false, nil
	}
	to, elsewhere, err := cl.placeActor(opts)
	if err != nil || !elsewhere {
		return id, false, err
	}
	id = spec.NewActorID(c.origin, c.nextActor.Add(1))
	if _, err = cl.meet(id, to, c.module, class.Name, opts); err != nil {
		return id, false, err
	}
	made := cl.found(c.job, to, args, &peer.NewActor{ID: id, Job: c.job.id, Parent: c.task, Module: c.module.says(), Class: class.Name, Options: opts})
	return id, made, nil
}

// placeActor chooses the node of a new actor; false for this one.
func (c *clusterNode) placeActor(opts spec.ActorOptions) (to spec.NodeID, elsewhere bool, err error) {
	if use := useOf(opts.Placement); use != nil {
		to, elsewhere = c.node.groups.target(use)
		return to, elsewhere, nil
	}
	req := cluster.Request{}
	place, _ := opts.Resources()
	req.Need = resource.Of(place)
	if req.Strategy, err = strategyOf(opts.Placement); err != nil {
		return to, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look()
	choice := c.view.Pick(&req, c.random)
	elsewhere = choice.Node != c.node.id && choice.Node != spec.NodeID{}
	if elsewhere {
		c.view.Assume(choice.Node, req.Need)
	}
	return choice.Node, elsewhere, nil
}

// found begins to count the handles of an actor that another node is to create, one for the caller, and asks for it; false if
// the node has just died.
func (c *clusterNode) found(j *Job, to spec.NodeID, args []spec.Arg, m *peer.NewActor) bool {
	o := c.node.objects
	o.mu.Lock()
	defer o.settle()
	c.mu.Lock()
	p := c.peers[to]
	if p == nil {
		delete(c.actors, m.ID)
		c.mu.Unlock()
		return false
	}
	c.tellJob(to, p, j)
	c.mu.Unlock()
	m.Args = o.passArgs(to, args)
	c.port.Send(to, peer.Message{NewActor: m})
	o.borrow(owner.BorrowEvent{Op: owner.Carry, Node: to, Link: spec.ActorLink(m.ID), Owner: to})
	return true
}

// newActor creates an actor for another node, which counts a handle of it already. Its calls come after this, and wait for its
// module as this does.
func (c *clusterNode) newActor(from spec.NodeID, m *peer.NewActor) {
	args := argsOf(m.Args)
	links := c.node.objects.claim(from, linksOf(args))
	if len(links) < len(linksOf(args)) || !c.node.objects.expectActor(m.ID, from) {
		c.node.log.Error("a node asked for an actor twice, or with references that it did not carry", zap.Stringer("node", from), zap.Stringer("actor", m.ID))
		c.node.objects.release(links)
		return
	}
	c.withModule(from, m.Module, func(module *Module, err error) {
		if err == nil {
			err = c.create(m, module, args)
		}
		if err != nil {
			c.node.log.Warn("an actor of another node was not created", zap.Stringer("actor", m.ID), zap.Stringer("node", from), zap.Error(err))
			c.mu.Lock()
			c.stillborn[m.ID] = &spec.Error{Op: "create " + m.Class, Kind: spec.KindOf(err), ID: "on node " + c.node.id.String(), Err: err}
			c.mu.Unlock()
		}
		c.node.objects.release(links) // the actor has its own
	})
}

// create makes the actor.
func (c *clusterNode) create(m *peer.NewActor, module *Module, args []spec.Arg) error {
	j := c.job(m.Job)
	if j == nil {
		return errJobEnded
	}
	class, ok := module.classes[m.Class]
	if !ok {
		return module.missing("create actor", "class", m.Class)
	}
	if err := m.Options.Check(); err != nil {
		return err
	}
	maker := &caller{job: j, scope: j.scope, module: module, task: m.Parent, origin: m.Parent, name: "node " + c.node.id.String(), function: m.Class}
	return actorCaller{maker}.create(m.ID, class, args, m.Options, true)
}

// expectActor begins to count an actor that is being created for another node, which has a handle; false if it is counted.
func (o *objects) expectActor(id spec.ActorID, from spec.NodeID) bool {
	o.mu.Lock()
	defer o.settle()
	if o.refs.Count(spec.ActorLink(id)) > 0 {
		return false
	}
	o.refs.CreateActor(id, 1)
	o.borrow(owner.BorrowEvent{Op: owner.Expect, Node: from, Link: spec.ActorLink(id)})
	return true
}

// A named actor of a cluster has a key in the control store, which hangs on its node's lease and says which node that is.

const namePrefix = "name/"

func (k actorName) key() string {
	return namePrefix + hex.EncodeToString([]byte(k.namespace)) + "/" + hex.EncodeToString([]byte(k.name))
}

// claim takes a name for an actor of this node. Error: spec.AlreadyExists.
func (c *clusterNode) claim(ctx context.Context, name actorName) error {
	if c == nil || name.name == "" {
		return nil
	}
	key := name.key()
	_, err := c.cfg.Control.Commit(ctx, control.Txn{If: []control.Condition{{Key: key}}, Put: []control.Put{{Key: key, Value: c.node.id[:], Lease: c.member}}})
	if errors.Is(err, spec.Conflict) {
		return taken(name)
	}
	return err
}

// disclaim gives a name back.
func (c *clusterNode) disclaim(name actorName) {
	if c == nil || name.name == "" {
		return
	}
	_, err := c.cfg.Control.Commit(c.node.scope.ctx, control.Txn{Delete: []string{name.key()}})
	if err != nil && c.node.scope.ctx.Err() == nil {
		c.node.log.Warn("the name of an actor is taken still", zap.String("name", name.name), zap.Error(err))
	}
}

// find asks the node of a named actor for a handle of it, counted for the caller; false if there is none of that name.
func (c *clusterNode) find(ctx context.Context, name actorName) (id spec.ActorID, ok bool, err error) {
	if c == nil {
		return id, false, nil
	}
	item, err := c.cfg.Control.Get(ctx, name.key())
	switch {
	case errors.Is(err, spec.NotFound) || err == nil && (len(item.Value) != len(spec.NodeID{}) || spec.NodeID(item.Value) == c.node.id):
		return id, false, nil
	case err != nil:
		return id, false, err
	}
	answer, err := c.question(ctx, spec.NodeID(item.Value), peer.Ask{Name: &peer.Name{Namespace: name.namespace, Name: name.name}})
	switch kind := spec.KindOf(err); {
	case kind == spec.NotFound || kind == spec.NodeDied:
		return id, false, nil
	case err != nil:
		return id, false, err
	case answer.Found == nil:
		return id, false, nil
	}
	return *answer.Found, true, nil
}

// named answers a node that looks for an actor by its name. The handle is carried before the answer.
func (c *clusterNode) named(to spec.NodeID, m *peer.Name, a *peer.Answer) error {
	n := c.node
	n.mu.Lock()
	x := n.names[actorName{m.Namespace, m.Name}]
	n.mu.Unlock()
	if x == nil {
		return spec.Errorf("find actor", spec.NotFound, quote(m.Name), "it is gone")
	}
	link := []spec.Link{spec.ActorLink(x.id)}
	if !n.objects.tryRetain(link[0]) {
		return spec.Errorf("find actor", spec.NotFound, quote(m.Name), "it is gone")
	}
	n.objects.pass(to, link)
	n.objects.release(link)
	a.Found = &x.id
	return nil
}

// end asks an actor's node to end it.
func (c *clusterNode) end(a *actor, m peer.ActorEnd) error {
	c.mu.Lock()
	alive := c.peers[a.at] != nil
	c.mu.Unlock()
	if !alive {
		return nodeOfActorDied(a.id, a.at)
	}
	m.ID = a.id
	c.port.Send(a.at, peer.Message{ActorEnd: &m})
	return nil
}

// endActor ends an actor for another node that has a handle of it.
func (c *clusterNode) endActor(from spec.NodeID, m *peer.ActorEnd) {
	if !c.node.objects.lends(spec.ActorLink(m.ID), from) {
		c.refuse(from, "end of an actor", "actor "+m.ID.String())
		return
	}
	c.node.mu.Lock()
	a := c.node.actors[m.ID]
	c.node.mu.Unlock()
	switch {
	case a == nil:
	case m.Gracefully:
		a.terminate(m.By)
	default:
		a.kill(m.By, m.NoRestart)
	}
}
