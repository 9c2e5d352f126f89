package host

import (
	"cmp"
	"context"
	"errors"

	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/spec"
)

// Group is a Go program's name for a placement group. It is no right that keeps the group: that lives until it is removed, or its
// job ends if it is not detached.
type Group struct {
	job *Job
	id  spec.GroupID
}

// CreateGroup asks for a placement group and returns at once; [Group.Wait] waits for its place. Errors: spec.InvalidArgument,
// spec.AlreadyExists for a name that is taken in its namespace, spec.LimitExceeded.
func (j *Job) CreateGroup(ctx context.Context, opts spec.GroupOptions) (*Group, error) {
	id, err := j.driver.CreateGroup(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &Group{j, id}, nil
}

// FindGroup returns the placement group of that name, also one of another job; an empty namespace is the job's. Error:
// spec.NotFound.
func (j *Job) FindGroup(ctx context.Context, name, namespace string) (*Group, error) {
	id, err := j.driver.FindGroup(ctx, name, namespace)
	if err != nil {
		return nil, err
	}
	return &Group{j, id}, nil
}

// ID returns the group's id, which spec.Placement names it by.
func (g *Group) ID() spec.GroupID { return g.id }

// Placement says to run in one of the group's bundles, or for group.AnyBundle in whichever has room. With capture what is
// submitted there runs in the group too.
func (g *Group) Placement(bundle int, capture bool) *spec.Placement {
	p := &spec.Placement{Group: g.id.String(), Capture: capture}
	if bundle != group.AnyBundle {
		index := int32(bundle)
		p.Bundle = &index
	}
	return p
}

// Wait waits until all bundles are reserved. Errors: spec.GetTimeout if ctx's deadline passed, which says what is lacking;
// spec.TaskUnschedulable for what the node can never hold; spec.TaskPlacementGroupRemoved; spec.NotFound; ctx's cause.
func (g *Group) Wait(ctx context.Context) error { return g.job.node.groups.await(ctx, g.id) }

// Ready returns a Ref to true, which is there when all bundles are reserved; it holds Wait's error if they never can be. Error:
// spec.ObjectStoreFull.
func (g *Group) Ready(ctx context.Context) (*Ref, error) {
	id, err := g.job.driver.GroupReady(ctx, g.id)
	if err != nil {
		return nil, err
	}
	return g.job.newRef(id), nil
}

// Remove ends the group. Tasks and actors in it end with spec.TaskPlacementGroupRemoved and spec.ActorPlacementGroupRemoved.
// Removing twice is fine. Error: spec.NotFound.
func (g *Group) Remove(context.Context) error { return g.job.node.groups.remove(g.id) }

// Row returns what a listing shows of the group; false if it was removed long ago.
func (g *Group) Row() (group.Row, bool) { return g.job.node.groups.row(g.id) }

// Groups lists at most limit placement groups, those that were created last first; removed ones are among them for a while.
func (n *Node) Groups(limit int) []group.Row { return n.groups.rows(limit) }

// groupBytes is what a group takes, and each of its bundles.
const groupBytes = 1 << 10

// CreateGroup makes a group for which the job has to have room.
func (c *caller) CreateGroup(_ context.Context, opts spec.GroupOptions) (spec.GroupID, error) {
	const op = "create placement group"
	if err := opts.Check(); err != nil {
		return spec.GroupID{}, err
	}
	j := c.job
	opts.Namespace = cmp.Or(opts.Namespace, j.namespace)
	if n := j.stats.groupsKept.Add(1); n > spec.MaxPlacementGroups {
		j.stats.groupsKept.Add(-1)
		return spec.GroupID{}, spec.Errorf(op, spec.LimitExceeded, "", "the job has %d placement groups, at most %d (MaxPlacementGroups): remove some", n-1, spec.MaxPlacementGroups)
	}
	by := owned{job: j, namespace: opts.Namespace, bytes: groupCost(&opts)}
	if a := j.node.detachedActor(c.task.Actor()); a != nil {
		by.actor, by.lasts = a.id, true
	}
	err := j.memory.Reserve(by.bytes)
	id := spec.NewGroupID(c.origin, c.nextGroup.Add(1))
	if err == nil {
		if by.kept, err = j.node.keepGroup(id, &opts, by); err == nil {
			err = j.node.groups.create(id, &opts, by)
		}
		if err != nil {
			if by.kept {
				j.node.dropGroup(id)
			}
			j.memory.Release(by.bytes)
		}
	}
	if err != nil {
		j.stats.groupsKept.Add(-1)
		return spec.GroupID{}, &spec.Error{Op: op, Kind: spec.KindOf(err), Err: err}
	}
	return id, nil
}

// detachedActor returns a detached actor by its id, nil if it is not one.
func (n *Node) detachedActor(id spec.ActorID) *actor {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.actors[id]; a != nil && a.detached {
		return a
	}
	return nil
}

// GroupReady makes an object that is there when the group has its place. What waits for that is paid for by the job, so that a
// guest cannot make too much of it.
func (c *caller) GroupReady(_ context.Context, id spec.GroupID) (spec.ObjectID, error) {
	n, memory := c.job.node, c.job.memory
	index := c.nextPut.Add(1)
	if index > maxPuts {
		return spec.ObjectID{}, spec.Errorf("wait for placement group", spec.LimitExceeded, id.String(), "the caller has put %d objects, which is all it can", maxPuts)
	}
	if err := memory.Reserve(objectBytes + groupBytes); err != nil {
		return spec.ObjectID{}, &spec.Error{Op: "wait for placement group", Kind: spec.KindOf(err), ID: id.String(), Err: err}
	}
	object := c.origin.Object(spec.FirstPutIndex + uint32(index-1))
	n.objects.expect(memory, []spec.ObjectID{object}, Site{c.function, groupReady})
	n.groups.wait(id, func(err error) {
		n.groups.after = append(n.groups.after, func() {
			memory.Release(groupBytes)
			var failure *spec.Error
			errors.As(err, &failure)
			n.objects.complete(object, spec.Value{Data: cborTrue}, failure)
		})
	})
	return object, nil
}

// FindGroup returns the placement group of a name.
func (c *caller) FindGroup(_ context.Context, name, namespace string) (spec.GroupID, error) {
	namespace = cmp.Or(namespace, c.job.namespace)
	id, ok := c.job.node.groups.find(namespace, name)
	if !ok {
		return id, spec.Errorf("find placement group", spec.NotFound, quote(name), "there is none of that name in namespace %q", namespace)
	}
	return id, nil
}

// GroupTable tells of a group.
func (c *caller) GroupTable(_ context.Context, id spec.GroupID) (t spec.GroupTable, err error) {
	row, err := c.group("tell of placement group", id)
	if err != nil {
		return t, err
	}
	t = spec.GroupTable{Name: row.Name, Namespace: row.Namespace, Strategy: row.Strategy, State: row.State.String(), Detached: row.Detached,
		Reason: string(row.Why), Text: row.Text, Bundles: make([]spec.PlacedBundle, len(row.Bundles))}
	for i, b := range row.Bundles {
		t.Bundles[i].Resources = b.Need
		if b.Placed {
			t.Bundles[i].Node = b.Node.String()
		}
	}
	return t, nil
}

// RemoveGroup ends a group.
func (c *caller) RemoveGroup(_ context.Context, id spec.GroupID) error {
	if _, err := c.group("remove placement group", id); err != nil {
		return err
	}
	return c.job.node.groups.remove(id)
}

// group returns a group of the job, or one that others may find too: the ids of groups without a name are no secret.
func (c *caller) group(op string, id spec.GroupID) (group.Row, error) {
	row, ok := c.job.node.groups.row(id)
	switch {
	case !ok:
		return row, spec.Errorf(op, spec.NotFound, id.String(), "there is no such placement group")
	case row.Name == "" && id.Job() != c.job.id:
		return row, spec.Errorf(op, spec.NotFound, id.String(), "it is another job's and has no name")
	}
	return row, nil
}

// groupReady is the call that makes the object of a group's place.
const groupReady = "ready of a placement group"

// cborTrue is the form of true.
var cborTrue = []byte{0xf5}

// await waits for a group's place.
func (g *groups) await(ctx context.Context, id spec.GroupID) error {
	answer := make(chan error, 1)
	withdraw := g.wait(id, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
	}
	withdraw()
	err := context.Cause(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return &spec.Error{Op: "wait for placement group", Kind: spec.KindOf(err), ID: id.String(), Err: err}
	}
	row, _ := g.row(id)
	return spec.Errorf("wait for placement group", spec.GetTimeout, id.String(), "it is %s: %s", row.State, row.Text)
}
