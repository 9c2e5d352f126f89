package sim

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Elastic says how a cluster grows and shrinks: a real autoscaler with a simulated cloud.
type Elastic struct {
	Config autoscaler.Config
	Head   string             // the type of the node that is always there
	Boot   time.Duration      // from a launch to the node's joining
	Deaths map[string]float64 // by type: how often a node of it dies, in an hour
}

// scaler is the autoscaler's shell: it shows the core the world every round, and does what it says.
type scaler struct {
	w       *World
	of      *Elastic
	core    *autoscaler.Autoscaler
	cloud   *simcloud.Cloud
	results []autoscaler.Result
	places  map[autoscaler.ID]*place
	order   []autoscaler.ID
	rng     *rand.Rand
}

func newScaler(w *World, of *Elastic) *scaler {
	s := &scaler{w: w, of: of, core: autoscaler.New("sim"), places: make(map[autoscaler.ID]*place), rng: rand.New(rand.NewPCG(w.prog.Seed, 5))}
	var types []string
	for _, t := range of.Config.Types {
		types = append(types, t.Name)
	}
	s.cloud = simcloud.New(simcloud.Options{Now: func() time.Time { return epoch.Add(w.now) }, Types: types,
		Boot: func(loop.Request) (time.Duration, bool) { return of.Boot, true }})
	return s
}

// start boots the head and begins the rounds.
func (s *scaler) start() {
	for _, t := range s.of.Config.Types {
		if t.Name == s.of.Head {
			s.join("head", t)
		}
	}
	s.round()
}

// join boots a node of a type.
func (s *scaler) join(id autoscaler.ID, t autoscaler.NodeType) {
	p := s.w.addPlace(&Node{ID: len(s.w.places), Type: t.Name, Total: t.Resources, Labels: t.Labels})
	s.places[id] = p
	s.order = append(s.order, id)
	if rate := s.of.Deaths[t.Name]; rate > 0 && id != "head" {
		hours := -math.Log(1-s.rng.Float64()) / rate
		if life := time.Duration(min(hours, 1e5) * float64(time.Hour)); life > 0 {
			s.w.after(life, func() {
				if p.m != nil {
					s.cloud.Preempt(id)
					p.die()
				}
			})
		}
	}
}

// round lets machines join and go, and then the core act.
func (s *scaler) round() {
	machines, _ := s.cloud.List(context.Background()) // never fails without faults
	there := make(map[autoscaler.ID]bool, len(machines))
	for _, m := range machines {
		there[m.ID] = true
		i := slices.IndexFunc(s.of.Config.Types, func(t autoscaler.NodeType) bool { return t.Name == m.Type })
		if s.places[m.ID] == nil && s.cloud.Up(m.ID) {
			s.join(m.ID, s.of.Config.Types[i])
		}
	}
	for _, id := range s.order {
		if p := s.places[id]; p.m != nil && id != "head" && (!there[id] || !s.cloud.Up(id)) {
			p.die()
		}
	}
	in := autoscaler.Observation{Config: s.of.Config, Machines: machines, Nodes: s.nodes(), Results: s.results}
	in.Demands, in.Groups = s.w.owner.demand(), s.groups()
	s.results = nil
	for _, a := range s.core.Step(epoch.Add(s.w.now), in) {
		s.do(a)
	}
	if s.w.opt.ObserveRound != nil {
		s.w.opt.ObserveRound(s.w.now, s.core.Status())
	}
	s.w.after(loop.Period, s.round)
}

func (s *scaler) do(a autoscaler.Action) {
	var err error
	ctx := context.Background()
	switch a.Verb {
	case autoscaler.Launch:
		err = s.cloud.Launch(ctx, loop.Request{ID: a.ID, Type: a.Type, Digest: a.Digest})
	case autoscaler.Terminate:
		err = s.cloud.Terminate(ctx, a.ID)
	case autoscaler.Drain:
		p := s.places[a.ID]
		if p == nil || p.m == nil {
			err = spec.Errorf("drain", spec.NotFound, string(a.ID), "there is no such node")
		} else if k := s.w.head.member[p.m.id]; a.MayRefuse() && (!p.m.idle() || k == nil || !s.w.owner.empty(p.m)) {
			err = spec.Errorf("drain", spec.Unsupported, string(a.ID), "work has come")
		} else {
			s.w.head.leave(k)
			p.die()
		}
	}
	r := autoscaler.Result{Verb: a.Verb, ID: a.ID}
	if err != nil {
		r.Err = err.Error()
	}
	s.results = append(s.results, r)
}

// nodes reports what has joined and is not known to be dead.
func (s *scaler) nodes() []autoscaler.Node {
	var all []autoscaler.Node
	for _, id := range s.order {
		p := s.places[id]
		if p.m == nil {
			continue
		}
		n := autoscaler.Node{ID: id, Type: p.node.Type, Head: id == "head", Total: p.node.Total, Free: p.m.leases.core.Free().Spec(), Labels: p.node.Labels}
		n.Reserved, n.ReservedUsed = p.m.reserved()
		if p.m.idle() && s.w.owner.empty(p.m) {
			n.IdleFor = s.w.now - p.m.idleSince
		} else {
			n.Tasks = 1
			p.m.idleSince = s.w.now
		}
		all = append(all, n)
	}
	return all
}

// groups are those that wait for a place, oldest first.
func (s *scaler) groups() []autoscaler.Group {
	var all []autoscaler.Group
	for _, g := range s.w.head.asked {
		row, ok := s.w.head.groups.Row(groupID(g.ID))
		if !ok || row.State != group.Pending || row.Why == group.Placed {
			continue
		}
		w := autoscaler.Group{Name: strconv.Itoa(g.ID), Strategy: row.Strategy}
		for _, b := range row.Bundles {
			w.Bundles = append(w.Bundles, autoscaler.Demand{Need: b.Need, Count: 1})
		}
		all = append(all, w)
	}
	return all
}

// reserved returns what bundles hold of the machine, and what of that is used.
func (m *machine) reserved() (all, used spec.Resources) {
	var sum, in resource.Vector
	for _, r := range m.holder.Held() {
		for _, p := range r.Pieces {
			sum = sum.Plus(p.Need)
			if b := m.bundles[bundleKey{r.Attempt, p.Bundle}]; b != nil {
				in = in.Plus(b.core.Total()).Minus(b.core.Free())
			}
		}
	}
	return sum.Spec(), in.Spec()
}

// idle reports whether nothing runs and nothing is reserved on the machine.
func (m *machine) idle() bool { return len(m.runs) == 0 && len(m.holder.Held()) == 0 }

// empty reports whether the owner has sent nothing to a machine.
func (o *home) empty(m *machine) bool {
	v := o.views[m.id]
	return v == nil || len(v.inflight) == 0 && len(v.actors) == 0
}

// demand is what waits for room.
func (o *home) demand() []autoscaler.Demand {
	var all []autoscaler.Demand
	for _, l := range o.lanes {
		if len(l.queue) > 0 {
			all = append(all, autoscaler.Demand{Need: l.queue[0].t.Need, Select: l.sel, Count: len(l.queue)})
		}
		for _, k := range l.actors {
			all = append(all, autoscaler.Demand{Need: k.a.Need, Count: 1})
		}
	}
	return all
}

// leave takes a node that goes of its own accord out of use, at once.
func (h *head) leave(k *member) {
	k.alive, k.left = false, true
	h.step(group.Event{Op: group.NodeDown, Node: k.m.id})
	h.w.owner.nodeDown(k.m)
}
