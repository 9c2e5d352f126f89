package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

func id(i int) spec.NodeID {
	var n spec.NodeID
	n[0], n[1], n[2] = byte(i>>16), byte(i>>8), byte(i)
	n[27] = 1
	return n
}

func selector(t testing.TB, key, condition string) label.Selector {
	t.Helper()
	s, err := label.Parse(map[string]string{key: condition})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func labels(t testing.TB, m map[string]string) label.Set {
	t.Helper()
	s, err := label.NewSet(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// drawNode returns a random node.
func drawNode(t *testing.T, r *rand.Rand, i int, version uint64) cluster.Node {
	total := spec.Resources{CPU: spec.Quantity(1+r.IntN(4)) * spec.Unit, Memory: int64(r.IntN(3)) * 100}
	if r.IntN(3) == 0 {
		total.GPU = spec.Quantity(1+r.IntN(2)) * spec.Unit
	}
	if r.IntN(3) == 0 {
		total.Custom = map[string]spec.Quantity{"x": 3}
	}
	p := resource.NewPool(resource.Of(total))
	for range r.IntN(6) {
		if need := resource.Of(drawNeed(r)); p.Fits(need) {
			p.Take(need)
		}
	}
	set := map[string]string{"zone": string("abc"[r.IntN(3)])}
	if r.IntN(2) == 0 {
		set["disk"] = "ssd"
	}
	return cluster.Node{ID: id(i), Version: version, Pool: p, Labels: labels(t, set), Draining: r.IntN(8) == 0}
}

func drawNeed(r *rand.Rand) spec.Resources {
	need := spec.Resources{CPU: spec.Quantity(r.IntN(6)) * spec.Unit / 2}
	switch r.IntN(5) {
	case 0:
		need.GPU = []spec.Quantity{2500, 5000, spec.Unit, 2 * spec.Unit}[r.IntN(4)]
	case 1:
		need.Memory = int64(r.IntN(200))
	case 2:
		need.Custom = map[string]spec.Quantity{"x": spec.Quantity(1 + r.IntN(3))}
	}
	return need
}

func drawStrategy(t *testing.T, r *rand.Rand) sched.Strategy {
	var s sched.Strategy
	switch r.IntN(5) {
	case 0:
		s.Spread = true
	case 1:
		s.Node, s.Soft = id(r.IntN(14)), r.IntN(2) == 0
	}
	for range r.IntN(3) {
		s.Select = append(s.Select, selector(t, []string{"zone", "disk"}[r.IntN(2)], []string{"a", "ssd", "!b", "in(b,c)", "z"}[r.IntN(5)]))
	}
	return s
}

// TestPickAgainstBruteForce compares choices on small random clusters with a look at every node.
func TestPickAgainstBruteForce(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 6))
		local := id(r.IntN(12))
		v := cluster.NewView(local)
		nodes := map[spec.NodeID]cluster.Node{}
		for version := range uint64(60) {
			i := r.IntN(12)
			if r.IntN(6) == 0 {
				v.Remove(id(i))
				delete(nodes, id(i))
				continue
			}
			n := drawNode(t, r, i, version+1)
			mine := n
			mine.Pool = n.Pool.Clone()
			if !v.Update(n) {
				t.Fatalf("seed %d: version %d was no news", seed, version)
			}
			nodes[n.ID] = mine
			if old := n; v.Update(old) {
				t.Fatalf("seed %d: version %d was news twice", seed, version)
			}
			req := &cluster.Request{Need: resource.Of(drawNeed(r)), Strategy: drawStrategy(t, r)}
			if r.IntN(4) == 0 {
				req.Holds = []cluster.Held{{Node: id(r.IntN(12)), Bytes: 10}, {Node: id(r.IntN(12)), Bytes: 5}}
			}
			check(t, fmt.Sprintf("seed %d, version %d", seed, version), nodes, local, req, v.Pick(req, r))
			if to, ok := v.Spill(req, r); ok {
				if n, known := nodes[to]; !known || to == local || n.Draining || !n.Pool.Fits(req.Need) {
					t.Fatalf("seed %d: spilled to %v", seed, to)
				}
			}
		}
	}
}

// check judges a choice.
func check(t *testing.T, where string, nodes map[spec.NodeID]cluster.Node, local spec.NodeID, req *cluster.Request, got cluster.Choice) {
	t.Helper()
	s := req.Strategy
	matches := func(n cluster.Node, i int) bool { return len(s.Select) == 0 || s.Select[i].Matches(n.Labels) }
	some := func(n cluster.Node) bool {
		return len(s.Select) == 0 || slices.ContainsFunc(s.Select, func(x label.Selector) bool { return x.Matches(n.Labels) })
	}
	chosen, known := nodes[got.Node]
	if got.Node != (spec.NodeID{}) {
		if !known || chosen.Draining || !chosen.Pool.Could(req.Need) || !some(chosen) {
			t.Fatalf("%s: %+v cannot go to %v", where, req, got)
		}
		if chosen.Pool.Fits(req.Need) != (got.Reason == 0) {
			t.Fatalf("%s: %+v: room or not? %+v", where, req, got)
		}
	}
	if s.Node != (spec.NodeID{}) {
		n, there := nodes[s.Node]
		if there && !n.Draining && n.Pool.Could(req.Need) && some(n) {
			if got.Node != s.Node {
				t.Fatalf("%s: %+v went to %+v", where, req, got)
			}
			return
		}
		if !s.Soft {
			if got.Reason != sched.ReasonAffinity {
				t.Fatalf("%s: %+v went to %+v", where, req, got)
			}
			return
		}
	}
	var available []cluster.Node // by the first selector that has any
	feasible, could := false, false
	for i := range max(1, len(s.Select)) {
		for _, n := range nodes {
			if n.Draining || !n.Pool.Could(req.Need) {
				continue
			}
			could = true
			feasible = feasible || matches(n, i)
			if matches(n, i) && n.Pool.Fits(req.Need) {
				available = append(available, n)
			}
		}
		if len(available) > 0 {
			break
		}
	}
	switch {
	case len(available) == 0 && !could && got.Reason != sched.ReasonInfeasible,
		len(available) == 0 && could && !feasible && got.Reason != sched.ReasonLabels,
		len(available) == 0 && feasible && got.Reason != sched.ReasonResources,
		len(available) > 0 && !slices.ContainsFunc(available, func(n cluster.Node) bool { return n.ID == got.Node }):
		t.Fatalf("%s: %+v: available %d, feasible %v, could %v: %+v", where, req, len(available), feasible, could, got)
	case len(available) == 0 || s.Spread || req.Need.IsZero():
		return
	}
	if nearest(req, nodes, got.Node) {
		return
	}
	// GPU avoidance, then the best k.
	hasGPU := func(n cluster.Node) bool { return n.Pool.Total().GPU > 0 }
	if req.Need.GPU == 0 && hasGPU(chosen) && slices.ContainsFunc(available, func(n cluster.Node) bool { return !hasGPU(n) }) {
		t.Fatalf("%s: %+v went to a node with GPUs", where, req)
	}
	working := 0
	for _, n := range nodes {
		if !n.Draining {
			working++
		}
	}
	k := max(1, int(cluster.TopK*float64(working)))
	better := 0
	for _, n := range available {
		if hasGPU(n) == hasGPU(chosen) && score(n) < score(chosen)-1.0/32-1e-9 {
			better++
		}
	}
	if better >= k {
		t.Fatalf("%s: %+v: %d of %d are better than the chosen one, k is %d", where, req, better, len(available), k)
	}
}

// nearest reports whether the chosen node is the one with most bytes of the arguments, and that may count.
func nearest(req *cluster.Request, nodes map[spec.NodeID]cluster.Node, chosen spec.NodeID) bool {
	if req.Strategy.Node != (spec.NodeID{}) || len(req.Strategy.Select) > 0 {
		return false
	}
	var most cluster.Held
	for _, h := range req.Holds {
		if h.Bytes > most.Bytes {
			most = h
		}
	}
	return most.Bytes > 0 && most.Node == chosen
}

func score(n cluster.Node) float64 {
	if used := cluster.Utilisation(&n.Pool); used >= cluster.Threshold {
		return used
	}
	return 0
}

// TestSpreadTakesTurns: as many choices as nodes go to each of them once.
func TestSpreadTakesTurns(t *testing.T) {
	v := cluster.NewView(id(0))
	for i := range 7 {
		v.Update(cluster.Node{ID: id(i), Version: 1, Pool: resource.NewPool(resource.Vector{CPU: spec.Unit})})
	}
	req := &cluster.Request{Need: resource.Vector{CPU: spec.Unit}, Strategy: sched.Strategy{Spread: true}}
	r := rand.New(rand.NewPCG(1, 1))
	seen := map[spec.NodeID]bool{}
	for range 7 {
		c := v.Pick(req, r)
		if seen[c.Node] {
			t.Fatalf("%v twice", c.Node)
		}
		seen[c.Node] = true
		v.Assume(c.Node, req.Need)
	}
	if c := v.Pick(req, r); c.Reason != sched.ReasonResources {
		t.Errorf("the eighth: %+v", c)
	}
}

// TestChoicesAreSpreadOverTheBest: of idle nodes each is chosen about as often.
func TestChoicesAreSpreadOverTheBest(t *testing.T) {
	v := cluster.NewView(id(1000))
	for i := range 100 {
		v.Update(cluster.Node{ID: id(i), Version: 1, Pool: resource.NewPool(resource.Vector{CPU: spec.Unit})})
	}
	r := rand.New(rand.NewPCG(1, 2))
	times := map[spec.NodeID]int{}
	for range 10_000 {
		times[v.Pick(&cluster.Request{Need: resource.Vector{CPU: spec.Unit}}, r).Node]++
	}
	for n, k := range times {
		if k < 50 || k > 200 {
			t.Errorf("node %v was chosen %d times of 10000", n, k)
		}
	}
}
