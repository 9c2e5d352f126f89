package packing

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// MaxSteps bounds the search for one group: so many times a bundle is tried on a node, some milliseconds in all.
const MaxSteps = 20_000

// Query asks for nodes for bundles.
type Query struct {
	Strategy spec.Strategy
	Bundles  []Bundle
	Index    []int   // of each bundle in its group, for explanations; nil: its place
	Fixed    []*Node // where other bundles of the group lie already
}

// Placement is an answer.
type Placement struct {
	On    []*Node // by bundle
	Order []int   // taken in this order, each bundle gets its GPUs
}

// Place finds a node for every bundle; false if there is none, or if none was found within MaxSteps.
func (r *Room) Place(q Query) (Placement, bool) {
	r.searches++
	r.steps = MaxSteps
	s := search{Room: r, Query: q}
	s.sum()
	if !s.total.Within(r.free) {
		return Placement{}, false
	}
	if len(q.Bundles) == 1 && len(q.Fixed) == 0 { // the usual case needs no plan
		return s.single()
	}
	var ok bool
	switch q.Strategy {
	case spec.StrictPack:
		ok = s.together()
	case spec.StrictSpread:
		ok = s.match() == len(q.Bundles)
	case spec.Spread:
		ok = s.match() == len(q.Bundles) || s.rest() || s.exhaust()
	default:
		ok = s.together() || s.firstFit() || s.exhaust()
	}
	if !ok {
		return Placement{}, false
	}
	return s.answer()
}

// search is one query under way.
type search struct {
	*Room
	Query
	total resource.Vector
	hard  []int   // bundles, hardest first
	on    []*Node // by bundle; nil: not placed yet
	used  []*Node // with bundles on them, in the order they got the first
}

func (s *search) sum() {
	s.total = s.Bundles[0].Need
	for i := 1; i < len(s.Bundles); i++ {
		s.total = s.total.Plus(s.Bundles[i].Need)
	}
}

func (s *search) single() (Placement, bool) {
	b := &s.Bundles[0]
	from, spread := 0, s.Strategy == spec.Spread || s.Strategy == spec.StrictSpread
	if spread {
		from = s.turn
	}
	for n := range s.fitting(b.Need, from) {
		if b.Select.Matches(n.Labels) {
			if spread {
				s.turn = n.at + 1
			}
			return Placement{On: []*Node{n}, Order: []int{0}}, true
		}
	}
	return Placement{}, false
}

// begin orders the bundles.
func (s *search) begin() {
	if s.on != nil {
		return
	}
	s.on = make([]*Node, len(s.Bundles))
	share := make([]float64, len(s.Bundles))
	s.hard = make([]int, len(s.Bundles))
	for i := range s.Bundles {
		s.hard[i] = i
		share[i] = s.Bundles[i].Need.Share(s.free)
	}
	slices.SortStableFunc(s.hard, func(a, b int) int {
		x, y := &s.Bundles[a], &s.Bundles[b]
		if c := cmp.Compare(y.Need.GPU, x.Need.GPU); c != 0 { // what needs the rarest goes first
			return c
		}
		return cmp.Compare(share[b], share[a])
	})
}

// restart forgets what was tried.
func (s *search) restart() {
	clear(s.on)
	s.used = s.used[:0]
	s.searches++
}

// loaded gives the bundles that this search laid on n.
func (s *search) loaded(n *Node) []int {
	if n.search != s.searches {
		n.search, n.load, n.sum = s.searches, n.load[:0], resource.Vector{}
	}
	return n.load
}

// lay puts a bundle on a node if it fits beside those that lie there.
func (s *search) lay(i int, n *Node) bool {
	b := &s.Bundles[i]
	if !b.Select.Matches(n.Labels) {
		return false
	}
	load := s.loaded(n)
	sum := n.sum.Plus(b.Need)
	if !sum.Within(n.pool.Free()) {
		return false
	}
	if len(load) == 0 {
		if !n.pool.Fits(b.Need) {
			return false
		}
	} else if sum.GPU > 0 {
		if _, ok := s.deal(n, append(slices.Clone(load), i)); !ok {
			return false
		}
	}
	if len(load) == 0 {
		s.used = append(s.used, n)
	}
	n.load, n.sum = append(n.load, i), sum
	s.on[i] = n
	return true
}

// lift takes back the bundle that was laid on its node last.
func (s *search) lift(i int) {
	n := s.on[i]
	n.load = n.load[:len(n.load)-1]
	n.sum = n.sum.Minus(s.Bundles[i].Need)
	if len(n.load) == 0 {
		s.used = s.used[:len(s.used)-1] // it is the last that got its first bundle
	}
	s.on[i] = nil
}

// deal finds the order in which the GPUs of n give each of the bundles its place.
func (s *search) deal(n *Node, bundles []int) ([]int, bool) {
	needs := make([]spec.Quantity, len(bundles))
	for k, i := range bundles {
		needs[k] = s.Bundles[i].Need.GPU
	}
	order, ok := deal(n.pool.GPUs(), needs, &s.steps)
	for k, j := range order {
		order[k] = bundles[j]
	}
	return order, ok
}

// together puts all bundles on one node.
func (s *search) together() bool {
	s.begin()
	need := s.total
	holds := func(n *Node) bool {
		for i := range s.Bundles {
			if !s.Bundles[i].Select.Matches(n.Labels) {
				return false
			}
		}
		if !need.Within(n.pool.Free()) {
			return false
		}
		if need.GPU > 0 {
			if _, ok := s.deal(n, s.hard); !ok {
				return false
			}
		}
		s.loaded(n)
		n.load, n.sum = append(n.load, s.hard...), need
		for i := range s.on {
			s.on[i] = n
		}
		s.used = append(s.used, n)
		return true
	}
	if s.Strategy == spec.StrictPack && len(s.Fixed) > 0 {
		return holds(s.Fixed[0])
	}
	for _, n := range s.Fixed {
		if holds(n) {
			return true
		}
	}
	// What is on one GPU or on whole ones is for deal to say; for the row it is an amount.
	for _, row := range []*row{&s.plain, &s.gpus} {
		if row == &s.plain && need.GPU > 0 {
			continue
		}
		for i := row.first(need, 0); i >= 0; i = row.first(need, i+1) {
			if holds(row.nodes[i]) {
				return true
			}
		}
	}
	return false
}

// firstFit puts each bundle, hardest first, on the first node that the group uses already, or else on the first that there
// is.
func (s *search) firstFit() bool {
	for _, i := range s.hard {
		lay := func(n *Node) bool { return s.lay(i, n) }
		if !slices.ContainsFunc(s.Fixed, lay) && !slices.ContainsFunc(s.used, lay) && s.first(s.Bundles[i].Need, lay) == nil {
			return false
		}
	}
	return true
}

// rest puts what the matching left over on the nodes with the fewest bundles.
func (s *search) rest() bool {
	for _, i := range s.hard {
		if s.on[i] != nil {
			continue
		}
		fewest := slices.Clone(s.used)
		slices.SortStableFunc(fewest, func(a, b *Node) int { return cmp.Compare(len(a.load), len(b.load)) })
		lay := func(n *Node) bool { return s.lay(i, n) }
		if !slices.ContainsFunc(fewest, lay) && !slices.ContainsFunc(s.Fixed, lay) {
			return false
		}
	}
	return true
}

// exhaust tries every way that differs, within the steps that are left.
func (s *search) exhaust() bool {
	for i := range s.Bundles {
		if b := &s.Bundles[i]; s.first(b.Need, func(n *Node) bool { return b.Select.Matches(n.Labels) }) == nil {
			return false
		}
	}
	s.restart()
	return s.try(0)
}

// try finds nodes for the bundles from the k-th hardest on.
func (s *search) try(k int) bool {
	if k == len(s.hard) {
		return true
	}
	i := s.hard[k]
	on := func(n *Node) bool {
		if s.steps--; s.steps < 0 || !s.lay(i, n) {
			return false
		}
		if s.try(k + 1) {
			return true
		}
		s.lift(i)
		return false
	}
	for _, n := range slices.Clone(s.used) {
		if on(n) {
			return true
		}
	}
	var seen []*Node // that were tried empty; others like them are not
	for n := range s.fitting(s.Bundles[i].Need, 0) {
		if s.steps < 0 {
			return false
		}
		if len(s.loaded(n)) > 0 || slices.ContainsFunc(seen, func(o *Node) bool { return alike(n, o) }) {
			continue
		}
		if on(n) {
			return true
		}
		seen = append(seen, n)
	}
	return false
}

// alike reports whether it makes no difference on which of two nodes something is laid.
func alike(a, b *Node) bool {
	x, y := a.pool.Free(), b.pool.Free()
	if !x.Within(y) || !y.Within(x) {
		return false
	}
	if x.GPU > 0 {
		p, q := a.pool.GPUs(), b.pool.GPUs()
		slices.Sort(p)
		slices.Sort(q)
		if !slices.Equal(p, q) {
			return false
		}
	}
	return a.Labels.String() == b.Labels.String()
}

// answer makes a placement of where everything lies.
func (s *search) answer() (Placement, bool) {
	p := Placement{On: s.on, Order: make([]int, 0, len(s.on))}
	for _, n := range s.used {
		order := n.load
		if n.sum.GPU > 0 && len(order) > 1 {
			var ok bool
			if order, ok = s.deal(n, order); !ok {
				return Placement{}, false
			}
		}
		p.Order = append(p.Order, order...)
	}
	return p, true
}
