package autoscaler

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// Why says why a demand is not met by a node that is there or on its way.
type Why string

const (
	// WhyInfeasible: no node and no type can ever take it. Somebody has to change the cluster or the demand.
	WhyInfeasible Why = "infeasible"
	// WhyMaxWorkers: the types that could take it are at max_workers.
	WhyMaxWorkers Why = "max_workers"
	// WhyBackoff: launches of the types that could take it have failed, and pause.
	WhyBackoff Why = "backoff"
	// WhyBusy: only nodes that are there already can take it, and they are busy.
	WhyBusy Why = "busy"
	// WhyLater: this round looked at others first.
	WhyLater Why = "later"
	// WhyLimit: a limit of the autoscaler is reached.
	WhyLimit Why = "limit"
)

var limitText = "at most " + strconv.Itoa(MaxShapes) + " different demands with " + strconv.Itoa(maxDimensions) +
	" kinds of resources between them are looked at: use fewer names"

// Unmet is demand that nothing is done about, and why.
type Unmet struct {
	Need    spec.Resources `json:"-"`
	Shape   string         `json:"shape,omitempty"` // the need and its labels, as text
	Group   string         `json:"group,omitempty"` // of a placement group: its name
	Count   int            `json:"count"`
	Why     Why            `json:"why"`
	Nearest string         `json:"nearest,omitempty"` // WhyInfeasible: the type that comes nearest
	Lacks   string         `json:"lacks,omitempty"`   // WhyInfeasible: what it lacks
	Text    string         `json:"text"`              // for people
}

// explainer finds out why demand is left.
type explainer struct {
	*round
	*packing
	total *bins // the standing nodes, empty
}

// shape explains what is left of s. It says false if s only waits for nodes that are wished for already.
func (e *explainer) shape(s *shape) (Unmet, bool) {
	u := Unmet{Need: s.of.Need, Shape: s.describe(), Count: s.count}
	var full, paused []string
	for _, k := range e.kinds {
		switch {
		case !e.suits(s.need, s.sel, k):
		case k.backoff != "" && k.room > 0:
			paused = append(paused, k.backoff)
		case k.room <= 0:
			full = append(full, k.Name)
		case e.packing.room <= 0:
			full = append(full, "the cluster")
		default:
			return u, false
		}
	}
	full = slices.Compact(full)
	switch {
	case len(paused) > 0:
		u.Why, u.Text = WhyBackoff, strings.Join(paused, "; ")
	case len(full) > 0 && len(e.new) >= maxPlanned:
		u.Why, u.Text = WhyLater, strconv.Itoa(maxPlanned)+" new nodes are planned first"
	case len(full) > 0:
		u.Why, u.Text = WhyMaxWorkers, strings.Join(full, ", ")+" may have no more nodes: raise max_workers, or wait"
	case e.total.first(s.need, 0, selects(s.sel)) >= 0:
		u.Why, u.Text = WhyBusy, "only nodes that are there can take it, and they are busy"
	default:
		u.Why = WhyInfeasible
		u.Nearest, u.Lacks = e.nearest(s)
		u.Text = "there are no node types: add one to available_node_types"
		if u.Nearest != "" {
			u.Text = "no node type can take it; " + u.Nearest + " comes nearest and lacks " + u.Lacks + ": add a type that has it, or ask for less"
		}
	}
	return u, true
}

// gang explains why a group has no place: by the bundle that has none even alone, or by what only all together lack.
func (e *explainer) gang(g *gang) Unmet {
	u := Unmet{Group: g.of.Name, Count: 1, Shape: describeGroup(&g.of)}
	for _, s := range g.bundles {
		alone := e.total.first(s.need, 0, selects(s.sel)) >= 0 || slices.ContainsFunc(e.kinds, func(k *kind) bool { return e.suits(s.need, s.sel, k) })
		if alone {
			continue
		}
		one := *s
		one.count = 1
		u.Why, u.Need = WhyInfeasible, s.of.Need
		u.Nearest, u.Lacks = e.nearest(&one)
		what := "a bundle of " + s.describe()
		if g.of.Strategy == spec.StrictPack {
			what = "STRICT_PACK needs " + s.describe() + " on one node, and it"
		}
		u.Text = what + " fits no node type"
		if u.Nearest != "" {
			u.Text += "; " + u.Nearest + " comes nearest and lacks " + u.Lacks
		}
		return u
	}
	for _, k := range e.kinds {
		if k.backoff != "" {
			u.Why, u.Text = WhyBackoff, k.backoff
			return u
		}
	}
	u.Why, u.Text = WhyMaxWorkers, "its bundles fit one by one, but not together with the nodes that max_workers allows: raise it, or wait"
	if g.of.Strategy == spec.StrictSpread {
		bundles := 0
		for _, s := range g.bundles {
			bundles += s.count
		}
		u.Text = "STRICT_SPREAD needs " + plural(bundles, "node", "nodes") + " of its own, more than have room or max_workers allows: raise it, or wait"
	}
	return u
}

// nearest returns the type that lacks the fewest resources for s, then the smallest part of them, and what it lacks.
func (e *explainer) nearest(s *shape) (name, lacks string) {
	bestMissing, bestPart := 0, 0.0
	for _, k := range e.kinds {
		var lack spec.Resources
		missing, part := 0, 0.0
		for _, a := range s.need {
			if d := a.n - k.total[a.dim]; d > 0 {
				missing++
				part += float64(d) / float64(a.n)
				switch a.dim {
				case dimCPU:
					lack.CPU = spec.Quantity(d)
				case dimGPU:
					lack.GPU = spec.Quantity(d)
				case dimMemory:
					lack.Memory = d
				default:
					lack = plus(lack, spec.Resources{Custom: map[string]spec.Quantity{e.dims.names[a.dim]: spec.Quantity(d)}}, 1)
				}
			}
		}
		text := ""
		if missing > 0 {
			text = lack.String()
		}
		if !s.sel.matches(k.Labels) {
			missing++
			part++
			text = strings.TrimPrefix(text+" and labels with "+s.sel.String(), " and ")
		}
		if name == "" || cmp.Or(cmp.Compare(missing, bestMissing), cmp.Compare(part, bestPart)) < 0 {
			name, lacks, bestMissing, bestPart = k.Name, text, missing, part
		}
	}
	return name, lacks
}

// describe prints what is needed as Ray's status does, with the labels that are asked for.
func describe(need *spec.Resources, sel selectors) string {
	text := pythonDict(need)
	if sel != nil {
		text += " with " + sel.String()
	}
	return text
}

func (s *shape) describe() string { return describe(&s.of.Need, s.sel) }

// describeGroup prints a group as Ray's status does: {'CPU': 1.0} * 2, {'GPU': 1.0} * 1 (STRICT_SPREAD).
func describeGroup(g *Group) string {
	var parts []string
	var order []Demand
	counts := make(map[string]int)
	for _, b := range g.Bundles {
		key := keyOf(&b)
		if counts[key] == 0 {
			order = append(order, b)
		}
		counts[key] += b.Count
	}
	for _, b := range order {
		parts = append(parts, describe(&b.Need, only(b.Select))+" * "+strconv.Itoa(counts[keyOf(&b)]))
	}
	return strings.Join(parts, ", ") + " (" + string(g.Strategy) + ")"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
