package host_test

import (
	"errors"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// on says to live on a node.
func on(n *host.Node) spec.ActorOptions {
	return spec.ActorOptions{Placement: &spec.Placement{Node: n.ID().String()}}
}

func newCounter(t testing.TB, j *host.Job, opts spec.ActorOptions, start any) *host.Actor {
	t.Helper()
	a, err := j.NewActor(t.Context(), "Counter", opts, start)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An actor lives on another node; its caller's calls run in their order, and handles of it travel.
func TestAnActorOnAnotherNode(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	start := submit(t, j, "add", here(c.Nodes[2]), 40, 2) // another node's result, which the constructor waits for
	a := newCounter(t, j, on(c.Nodes[1]), start)
	var refs []*host.Ref
	for range 50 {
		r, err := a.Submit(t.Context(), "Inc", spec.TaskOptions{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, r[0])
	}
	for i, r := range refs {
		if n := get[int](t, r); n != 43+i {
			t.Fatalf("call %d gave %d", i, n)
		}
	}
	if u := c.Nodes[1].Usage(); u.Actors != 1 {
		t.Errorf("node 1 has %d actors", u.Actors)
	}
	if n := get[int](t, submit(t, j, "useActor", here(c.Nodes[2]), a, 10)); n != 102 {
		t.Errorf("a task on a third node counted to %d", n)
	}
	if n := get[int](t, submit(t, j, "useActor", here(c.Nodes[1]), a, 10)); n != 112 {
		t.Errorf("a task on the actor's node counted to %d", n)
	}
	if _, err := host.CallMethod[int](t.Context(), a, "Missing"); !errors.Is(err, spec.FunctionNotFound) {
		t.Errorf("a method that it does not have: %v", err)
	}
	if err := a.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := host.CallMethod[int](t.Context(), a, "Inc", 1); !errors.Is(err, spec.ActorDied) {
		t.Errorf("a call of a killed actor: %v", err)
	}
	a.Release()
	ended(t, j, c.Nodes...)
}

// A handle of the driver's own actor is used on other nodes.
func TestAHandleTravels(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	a := newCounter(t, j, on(c.Nodes[0]), 0)
	if n := get[int](t, submit(t, j, "useActor", here(c.Nodes[1]), a, 20)); n != 20 {
		t.Errorf("it counted to %d", n)
	}
	a.Release()
	ended(t, j, c.Nodes...)
}

// A name is one for the whole cluster, and free again when its actor or its actor's node is gone.
func TestNamesOfACluster(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module, Namespace: "shared"})
	opts := on(c.Nodes[1])
	opts.Name = "tally"
	a := newCounter(t, j, opts, 5)
	if n := inc(t, a, 1); n != 6 {
		t.Fatalf("it counts %d", n)
	}
	found, err := j.FindActor(t.Context(), "tally", "")
	if err != nil {
		t.Fatal(err)
	}
	if n := inc(t, found, 1); n != 7 {
		t.Errorf("the one that was found counts %d", n)
	}
	again := on(c.Nodes[0])
	again.Name = "tally"
	if _, err := j.NewActor(t.Context(), "Counter", again, 0); !errors.Is(err, spec.AlreadyExists) {
		t.Errorf("a second one of that name: %v", err)
	}
	found.Release()
	c.Kill(1)
	c.Bury(t, 1)
	for { // until the death is noticed
		_, err := host.CallMethod[int](t.Context(), a, "Inc", 1)
		if errors.Is(err, spec.ActorDied) {
			break
		}
		if err != nil {
			t.Fatalf("a call of an actor whose node died: %v", err)
		}
	}
	b := newCounter(t, j, again, 100)
	if n := inc(t, b, 1); n != 101 {
		t.Errorf("the new one counts %d", n)
	}
	a.Release()
	b.Release()
	ended(t, j, c.Nodes[0])
}
