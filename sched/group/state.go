package group

import (
	"slices"
	"time"

	"github.com/raywasm/raywasm/sched/group/packing"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// State is where a group is in its life. The names are Ray's.
//
//	PENDING ──prepared──► PREPARED ──committed──► CREATED ──node died──► RESCHEDULING ──committed──► CREATED
//	   ▲                     │
//	   └──── node died ──────┘               any state ──removed──► REMOVED
type State uint8

const (
	// Pending: it has no place yet.
	Pending State = iota
	// AllPrepared: every bundle is reserved, and is being opened. Ray's PREPARED.
	AllPrepared
	// Created: every bundle can be used.
	Created
	// Rescheduling: it was created, and some bundles lost their node.
	Rescheduling
	// Removed: it is over.
	Removed
)

var stateNames = [...]string{"PENDING", "PREPARED", "CREATED", "RESCHEDULING", "REMOVED"}

// String returns Ray's name.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return "UNKNOWN"
	}
	return stateNames[s]
}

// Why says why a group waits, for programs.
type Why string

const (
	// Placed: it does not wait for a place.
	Placed Why = ""
	// Resources: what it needs is held by others.
	Resources Why = "resources"
	// Infeasible: the nodes that there are could never hold it.
	Infeasible Why = "infeasible"
	// Order: what it needs is kept for groups that lost bundles.
	Order Why = "order"
)

// group is one placement group.
type group struct {
	id      spec.GroupID
	opt     spec.GroupOptions
	actor   spec.ActorID
	bundles []packing.Bundle
	on      []*part // by bundle: where it is reserved for good; nil: nowhere
	parts   []*part // all that are wanted: those and the attempt's
	attempt Attempt // the one under way, 0 if none
	open    int     // parts of it that did not answer yet
	state   State
	order   uint64 // among those that wait
	waiters []waiter

	created, since time.Time
	tries          int
	backoff        time.Duration
	dueAt          time.Time // when it is tried next; zero: it does not wait for that
	why            Why
	unmet          string // what the autoscaler said, if there is no hope
	judged         uint64 // the shape of the cluster for which feasible was found
	feasible       bool
}

// part is what is, or is to be, reserved for a group on one node by one attempt.
type part struct {
	group   *group
	attempt Attempt
	node    *node
	bundles []int              // in the order in which they are to be taken
	on      []resource.Devices // by place in bundles: the GPUs, as far as the core knows
	taken   []bool             // by place in bundles: whether it is taken from the room
	phase   phase
	sent    time.Duration // the pause after the last sending
}

// phase is how far a part is.
type phase uint8

const (
	preparing phase = iota
	prepared
	committing
	committed
)

// waiter is who wants to know that the group is created.
type waiter struct {
	id    Waiter
	until time.Time
}

func newGroup(id spec.GroupID, opt *spec.GroupOptions, actor spec.ActorID) (*group, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	g := &group{id: id, opt: *opt, actor: actor, on: make([]*part, len(opt.Bundles)), bundles: make([]packing.Bundle, len(opt.Bundles))}
	if g.opt.Strategy == "" {
		g.opt.Strategy = spec.Pack
	}
	for i, b := range opt.Bundles {
		g.bundles[i].Need = resource.Of(b.Resources)
		if len(b.Select) > 0 {
			s, err := label.Parse(b.Select)
			if err != nil {
				return nil, err
			}
			g.bundles[i].Select = s
		}
	}
	return g, nil
}

// short returns how many bundles are reserved nowhere.
func (g *group) short() int {
	n := 0
	for _, p := range g.on {
		if p == nil {
			n++
		}
	}
	return n
}

// lacking are the bundles that are reserved nowhere, and as a query; on are the nodes of the others.
func (g *group) lacking() (q packing.Query) {
	q.Strategy = g.opt.Strategy
	for i, p := range g.on {
		if p == nil {
			q.Index = append(q.Index, i)
			q.Bundles = append(q.Bundles, g.bundles[i])
		} else if !slices.Contains(q.Fixed, p.node.free) {
			q.Fixed = append(q.Fixed, p.node.free)
		}
	}
	return q
}

// answer answers all who wait for the group.
func (g *group) answer(gs *Groups, err error) {
	for _, w := range g.waiters {
		gs.do(Action{Do: Answer, Waiter: w.id, Group: g.id, Err: err})
	}
	g.waiters = nil
}

// label names the group in errors.
func (g *group) label() string { return labelOf(g.id, g.opt.Name) }

func labelOf(id spec.GroupID, called string) string {
	if called == "" {
		return "placement group " + id.String()
	}
	return "placement group " + called + "(" + id.String() + ")"
}
