package autoscaler

import (
	"time"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// Observation is what one round begins with: the whole world as it is now, and what came of earlier actions. Whoever makes
// it takes the results first and the list of machines after them, and leaves the round out if a part cannot be had: half
// a view would look like half a cluster.
type Observation struct {
	Config   Config
	Machines []Machine // everything the provider has
	Nodes    []Node    // everything that has joined the cluster, the head and nodes of other origin included
	Demands  []Demand  // queued tasks and actors
	Groups   []Group   // pending placement groups, oldest first
	Floor    []Demand  // the last request_resources: the cluster is never smaller than it needs. Each call replaces the one before
	Results  []Result  // of earlier actions, since the last round
}

// Machine is what the provider has.
type Machine struct {
	ID         ID
	Type       string // of the request
	Digest     string // of the request
	Installing bool   // it is up and being set up
}

// Node is what a node of the cluster reports.
type Node struct {
	ID       ID // of the machine it runs on; of its own choosing if no provider launched it
	Type     string
	Head     bool
	Draining bool // it takes no more work
	Total    spec.Resources
	Free     spec.Resources
	Labels   label.Set

	Reserved     spec.Resources // by placement groups; not in Free
	ReservedUsed spec.Resources // of these, used by tasks and actors

	// What keeps it busy. A node is idle when it has none of these.
	Tasks, Actors, Objects, Spilled int
	// IdleFor is how long it has had none of them, 0 while it has.
	IdleFor time.Duration
}

// idle reports whether the node does nothing and keeps nothing that somebody may want.
func (n *Node) idle() bool { return n.Tasks == 0 && n.Actors == 0 && n.Objects == 0 && n.Spilled == 0 }

// Demand is a number of equal tasks or actors that wait for a place.
type Demand struct {
	Need   spec.Resources
	Select label.Selector // which nodes will do
	Count  int
}

// Group is a placement group that waits for its place. It gets all of its bundles or none.
type Group struct {
	Name     string
	Strategy spec.Strategy
	Bundles  []Demand
}

// Verb is what the autoscaler wants done.
type Verb string

const (
	// Launch asks the provider for a machine.
	Launch Verb = "launch"
	// Drain asks a node to take no more work, finish, and leave.
	Drain Verb = "drain"
	// Terminate asks the provider to end a machine.
	Terminate Verb = "terminate"
)

// Action is one thing to do. To do it twice is as good as once.
type Action struct {
	Verb     Verb
	ID       ID
	Type     string    // Launch
	Digest   string    // Launch
	Reason   Reason    // Drain, Terminate
	Deadline time.Time // Drain: when the machine will be ended
}

// MayRefuse reports whether a node that is asked to drain can say no, because work has come meanwhile.
func (a Action) MayRefuse() bool { return a.Verb == Drain && a.Reason == ReasonIdle }

// Result is what came of an action. No error: a launch was taken and its machine is listed, a node drains, a machine has
// been ended.
type Result struct {
	Verb Verb
	ID   ID
	Err  string // "" or what went wrong, for people
}
