package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/raywasm/raywasm/sched/group/packing"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Policy chooses a node for a task, by what its owner believes to be free. It returns nil if none has room.
type Policy interface {
	Pick(room *packing.Room, need resource.Vector, sel label.Selector) *packing.Node
}

// Ours takes the next node that has room, in turn, and nodes with GPUs last. It costs a walk down a tree.
type Ours struct{}

// Pick chooses a node.
func (Ours) Pick(room *packing.Room, need resource.Vector, sel label.Selector) *packing.Node {
	p, ok := room.Place(packing.Query{Strategy: spec.Spread, Bundles: []packing.Bundle{{Need: need, Select: sel}}})
	if !ok {
		return nil
	}
	return p.On[0]
}

// Ray is its hybrid policy: a node's score is 0 below a utilisation of one half and the utilisation above; among the best fifth of
// the nodes one is taken at random. It looks at every node. (Ray: scheduler_spread_threshold 0.5, scheduler_top_k_fraction 0.2.)
type Ray struct {
	rng    *rand.Rand
	scores []scored
}

type scored struct {
	n     *packing.Node
	score float64
	order int
}

// NewRay returns the policy, which draws from a seed.
func NewRay(seed uint64) *Ray { return &Ray{rng: rand.New(rand.NewPCG(seed, 3))} }

const (
	rayThreshold = 0.5
	rayTopK      = 0.2
)

// Pick chooses a node.
func (r *Ray) Pick(room *packing.Room, need resource.Vector, sel label.Selector) *packing.Node {
	r.scores = r.scores[:0]
	room.Each(func(n *packing.Node) bool {
		if n.Fits(need) && sel.Matches(n.Labels) {
			used := n.Total().Minus(n.Free()).Share(n.Total())
			if used < rayThreshold {
				used = 0
			}
			r.scores = append(r.scores, scored{n, used, len(r.scores)})
		}
		return true
	})
	if len(r.scores) == 0 {
		return nil
	}
	k := min(len(r.scores), max(1, int(rayTopK*float64(room.Len()))))
	slices.SortFunc(r.scores, func(a, b scored) int { return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.order, b.order)) })
	return r.scores[r.rng.IntN(k)].n
}
