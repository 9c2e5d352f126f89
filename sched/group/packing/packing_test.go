package packing

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

var strategies = []spec.Strategy{spec.Pack, spec.StrictPack, spec.Spread, spec.StrictSpread}

func labels(t testing.TB, zone string) label.Set {
	s, err := label.NewSet(map[string]string{"zone": zone})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func selector(t testing.TB, zone string) label.Selector {
	s, err := label.Parse(map[string]string{"zone": zone})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nodeID(i int) spec.NodeID { return spec.NodeID{byte(i >> 16), byte(i >> 8), byte(i)} }

// cluster draws a small cluster of which some is in use.
func cluster(t *testing.T, r *rand.Rand, gpus bool) (*Room, []*Node) {
	room := NewRoom()
	var nodes []*Node
	for i := range 1 + r.IntN(4) {
		total := spec.Resources{CPU: spec.Quantity(1+r.IntN(5)) * spec.Unit, Memory: int64(r.IntN(4))}
		if gpus && r.IntN(2) == 0 {
			total.GPU = spec.Quantity(1+r.IntN(3)) * spec.Unit
		}
		if r.IntN(3) == 0 {
			total.Custom = map[string]spec.Quantity{"x": spec.Quantity(r.IntN(3))}
		}
		pool := resource.NewPool(resource.Of(total))
		if total.GPU > 0 && r.IntN(2) == 0 {
			pool.Take(resource.Vector{GPU: spec.Quantity(1+r.IntN(9)) * spec.Unit / 10})
		}
		nodes = append(nodes, room.Add(nodeID(i), labels(t, []string{"a", "b"}[r.IntN(2)]), pool))
	}
	return room, nodes
}

func draw(t *testing.T, r *rand.Rand, gpus bool) Query {
	q := Query{Strategy: strategies[r.IntN(4)]}
	for range 1 + r.IntN(5) {
		b := Bundle{Need: resource.Of(spec.Resources{CPU: spec.Quantity(r.IntN(5)) * spec.Unit / 2, Memory: int64(r.IntN(3))})}
		if gpus && r.IntN(2) == 0 {
			b.Need.GPU = []spec.Quantity{2500, 5000, 4000, spec.Unit, 2 * spec.Unit}[r.IntN(5)]
		}
		if r.IntN(6) == 0 {
			b.Need = b.Need.Plus(resource.Of(spec.Resources{Custom: map[string]spec.Quantity{"x": 1}}))
		}
		if r.IntN(4) == 0 {
			b.Select = selector(t, []string{"a", "b", "!a", "in(a,b)"}[r.IntN(4)])
		}
		q.Bundles = append(q.Bundles, b)
	}
	return q
}

// exists says by trying everything, GPU by GPU, whether there is a placement.
func exists(q Query, nodes []*Node) bool {
	type state struct {
		free resource.Vector
		gpus []spec.Quantity
	}
	states := make([]state, len(nodes))
	for i, n := range nodes {
		states[i] = state{n.pool.Free(), n.pool.GPUs()}
	}
	on := make([]int, len(q.Bundles))
	var try func(i int) bool
	try = func(i int) bool {
		if i == len(q.Bundles) {
			return true
		}
		b := q.Bundles[i]
		for j, n := range nodes {
			taken := false
			for k := range i {
				taken = taken || q.Strategy == spec.StrictSpread && on[k] == j || q.Strategy == spec.StrictPack && on[k] != j
			}
			st := &states[j]
			if taken || !b.Select.Matches(n.Labels) || !b.Need.Within(st.free) {
				continue
			}
			on[i] = j
			before := *st
			st.free = st.free.Minus(b.Need)
			for _, gpus := range ways(st.gpus, b.Need.GPU) {
				st.gpus = gpus
				if try(i + 1) {
					return true
				}
			}
			*st = before
		}
		return false
	}
	return try(0)
}

// ways returns what may be left of the GPUs after need was taken: from one device, or from whole ones.
func ways(gpus []spec.Quantity, need spec.Quantity) (all [][]spec.Quantity) {
	if need == 0 {
		return [][]spec.Quantity{gpus}
	}
	for i := range gpus {
		part := min(need, spec.Unit)
		if gpus[i] < part {
			continue
		}
		left := append([]spec.Quantity(nil), gpus...)
		left[i] -= part
		all = append(all, ways(left, need-part)...)
	}
	return all
}

// TestAPlacementIsFoundIfThereIsOne compares with trying everything, and takes what was found.
func TestAPlacementIsFoundIfThereIsOne(t *testing.T) {
	found := map[bool]int{}
	for seed := range uint64(6000) {
		r := rand.New(rand.NewPCG(seed, 7))
		gpus := seed%2 == 0
		room, nodes := cluster(t, r, gpus)
		q := draw(t, r, gpus)
		before := room.free
		p, ok := room.Place(q)
		if want := exists(q, nodes); ok != want {
			t.Fatalf("seed %d: %v %v on %d nodes: found %t, exists %t\n%s", seed, q.Strategy, q.Bundles, len(nodes), ok, want, room.Explain(q))
		}
		found[ok]++
		if room.free.Shape() != before.Shape() {
			t.Fatalf("seed %d: a look took something", seed)
		}
		if !ok {
			if text := room.Explain(q); text == "" {
				t.Fatalf("seed %d: no reason", seed)
			}
			continue
		}
		check(t, q, p)
		devices := make([]resource.Devices, len(q.Bundles))
		for _, i := range p.Order {
			if !p.On[i].Fits(q.Bundles[i].Need) {
				t.Fatalf("seed %d: bundle %d of %v does not fit in order %v", seed, i, q.Bundles, p.Order)
			}
			devices[i] = room.Take(p.On[i], q.Bundles[i].Need)
		}
		for i, n := range p.On {
			room.Give(n, q.Bundles[i].Need, devices[i])
		}
		if room.free.Shape() != before.Shape() {
			t.Fatalf("seed %d: %v free before, %v after", seed, before, room.free)
		}
	}
	if found[true] < 1000 || found[false] < 1000 {
		t.Errorf("found %v: the draw proves little", found)
	}
}

func check(t *testing.T, q Query, p Placement) {
	t.Helper()
	distinct := map[*Node]bool{}
	for i, n := range p.On {
		if !q.Bundles[i].Select.Matches(n.Labels) {
			t.Fatalf("bundle %d is on a node without its labels", i)
		}
		distinct[n] = true
	}
	switch {
	case q.Strategy == spec.StrictPack && len(distinct) != 1:
		t.Fatalf("STRICT_PACK on %d nodes", len(distinct))
	case q.Strategy == spec.StrictSpread && len(distinct) != len(q.Bundles):
		t.Fatalf("STRICT_SPREAD of %d bundles on %d nodes", len(q.Bundles), len(distinct))
	case len(p.Order) != len(q.Bundles):
		t.Fatalf("order %v of %d bundles", p.Order, len(q.Bundles))
	}
}

// TestWishesAreGrantedWhereTheyCanBe: PACK uses one node whenever STRICT_PACK could, SPREAD as many as STRICT_SPREAD could.
func TestWishesAreGrantedWhereTheyCanBe(t *testing.T) {
	granted := 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 8))
		room, _ := cluster(t, r, seed%2 == 0)
		q := draw(t, r, seed%2 == 0)
		for wish, demand := range map[spec.Strategy]spec.Strategy{spec.Pack: spec.StrictPack, spec.Spread: spec.StrictSpread} {
			q.Strategy = demand
			if _, ok := room.Place(q); !ok {
				continue
			}
			granted++
			q.Strategy = wish
			p, ok := room.Place(q)
			if !ok {
				t.Fatalf("seed %d: %s has no place where %s has one", seed, wish, demand)
			}
			q.Strategy = demand
			check(t, q, p)
		}
	}
	if granted < 1000 {
		t.Errorf("only %d cases", granted)
	}
}

// TestBundlesWithoutGPUsLeaveGPUsAlone: as long as there are other nodes.
func TestBundlesWithoutGPUsLeaveGPUsAlone(t *testing.T) {
	room := NewRoom()
	gpu := room.Add(nodeID(0), label.Set{}, resource.NewPool(resource.Vector{CPU: 8 * spec.Unit, GPU: spec.Unit}))
	plain := room.Add(nodeID(1), label.Set{}, resource.NewPool(resource.Vector{CPU: 2 * spec.Unit}))
	one := Bundle{Need: resource.Vector{CPU: spec.Unit}}
	for _, want := range []*Node{plain, plain, gpu} {
		p, ok := room.Place(Query{Strategy: spec.Spread, Bundles: []Bundle{one}})
		if !ok || p.On[0] != want {
			t.Fatalf("placed %t on %v, want %v", ok, p.On, want.ID)
		}
		room.Take(p.On[0], one.Need)
	}
}

// TestRowsKeepTheirHoles adds and removes nodes at random; what fits first is what a plain look finds.
func TestRowsKeepTheirHoles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	room := NewRoom()
	var nodes []*Node
	for i := range 3000 {
		switch {
		case len(nodes) == 0 || r.IntN(3) > 0:
			nodes = append(nodes, room.Add(nodeID(i), label.Set{}, resource.NewPool(resource.Vector{CPU: spec.Quantity(1 + r.IntN(9))})))
		case r.IntN(2) == 0:
			k := r.IntN(len(nodes))
			room.Remove(nodes[k])
			nodes = append(nodes[:k], nodes[k+1:]...)
		default:
			n := nodes[r.IntN(len(nodes))]
			room.Set(n, resource.NewPool(resource.Vector{CPU: spec.Quantity(1 + r.IntN(9))}))
		}
		need := resource.Vector{CPU: spec.Quantity(1 + r.IntN(10))}
		var want *Node
		room.Each(func(n *Node) bool {
			if n.Fits(need) {
				want = n
			}
			return want == nil
		})
		if got := room.first(need, func(*Node) bool { return true }); got != want {
			t.Fatalf("step %d: the first for %v is %v, want %v", i, need, got, want)
		}
		count := 0
		for range room.fitting(need, r.IntN(3000)) {
			count++
		}
		room.Each(func(n *Node) bool {
			if n.Fits(need) {
				count--
			}
			return true
		})
		if count != 0 || room.Len() != len(nodes) {
			t.Fatalf("step %d: going around missed %d; %d nodes, want %d", i, -count, room.Len(), len(nodes))
		}
	}
}

func TestExplain(t *testing.T) {
	room := NewRoom()
	cpu := func(n int) resource.Vector { return resource.Vector{CPU: spec.Quantity(n) * spec.Unit} }
	none := room.Explain(Query{Bundles: []Bundle{{Need: cpu(1)}}})
	room.Add(nodeID(1), labels(t, "a"), resource.NewPool(resource.Vector{CPU: 4 * spec.Unit, GPU: 2 * spec.Unit}))
	room.Add(nodeID(2), labels(t, "b"), resource.NewPool(cpu(2)))
	halves := resource.NewPool(resource.Vector{GPU: 2 * spec.Unit})
	halves.Take(resource.Vector{GPU: 6000})
	id := func(i int) string { return nodeID(i).String() }
	for _, test := range []struct {
		q    Query
		want string
	}{
		{Query{Strategy: spec.Pack, Bundles: []Bundle{{Need: cpu(1)}, {Need: cpu(5)}}}, "bundle 1 needs {CPU: 5}; " + id(1) + " comes nearest and has {CPU: 4, GPU: 2}"},
		{Query{Strategy: spec.Pack, Bundles: []Bundle{{Need: cpu(1), Select: selector(t, "c")}}}, "bundle 0 needs a node with the labels zone=c, which none of 2 has"},
		{Query{Strategy: spec.StrictPack, Bundles: []Bundle{{Need: cpu(3)}, {Need: cpu(2)}}}, "its bundles need {CPU: 5} on one node; " + id(1) + " comes nearest and has {CPU: 4, GPU: 2}"},
		{Query{Strategy: spec.StrictPack, Bundles: []Bundle{{Need: cpu(1), Select: selector(t, "a")}, {Need: cpu(1), Select: selector(t, "b")}}}, "no single node has the labels and GPUs for all 2 bundles"},
		{Query{Strategy: spec.Pack, Bundles: []Bundle{{Need: cpu(4)}, {Need: cpu(4)}}}, "its bundles need {CPU: 8} in all; 2 nodes have {CPU: 6, GPU: 2}"},
		{Query{Strategy: spec.StrictSpread, Bundles: []Bundle{{Need: cpu(1)}, {Need: cpu(1)}, {Need: cpu(1)}}}, "its 3 bundles need a node each; 2 find one"},
		{Query{Strategy: spec.Pack, Bundles: []Bundle{{Need: cpu(3)}, {Need: cpu(3)}}}, "no way to lay its 2 bundles on 2 nodes was found in " + strconv.Itoa(MaxSteps) + " tries"},
	} {
		if _, ok := room.Place(test.q); ok {
			t.Errorf("%v has a place", test.q)
		}
		if got := room.Explain(test.q); got != test.want {
			t.Errorf("%v:\n  %q\nwant\n  %q", test.q, got, test.want)
		}
	}
	if none != "there is no node" {
		t.Errorf("an empty room: %q", none)
	}
	small := NewRoom()
	small.Add(nodeID(3), label.Set{}, halves)
	if got := small.Explain(Query{Bundles: []Bundle{{Need: resource.Vector{GPU: 2 * spec.Unit}}}}); got != "bundle 0 needs {GPU: 2}; "+id(3)+" comes nearest and has {GPU: 1.4}" {
		t.Errorf("two GPUs: %q", got)
	}
	small.Take(small.gpus.nodes[0], resource.Vector{GPU: 8000})
	if got := small.Explain(Query{Bundles: []Bundle{{Need: resource.Vector{GPU: 5000}}}}); got != "bundle 0 needs {GPU: 0.5}; "+id(3)+" comes nearest and has GPU 0.6, but not on one device or on whole ones" {
		t.Errorf("half a GPU: %q", got)
	}
}

// FuzzDeal: what deal says, a pool does.
func FuzzDeal(f *testing.F) {
	f.Add([]byte{10, 10, 5}, []byte{5, 5, 10, 4})
	f.Add([]byte{9, 10}, []byte{5, 5, 4, 5})
	f.Fuzz(func(t *testing.T, free, needs []byte) {
		if len(free) > 6 || len(needs) > 8 {
			return
		}
		total := resource.Vector{GPU: spec.Quantity(len(free)) * spec.Unit}
		var gpus, want []spec.Quantity
		for _, b := range free {
			gpus = append(gpus, spec.Quantity(b%11)*spec.Unit/10)
		}
		for _, b := range needs {
			n := spec.Quantity(b%11) * spec.Unit / 10
			if b%23 == 0 {
				n = 2 * spec.Unit
			}
			want = append(want, n)
		}
		pool := resource.Restore(total, total, gpus)
		steps := 1 << 20
		order, ok := deal(gpus, want, &steps)
		if ok != dealt(gpus, want) {
			t.Fatalf("%v on %v: %t", want, gpus, ok)
		}
		for _, i := range order {
			if !pool.Fits(resource.Vector{GPU: want[i]}) {
				t.Fatalf("%v on %v in order %v: %d does not fit %v", want, gpus, order, i, pool.GPUs())
			}
			pool.Take(resource.Vector{GPU: want[i]})
		}
	})
}

// dealt tries everything.
func dealt(gpus, needs []spec.Quantity) bool {
	if len(needs) == 0 {
		return true
	}
	for _, left := range ways(gpus, needs[0]) {
		if dealt(left, needs[1:]) {
			return true
		}
	}
	return false
}
