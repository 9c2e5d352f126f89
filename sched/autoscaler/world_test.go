package autoscaler_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// world is a cluster in simulated time: machines of a simulated cloud whose nodes join when they are up, work that is placed
// first fit on nodes and runs for a while, and the autoscaler that looks at it all every five seconds.
type world struct {
	now     time.Time
	core    *autoscaler.Autoscaler
	cloud   *simcloud.Cloud
	config  autoscaler.Config
	nodes   map[autoscaler.ID]*node
	order   []autoscaler.ID // of the nodes, as they joined
	work    []*work
	groups  []autoscaler.Group
	floor   []autoscaler.Demand
	results []autoscaler.Result
	refuse  map[autoscaler.ID]bool // nodes that refuse to go
	boot    map[string]time.Duration
	stuck   map[string]bool   // types whose machines never join
	fails   map[string]string // types whose launches fail, and with what
	trace   []string
	joined  map[autoscaler.ID]time.Time
	paid    float64 // machine-seconds

	groupRuns time.Duration // how long a group keeps its place; 0: for ever
}

const forEver = 1000 * time.Hour

type node struct {
	autoscaler.Node
	idleSince time.Time
	goes      time.Time // draining: when it leaves
}

type work struct {
	autoscaler.Demand
	runs  time.Duration // once placed; 0: for ever
	until []end
}

type end struct {
	at   time.Time
	node autoscaler.ID
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(config autoscaler.Config, opt simcloud.Options) *world {
	w := &world{now: start, core: autoscaler.New("w"), config: config, nodes: make(map[autoscaler.ID]*node),
		refuse: make(map[autoscaler.ID]bool), boot: make(map[string]time.Duration), stuck: make(map[string]bool),
		fails: make(map[string]string), joined: make(map[autoscaler.ID]time.Time)}
	opt.Now = func() time.Time { return w.now }
	opt.Types = []string{"cpu", "big", "gpu", "spot", "small", "large"}
	if opt.Boot == nil {
		opt.Boot = func(r loop.Request) (time.Duration, bool) { return w.boot[r.Type], !w.stuck[r.Type] }
	}
	if opt.Refuse == nil {
		opt.Refuse = func(verb autoscaler.Verb, id autoscaler.ID) error {
			for name, text := range w.fails {
				if verb == autoscaler.Launch && strings.Contains(string(id), "-"+name+"-") {
					return fmt.Errorf("%s", text)
				}
			}
			return nil
		}
	}
	w.cloud = simcloud.New(opt)
	return w
}

func (w *world) join(n autoscaler.Node) {
	n.Free = n.Total
	w.nodes[n.ID] = &node{Node: n, idleSince: w.now}
	w.order = append(w.order, n.ID)
	w.joined[n.ID] = w.now
}

// live lets everything happen that has become due.
func (w *world) live() {
	machines, _ := w.cloud.List(context.Background())
	types := make(map[string]autoscaler.NodeType)
	for _, t := range w.config.Types {
		types[t.Name] = t
	}
	there := make(map[autoscaler.ID]bool)
	for _, m := range machines {
		there[m.ID] = true
		if t, ok := types[m.Type]; ok && w.nodes[m.ID] == nil && w.cloud.Up(m.ID) && w.joined[m.ID].IsZero() {
			w.join(autoscaler.Node{ID: m.ID, Type: m.Type, Total: t.Resources, Labels: t.Labels})
		}
	}
	for _, id := range slices.Clone(w.order) {
		if n := w.nodes[id]; !n.Head && (!there[id] || !w.cloud.Up(id) || !n.goes.IsZero() && !w.now.Before(n.goes)) {
			w.leave(id)
		}
	}
	for _, k := range w.work {
		k.until = slices.DeleteFunc(k.until, func(e end) bool {
			if w.now.Before(e.at) {
				return false
			}
			if n := w.nodes[e.node]; n != nil {
				w.take(n, &k.Need, -1)
			}
			return true
		})
		for k.Count > 0 {
			i := slices.IndexFunc(w.order, func(id autoscaler.ID) bool { return w.nodes[id].fits(&k.Demand) })
			if i < 0 {
				break
			}
			n := w.nodes[w.order[i]]
			w.take(n, &k.Need, 1)
			k.Count--
			k.until = append(k.until, end{w.now.Add(cmp.Or(k.runs, forEver)), n.ID})
		}
	}
	w.groups = slices.DeleteFunc(w.groups, w.reserve)
}

func (w *world) leave(id autoscaler.ID) {
	delete(w.nodes, id)
	w.order = slices.DeleteFunc(w.order, func(o autoscaler.ID) bool { return o == id })
	for _, k := range w.work { // what ran there is to be run again
		k.until = slices.DeleteFunc(k.until, func(e end) bool {
			if e.node == id {
				k.Count++
			}
			return e.node == id
		})
	}
}

func (n *node) fits(d *autoscaler.Demand) bool {
	f, r := &n.Free, &d.Need
	if n.Draining || r.CPU > f.CPU || r.GPU > f.GPU || r.Memory > f.Memory || !d.Select.Matches(n.Labels) {
		return false
	}
	for name, q := range r.Custom {
		if q > f.Custom[name] {
			return false
		}
	}
	return true
}

func (w *world) take(n *node, r *spec.Resources, k int) {
	n.Free.CPU -= spec.Quantity(k) * r.CPU
	n.Free.GPU -= spec.Quantity(k) * r.GPU
	n.Free.Memory -= int64(k) * r.Memory
	if len(r.Custom) > 0 {
		n.Free.Custom = maps.Clone(n.Free.Custom)
		for name, q := range r.Custom {
			n.Free.Custom[name] -= spec.Quantity(k) * q
		}
	}
	n.Tasks += k
	n.idleSince = w.now
}

// reserve places a group if all of its bundles have room.
func (w *world) reserve(g autoscaler.Group) bool {
	used := make(map[*node]bool)
	var first *node
	type piece struct {
		n *node
		d *autoscaler.Demand
	}
	var done []piece
	for i := range g.Bundles {
		for range g.Bundles[i].Count {
			j := slices.IndexFunc(w.order, func(id autoscaler.ID) bool {
				n := w.nodes[id]
				return n.fits(&g.Bundles[i]) && (g.Strategy != spec.StrictSpread || !used[n]) &&
					(g.Strategy != spec.StrictPack || first == nil || n == first)
			})
			if j < 0 {
				for _, p := range done {
					w.take(p.n, &p.d.Need, -1)
				}
				return false
			}
			n := w.nodes[w.order[j]]
			first, used[n] = n, true
			w.take(n, &g.Bundles[i].Need, 1)
			done = append(done, piece{n, &g.Bundles[i]})
		}
	}
	for _, p := range done { // from here on it is work like any other
		k := &work{Demand: *p.d, runs: w.groupRuns}
		k.Count = 0
		k.until = []end{{w.now.Add(cmp.Or(k.runs, forEver)), p.n.ID}}
		w.work = append(w.work, k)
	}
	return true
}

func (w *world) observe() autoscaler.Observation {
	machines, _ := w.cloud.List(context.Background())
	in := autoscaler.Observation{Config: w.config, Machines: machines, Groups: w.groups, Floor: w.floor, Results: w.results}
	w.results = nil
	for _, id := range w.order {
		n := w.nodes[id]
		if n.IdleFor = 0; n.Tasks+n.Actors+n.Objects+n.Spilled == 0 {
			n.IdleFor = w.now.Sub(n.idleSince)
		} else {
			n.idleSince = w.now
		}
		in.Nodes = append(in.Nodes, n.Node)
	}
	for _, k := range w.work {
		if k.Count > 0 {
			in.Demands = append(in.Demands, k.Demand)
		}
	}
	return in
}

// round lets the world live and the autoscaler act once.
func (w *world) round() []autoscaler.Action {
	w.live()
	before := make(map[autoscaler.ID]autoscaler.State)
	for _, i := range w.core.Instances() {
		before[i.ID] = i.State
	}
	actions := w.core.Step(w.now, w.observe())
	for _, i := range w.core.Instances() {
		if was := before[i.ID]; was != i.State {
			line := i.State.String()
			if was != 0 {
				line = was.String() + " -> " + line
			}
			w.say("%s %s%s", i.ID, line, detail(i))
		}
		delete(before, i.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		w.say("%s %s -> TERMINATED", id, before[id])
	}
	for _, a := range actions {
		w.perform(a)
	}
	return actions
}

func detail(i autoscaler.Instance) string {
	text := cmp.Or(string(i.Reason), i.Detail)
	if i.Reason != "" && i.Detail != "" {
		text += ": " + i.Detail
	}
	if text != "" {
		text = " (" + text + ")"
	}
	return text
}

func (w *world) perform(a autoscaler.Action) {
	var err error
	switch a.Verb {
	case autoscaler.Launch:
		err = w.cloud.Launch(context.Background(), loop.Request{ID: a.ID, Type: a.Type, Digest: a.Digest})
	case autoscaler.Terminate:
		err = w.cloud.Terminate(context.Background(), a.ID)
	case autoscaler.Drain:
		switch n := w.nodes[a.ID]; {
		case n == nil:
			err = fmt.Errorf("no such node")
		case a.MayRefuse() && (n.Tasks+n.Actors+n.Objects+n.Spilled > 0 || w.refuse[a.ID]):
			err = fmt.Errorf("work has come")
		default:
			n.Draining = true
			n.goes = w.now.Add(time.Second)
			if n.Tasks > 0 {
				n.goes = a.Deadline.Add(time.Minute) // it does not finish in time
			}
		}
	}
	res := autoscaler.Result{Verb: a.Verb, ID: a.ID}
	if err != nil {
		res.Err = err.Error()
	}
	w.results = append(w.results, res)
}

func (w *world) say(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%7s  ", w.now.Sub(start))+fmt.Sprintf(format, args...))
}

// run makes rounds for d.
func (w *world) run(d time.Duration, each func([]autoscaler.Action)) {
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(loop.Period) {
		actions := w.round()
		machines, _ := w.cloud.List(context.Background())
		w.paid += float64(len(machines)) * loop.Period.Seconds()
		if each != nil {
			each(actions)
		}
	}
}

// labels makes a set of key, value, key, value, ...
func labels(pairs ...string) label.Set {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	s, err := label.NewSet(m)
	if err != nil {
		panic(err)
	}
	return s
}

func selector(key, condition string) label.Selector {
	s, err := label.Parse(map[string]string{key: condition})
	if err != nil {
		panic(err)
	}
	return s
}
