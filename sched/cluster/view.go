package cluster

import (
	"iter"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Node is what is known of one node. A newer Version takes the place of an older one.
type Node struct {
	ID       spec.NodeID
	Version  uint64
	Pool     resource.Pool // what it has and what is free; the view's from now on
	Labels   label.Set
	Draining bool // it takes no more work
}

// View is what is known of the cluster.
type View struct {
	local  spec.NodeID
	nodes  map[spec.NodeID]*node
	totals tree // what nodes have
	free   tree // what is free, in the same places
	// What is free by whether the nodes have GPUs and by score.
	bucket [2][buckets]tree
	next   int // where spread goes on
	traits map[trait]uint64
}

// node is a node of the view.
type node struct {
	Node
	at     int   // in totals and free
	within *tree // its bucket
	place  int   // there
	marks  uint64
}

// Ray's constants.
const (
	// Threshold is the utilisation below which a node is as good as an idle one.
	Threshold = 0.5
	// TopK is the part of the nodes among which one is chosen at random.
	TopK = 0.2
)

// buckets are the scores told apart: 0, and steps of a sixteenth of what is above Threshold.
const buckets = 1 + 16

// NewView returns an empty view of the node local.
func NewView(local spec.NodeID) *View {
	return &View{local: local, nodes: make(map[spec.NodeID]*node), traits: make(map[trait]uint64)}
}

// Len returns how many nodes there are that take work.
func (v *View) Len() int { return len(v.free.row) }

// Node returns what is known of a node. Its pool is not to be written to.
func (v *View) Node(id spec.NodeID) (Node, bool) {
	x := v.nodes[id]
	if x == nil {
		return Node{}, false
	}
	return x.Node, true
}

// Nodes goes through what is known of all nodes, in no order. Their pools are not to be written to.
func (v *View) Nodes() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for _, x := range v.nodes {
			if !yield(x.Node) {
				return
			}
		}
	}
}

// Update takes in what a node says of itself. It reports whether that was news: an older version changes nothing.
func (v *View) Update(n Node) bool {
	x := v.nodes[n.ID]
	switch {
	case x == nil:
		x = &node{at: -1}
		v.nodes[n.ID] = x
	case n.Version <= x.Version:
		return false
	}
	x.Node = n
	if n.Draining {
		v.takeOut(x)
		return true
	}
	if x.at < 0 {
		x.at = len(v.free.row)
	}
	x.marks = v.marks(x)
	v.totals.set(x.at, x, x.has())
	v.show(x)
	return true
}

// Remove forgets a node that is gone. Its id never comes back.
func (v *View) Remove(id spec.NodeID) {
	if x := v.nodes[id]; x != nil {
		v.takeOut(x)
		delete(v.nodes, id)
	}
}

// Assume takes what a request that was sent to a node needs from what is known to be free there, until the node says itself.
func (v *View) Assume(id spec.NodeID, need resource.Vector) {
	if x := v.nodes[id]; x != nil && x.Pool.Fits(need) {
		x.Pool.Take(need)
		if x.at >= 0 {
			v.show(x)
		}
	}
}

// show brings the trees of what is free up to date.
func (v *View) show(x *node) {
	free := x.free()
	v.free.set(x.at, x, free)
	to := &v.bucket[flag(x.Pool.Total().GPU > 0)][x.score()]
	if x.within != to {
		x.leave()
		x.within, x.place = to, len(to.row)
	}
	to.set(x.place, x, free)
}

// takeOut takes a node out of all trees.
func (v *View) takeOut(x *node) {
	if x.at < 0 {
		return
	}
	v.totals.remove(x.at)
	if moved := v.free.remove(x.at); moved != nil {
		moved.at = x.at
	}
	x.at = -1
	x.leave()
}

func (x *node) leave() {
	if x.within == nil {
		return
	}
	if moved := x.within.remove(x.place); moved != nil {
		moved.place = x.place
	}
	x.within = nil
}

// Utilisation returns how much of the scarcer of CPU and memory is in use, from 0 to 1.
func Utilisation(p *resource.Pool) float64 {
	total, free := p.Total(), p.Free()
	used := 0.0
	if total.CPU > 0 {
		used = 1 - float64(free.CPU)/float64(total.CPU)
	}
	if total.Memory > 0 {
		used = max(used, 1-float64(free.Memory)/float64(total.Memory))
	}
	return used
}

// score returns the bucket of the node's score.
func (x *node) score() int {
	used := Utilisation(&x.Pool)
	if used < Threshold {
		return 0
	}
	return 1 + min(buckets-2, int((used-Threshold)/(1-Threshold)*(buckets-1)))
}

// free returns what is free of the node.
func (x *node) free() amounts {
	f := x.Pool.Free()
	return amounts{f.CPU, x.Pool.Whole(), x.Pool.Largest(), f.Memory, x.marks}
}

// has returns what there is of it.
func (x *node) has() amounts {
	t := x.Pool.Total()
	return amounts{t.CPU, t.GPU, min(t.GPU, spec.Unit), t.Memory, x.marks}
}

// marks returns the bits of the node's custom resources and labels. Its id is none: every node has another.
func (v *View) marks(x *node) (m uint64) {
	for _, a := range x.Pool.Total().Custom() {
		m |= v.mark(a.Name.Value(), "")
	}
	for key, value := range x.Labels.All() {
		if key != label.NodeID {
			m |= v.mark(key, "="+value)
		}
	}
	return m
}

func flag(is bool) int {
	if is {
		return 1
	}
	return 0
}
