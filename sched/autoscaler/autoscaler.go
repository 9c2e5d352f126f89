package autoscaler

import (
	"slices"
	"strconv"
	"time"
)

// Autoscaler is the core. One goroutine uses it at a time.
type Autoscaler struct {
	prefix    string
	launched  int // instances that were ever thought of
	instances []*Instance
	byID      map[ID]*Instance
	backoffs  map[string]*backoff // by type
	failures  []Failure           // newest last
	status    Status
}

// backoff is the pause of a type whose launches fail.
type backoff struct {
	failures int // in a row
	until    time.Time
	detail   string
}

// New returns an autoscaler that knows of nothing; it takes over what the provider lists. Instances' IDs begin with prefix,
// which no other autoscaler of this provider, earlier ones included, may have.
func New(prefix string) *Autoscaler {
	return &Autoscaler{prefix: prefix, byID: make(map[ID]*Instance), backoffs: make(map[string]*backoff)}
}

// Step is one round: what has happened, then what to do about it. The configuration must be one that [Config.Check] accepts.
//
// A round with N nodes, S distinct demands, T types and D kinds of resources costs
// O((S + N·D·log C)·D·log N) to use the nodes there are, C being the capacity of a node in the finest unit, and
// O(P·T·S·D) to think of P new ones, P ≤ maxPlanned.
func (a *Autoscaler) Step(now time.Time, in Observation) []Action {
	r := &round{Autoscaler: a, now: now, in: &in, types: in.Config.sortedTypes()}
	r.byName = make(map[string]*NodeType, len(r.types))
	for i := range r.types {
		r.byName[r.types[i].Name] = &r.types[i]
	}
	r.follow()
	r.trim()
	wishes := r.plan()
	r.launch(wishes)
	r.dismissIdle()
	r.forget()
	a.status = r.report()
	return r.actions
}

// Instances returns every instance that has not ended, in the order of their first sight.
func (a *Autoscaler) Instances() []Instance {
	all := make([]Instance, len(a.instances))
	for i, inst := range a.instances {
		all[i] = *inst
		all[i].node = nil
	}
	return all
}

// Status returns what the last round saw and decided.
func (a *Autoscaler) Status() Status { return a.status }

// round is what one Step works with.
type round struct {
	*Autoscaler
	now     time.Time
	in      *Observation
	types   []NodeType // by name
	byName  map[string]*NodeType
	actions []Action

	static []*Node // nodes that no instance stands behind
	bins   []*bin  // of the nodes that there are and that stay
	unmet  []Unmet
}

func (r *round) do(a Action) { r.actions = append(r.actions, a) }

// nextID returns an ID that was never used.
func (a *Autoscaler) nextID(typeName string) ID {
	a.launched++
	return ID(a.prefix + "-" + typeName + "-" + strconv.Itoa(a.launched))
}

// track begins to know an instance.
func (a *Autoscaler) track(inst *Instance) {
	a.instances = append(a.instances, inst)
	a.byID[inst.ID] = inst
}

// forget drops the instances that have ended.
func (r *round) forget() {
	r.instances = slices.DeleteFunc(r.instances, func(i *Instance) bool {
		if i.State != Terminated {
			return false
		}
		delete(r.byID, i.ID)
		return true
	})
}
