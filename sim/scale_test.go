package sim

import (
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/spec"
)

// elastic is a cluster of a head without CPUs and of up to ten workers of four.
func elastic() *Elastic {
	return &Elastic{Head: "head", Boot: 30 * time.Second, Config: autoscaler.Config{MaxWorkers: 10, UpscalingSpeed: 1, IdleTimeout: time.Minute,
		Types: []autoscaler.NodeType{
			{Name: "head", Resources: spec.Resources{Memory: 1 << 30}},
			{Name: "worker", Resources: spec.Resources{CPU: 4 * spec.Unit, Memory: 8 << 30}, MaxWorkers: 10},
		}}}
}

// TestTheClusterGrowsAndShrinks: workers come for the work, also for what a group reserves, and go when there is none.
func TestTheClusterGrowsAndShrinks(t *testing.T) {
	p := &Program{Seed: 1, Net: Net{Delay: time.Millisecond}}
	for i := range 100 {
		p.Tasks = append(p.Tasks, Task{ID: i + 1, Need: spec.Resources{CPU: spec.Unit}, Duration: 20 * time.Second, Retries: 3, Bundle: -1})
	}
	p.Groups = append(p.Groups, Group{ID: 1, At: 5 * time.Minute, End: 10 * time.Minute, Options: spec.GroupOptions{Strategy: spec.StrictSpread,
		Bundles: []spec.Bundle{{Resources: spec.Resources{CPU: spec.Unit}}, {Resources: spec.Resources{CPU: spec.Unit}}}}})
	p.Tasks = append(p.Tasks, Task{ID: 101, At: 6 * time.Minute, Need: spec.Resources{CPU: spec.Unit}, Duration: time.Second, Group: 1, Bundle: 1})
	up, most := 0, 0
	last := time.Duration(0)
	at := map[time.Duration]int{}
	opt := Options{Elastic: elastic(), ObserveNode: func(now time.Duration, n *Node, comes bool) {
		if up--; comes {
			up += 2
		}
		most = max(most, up)
		last = now
		at[now] = up
	}}
	r, err := Run(p, opt)
	if err != nil {
		t.Fatal(err)
	}
	if r.Done != 101 || most != 11 {
		t.Errorf("%d done, %d nodes at most", r.Done, most)
	}
	for now, n := range at {
		if now > 3*time.Minute && now < 5*time.Minute && n > 1 && now == last {
			t.Errorf("%d nodes at %v", n, now)
		}
	}
	if len(r.Nodes) < 13 { // the head, ten for the tasks, two for the group
		t.Errorf("nodes %+v: those for the group did not come anew", r.Nodes)
	}
}

// TestNodesThatDieAreReplaced: with a death in every ten minutes of a node everything is done all the same.
func TestNodesThatDieAreReplaced(t *testing.T) {
	p := &Program{Seed: 2, Net: Net{Delay: time.Millisecond, Jitter: time.Millisecond}}
	for i := range 400 {
		p.Tasks = append(p.Tasks, Task{ID: i + 1, Need: spec.Resources{CPU: spec.Unit}, Duration: 30 * time.Second, Retries: -1, Bundle: -1})
	}
	e := elastic()
	e.Deaths = map[string]float64{"worker": 6}
	r, err := Run(p, Options{Elastic: e})
	if err != nil {
		t.Fatal(err)
	}
	if r.Done != 400 || len(r.Nodes) < 12 || r.Attempts <= 400 {
		t.Errorf("%d done in %d attempts on %d nodes: nobody died", r.Done, r.Attempts, len(r.Nodes))
	}
}
