package host

import (
	"context"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
)

// A node with a data directory reserves again what outlives it: detached placement groups, and those of durable actors, under
// their old ids and names. They are in the table of groups of its control store from their creation to their removal.

// groupRecord is a placement group in the table.
type groupRecord struct {
	Options spec.GroupOptions `cbor:"1,keyasint"` // with its namespace
	Actor   spec.ActorID      `cbor:"2,keyasint"` // the detached actor that it ends with; zero for none
}

const groupPrefix = "group/"

func groupKey(id spec.GroupID) string { return groupPrefix + id.String() }

// keepGroup writes a group to the table, if it is one to be there. It is before anybody has its id.
func (n *Node) keepGroup(id spec.GroupID, opts *spec.GroupOptions, by owned) (kept bool, err error) {
	if n.states == nil || opts.Lifetime != spec.LifetimeDetached && by.actor == (spec.ActorID{}) {
		return false, nil
	}
	record, err := spec.Marshal(groupRecord{*opts, by.actor})
	if err == nil {
		_, err = n.control.Commit(context.Background(), control.Txn{Put: []control.Put{{Key: groupKey(id), Value: record}}})
	}
	return err == nil, err
}

// dropGroup takes a removed group out of the table, unless it is only its node that ends.
func (n *Node) dropGroup(id spec.GroupID) {
	if n.ends() {
		return
	}
	if _, err := n.control.Commit(context.Background(), control.Txn{Delete: []string{groupKey(id)}}); err != nil {
		n.log.Error("a removed placement group stays in the data directory", zap.String("group", id.String()), zap.Error(err))
	}
}

// restoreGroups reserves the groups of the table again. One that cannot be is logged and stays there.
func (n *Node) restoreGroups(ctx context.Context) error {
	if n.states == nil {
		return nil
	}
	for page := (control.Page{}); ; {
		l, err := n.control.List(ctx, groupPrefix, page)
		if err != nil {
			return err
		}
		for _, item := range l.Items {
			id, err := spec.ParseGroupID(item.Key[len(groupPrefix):])
			if err == nil {
				err = n.restoreGroup(id, item.Value)
			}
			if err != nil {
				n.log.Error("a placement group of the data directory was not reserved again", zap.String("group", item.Key), zap.Error(err))
			}
		}
		if page.After = l.Next; page.After == "" {
			return nil
		}
	}
}

func (n *Node) restoreGroup(id spec.GroupID, record []byte) error {
	var r groupRecord
	if err := spec.Unmarshal(record, &r); err != nil {
		return err
	}
	if err := r.Options.Check(); err != nil {
		return err
	}
	by := owned{job: n.endedJob(actorRecord{Job: id.Job(), Namespace: r.Options.Namespace}, nil), namespace: r.Options.Namespace,
		bytes: groupCost(&r.Options), actor: r.Actor, lasts: true, kept: true}
	by.job.stats.groupsKept.Add(1)
	if err := by.job.memory.Reserve(by.bytes); err != nil {
		return err
	}
	return n.groups.create(id, &r.Options, by)
}

// endGroupsOf removes the groups of actors that were not made again.
func (n *Node) endGroupsOf(gone func(spec.ActorID) bool) {
	n.groups.mu.Lock()
	var actors []spec.ActorID
	for _, o := range n.groups.owned {
		if o.actor != (spec.ActorID{}) && gone(o.actor) {
			actors = append(actors, o.actor)
		}
	}
	n.groups.mu.Unlock()
	for _, id := range actors {
		n.groups.actorEnded(id)
	}
}

// groupCost is what a job has to have room for.
func groupCost(opts *spec.GroupOptions) int64 {
	bytes := int64(groupBytes)
	for _, b := range opts.Bundles {
		bytes += groupBytes + formBytes(b.Resources.Custom) + placementBytes(&spec.Placement{Labels: b.Select})
	}
	return bytes
}
