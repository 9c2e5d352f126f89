package sim

import (
	"math/rand/v2"
	"time"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// Program is all that is to happen. Things have numbers of their own, so that taking some away leaves the others what they
// were; what refers to something that is not there does without.
type Program struct {
	Seed   uint64 // of what the network and the guests do
	Net    Net
	Nodes  []Node
	Tasks  []Task
	Groups []Group
	Actors []Actor
	Faults []Fault
}

// Net says how messages travel, until the last fault's end.
type Net struct {
	Delay, Jitter time.Duration // a message takes Delay and up to Jitter more
	Loss, Double  float64       // probabilities
}

// Node is a place for work.
type Node struct {
	ID     int
	Type   string
	Total  spec.Resources
	Labels label.Set
}

// Task is one call of a function, as a model.
type Task struct {
	ID       int
	At       time.Duration // when it is submitted; for a child, not before its parent runs
	Parent   int           // the task that submits it and waits for it; 0 for the driver
	Need     spec.Resources
	Select   label.Selector
	Duration time.Duration
	Retries  int32   // max_retries
	Crash    float64 // the probability that an attempt crashes
	Fail     float64 // and that it returns an error
	Group    int     // in which it runs; 0 for none
	Bundle   int     // of the group; -1 for any
	Class    string  // for reports
}

// Group is a placement group.
type Group struct {
	ID      int
	At, End time.Duration // when it is created and removed
	Options spec.GroupOptions
}

// Actor is an actor and the calls that the driver makes.
type Actor struct {
	ID       int
	At       time.Duration
	Need     spec.Resources // to be placed; CPU is given back once it is, as Ray does
	Calls    int
	Every    time.Duration // between two calls
	Duration time.Duration // of a call
	Restarts int32         // max_restarts
	Retries  int32         // max_task_retries
	Crash    float64       // the probability that a call crashes it
}

// FaultKind says what goes wrong.
type FaultKind string

// The faults. Each ends at its End.
const (
	// Dead: the node loses everything; at the end another one with the same resources is there.
	Dead FaultKind = "dead"
	// Slow: everything on the node takes eight times as long.
	Slow FaultKind = "slow"
	// Mute: nothing that the node sends arrives.
	Mute FaultKind = "mute"
	// Deaf: nothing that is sent to the node arrives.
	Deaf FaultKind = "deaf"
)

// Fault is one thing that goes wrong.
type Fault struct {
	Kind    FaultKind
	Node    int
	At, End time.Duration
}

// Generate draws a small cluster with everything that can happen to it.
func Generate(seed uint64) *Program {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &Program{Seed: seed, Net: Net{Delay: time.Millisecond, Jitter: time.Duration(r.IntN(50)) * time.Millisecond}}
	if r.IntN(3) > 0 {
		p.Net.Loss, p.Net.Double = r.Float64()*0.2, r.Float64()*0.2
	}
	moment := func(most time.Duration) time.Duration { return time.Duration(r.Int64N(int64(most))) }
	for i := range 2 + r.IntN(5) {
		p.Nodes = append(p.Nodes, Node{ID: i + 1, Type: "node", Total: spec.Resources{CPU: spec.Quantity(2+r.IntN(4)) * spec.Unit, Memory: 8 << 30}})
	}
	for i := range r.IntN(6) {
		g := Group{ID: i + 1, At: moment(20 * time.Second), End: 40*time.Second + moment(40*time.Second)}
		g.Options.Strategy = []spec.Strategy{spec.Pack, spec.StrictPack, spec.Spread, spec.StrictSpread}[r.IntN(4)]
		for range 1 + r.IntN(3) {
			g.Options.Bundles = append(g.Options.Bundles, spec.Bundle{Resources: spec.Resources{CPU: spec.Quantity(1+r.IntN(2)) * spec.Unit}})
		}
		p.Groups = append(p.Groups, g)
	}
	for i := range 10 + r.IntN(60) {
		t := Task{ID: i + 1, At: moment(40 * time.Second), Need: spec.Resources{CPU: spec.Quantity(1+r.IntN(4)) * spec.Unit / 2},
			Duration: moment(5 * time.Second), Retries: int32(r.IntN(5)) - 1, Bundle: -1}
		if r.IntN(4) == 0 {
			t.Crash = r.Float64() / 2
		}
		if r.IntN(4) == 0 {
			t.Fail = r.Float64() / 2
		}
		switch {
		case i > 0 && r.IntN(3) == 0:
			t.Parent = 1 + r.IntN(i)
		case len(p.Groups) > 0 && r.IntN(3) == 0:
			g := p.Groups[r.IntN(len(p.Groups))]
			t.Group, t.Need.CPU = g.ID, spec.Unit
			if r.IntN(2) == 0 {
				t.Bundle = r.IntN(len(g.Options.Bundles))
			}
		}
		p.Tasks = append(p.Tasks, t)
	}
	for i := range r.IntN(4) {
		p.Actors = append(p.Actors, Actor{ID: i + 1, At: moment(20 * time.Second), Need: spec.Resources{CPU: spec.Unit, Memory: 1 << 30}, Calls: r.IntN(20),
			Every: moment(2 * time.Second), Duration: moment(time.Second), Restarts: int32(r.IntN(4)) - 1, Retries: int32(r.IntN(3)) - 1, Crash: r.Float64() / 8})
	}
	for range r.IntN(8) {
		f := Fault{Kind: []FaultKind{Dead, Slow, Mute, Deaf}[r.IntN(4)], Node: 1 + r.IntN(len(p.Nodes)), At: moment(60 * time.Second)}
		f.End = f.At + time.Second + moment(20*time.Second)
		p.Faults = append(p.Faults, f)
	}
	return p
}

// quiet returns when the last fault has ended.
func (p *Program) quiet() time.Duration {
	end := time.Duration(0)
	for _, f := range p.Faults {
		end = max(end, f.End)
	}
	for _, t := range p.Tasks {
		end = max(end, t.At)
	}
	for _, g := range p.Groups {
		end = max(end, g.End)
	}
	return end
}
