package group

import (
	"cmp"
	"slices"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Row is a group as listings show it.
type Row struct {
	ID        spec.GroupID
	Name      string
	Namespace string
	Job       spec.JobID
	Detached  bool
	Strategy  spec.Strategy
	State     State
	Bundles   []RowBundle
	Created   time.Time
	Since     time.Time // when it came to this state
	Tries     int       // to find a place
	Why       Why       // it waits
	Text      string    // the same for people: "bundle 1 needs {GPU: 4}; …"
}

// RowBundle is one bundle of a row.
type RowBundle struct {
	Need   spec.Resources
	Select string
	Node   spec.NodeID
	Placed bool
}

// Row returns the row of a group, false if there is no such group.
func (gs *Groups) Row(id spec.GroupID) (Row, bool) {
	g := gs.byID[id]
	if g == nil {
		return Row{}, false
	}
	r := Row{
		ID: g.id, Name: g.opt.Name, Namespace: g.opt.Namespace, Job: g.id.Job(), Detached: g.opt.Lifetime == spec.LifetimeDetached,
		Strategy: g.opt.Strategy, State: g.state, Bundles: make([]RowBundle, len(g.bundles)), Created: g.created, Since: g.since, Tries: g.tries,
	}
	for i, b := range g.bundles {
		r.Bundles[i] = RowBundle{Need: g.opt.Bundles[i].Resources, Select: b.Select.String()}
		if p := g.on[i]; p != nil {
			r.Bundles[i].Node, r.Bundles[i].Placed = p.node.id, true
		}
	}
	if g.state != Removed && g.short() > 0 {
		r.Why, r.Text = g.why, gs.explain(g)
	}
	return r, true
}

// Rows returns the rows of at most limit groups, those that were created last first; removed ones are among them for a while.
func (gs *Groups) Rows(limit int) []Row {
	all := make([]*group, 0, len(gs.byID))
	for _, g := range gs.byID {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(b.created.Compare(a.created), slices.Compare(a.id[:], b.id[:]))
	})
	rows := make([]Row, 0, min(limit, len(all)))
	for _, g := range all[:min(limit, len(all))] {
		r, _ := gs.Row(g.id)
		rows = append(rows, r)
	}
	return rows
}

// Waiting returns the rows of at most limit groups that wait for a place, in the order in which they are given one.
func (gs *Groups) Waiting(limit int) []Row {
	var rows []Row
	for _, g := range gs.waiting {
		if len(rows) == limit {
			break
		}
		if r, _ := gs.Row(g.id); r.Why != Placed {
			rows = append(rows, r)
		}
	}
	return rows
}
