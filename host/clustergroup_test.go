package host_test

import (
	"errors"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/spec"
)

func single(n int, strategy spec.Strategy) spec.GroupOptions {
	o := spec.GroupOptions{Strategy: strategy}
	for range n {
		o.Bundles = append(o.Bundles, spec.Bundle{Resources: spec.Resources{CPU: spec.Unit}})
	}
	return o
}

// in says to run in a bundle.
func in(g *host.Group, bundle int, capture bool) spec.TaskOptions {
	return spec.TaskOptions{Placement: g.Placement(bundle, capture)}
}

// A group lies on several nodes, and tasks go to their bundles from wherever they are submitted.
func TestAGroupOverSeveralNodes(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	g, err := j.CreateGroup(t.Context(), single(3, spec.StrictSpread))
	if err != nil {
		t.Fatal(err)
	}
	early := submit(t, j, "self", in(g, 2, false)) // before there is any bundle
	if err := g.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{get[map[string]string](t, early)["node"]: true}
	for bundle := range 2 {
		ran[get[map[string]string](t, submit(t, j, "self", in(g, bundle, false)))["node"]] = true
	}
	if len(ran) != 3 {
		t.Errorf("the three bundles lie on %d nodes", len(ran))
	}
	var refs []*host.Ref
	for i := range 12 {
		refs = append(refs, submit(t, j, "tally", in(g, group.AnyBundle, false), i))
	}
	for i, r := range refs {
		if n := get[int](t, r); n != i {
			t.Errorf("task %d gave %d", i, n)
		}
	}
	if n := get[int](t, submit(t, j, "tree", in(g, 1, true), 4)); n != 16 {
		t.Errorf("a tree within the group has %d leaves", n)
	}
	stuck := submit(t, j, "spin", in(g, 1, false), true)
	if err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Get[int](t.Context(), stuck); !errors.Is(err, spec.TaskPlacementGroupRemoved) {
		t.Errorf("a task whose group was removed: %v", err)
	}
	ended(t, j, c.Nodes...)
}

// A dead node's bundles are reserved on another one, and what ran in them runs again there.
func TestADeadNodesBundlesMove(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	g, err := j.CreateGroup(t.Context(), single(2, spec.StrictSpread))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead := c.Nodes[1].ID().String()
	bundle := 0
	if get[map[string]string](t, submit(t, j, "self", in(g, bundle, false)))["node"] != dead {
		bundle = 1
	}
	var refs []*host.Ref
	for i := range 10 {
		refs = append(refs, submit(t, j, "tally", in(g, bundle, false), i))
	}
	c.Kill(1)
	c.Bury(t, 1)
	c.Add(t, host.Config{NumCPUs: 1, CacheDir: cache()})
	for i, r := range refs {
		if n := get[int](t, r); n != i {
			t.Errorf("task %d gave %d", i, n)
		}
	}
	if node := get[map[string]string](t, submit(t, j, "self", in(g, bundle, false)))["node"]; node != c.Nodes[2].ID().String() {
		t.Errorf("the bundle is on node %s, and not on the new one", node)
	}
	ended(t, j, c.Nodes[0], c.Nodes[2])
}
