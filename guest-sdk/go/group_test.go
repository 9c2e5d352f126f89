//go:build !wasip1

package ray

import (
	"testing"

	"github.com/raywasm/raywasm/spec"
)

func TestPlacementGroups(t *testing.T) {
	w := newWorld(t)
	g, err := PlacementGroup(GroupOptions{Bundles: []Bundle{{CPUs: 1, Resources: map[string]float64{"disk": 2}}, {CPUs: 0.5, Labels: map[string]string{"zone": "a"}}},
		Strategy: StrategyStrictPack, Name: "g", Namespace: "n", Detached: true})
	want(t, g.ID, err, groupID)
	if o := w.group; o.Strategy != spec.StrictPack || o.Lifetime != spec.LifetimeDetached || o.Bundles[1].Resources.CPU != spec.Unit/2 ||
		o.Bundles[0].Resources.Custom["disk"] != 2*spec.Unit || o.Bundles[1].Select["zone"] != "a" {
		t.Errorf("the host was asked for %+v", o)
	}
	found, err := FindPlacementGroup("g", Namespace("n"))
	want(t, found.ID, err, groupID)
	_, err = FindPlacementGroup("g")
	wantError(t, err, NotFound, "no such placement group")
	table, err := g.Table()
	want(t, table.State, err, "CREATED")
	if len(table.Bundles) != 2 || table.Bundles[0].Node != "n" || table.Bundles[0].Resources.Custom["disk"] != 2*spec.Unit {
		t.Errorf("the table has %+v", table)
	}
	yes, err := g.Ready().Get()
	want(t, yes, err, true)
	if err := g.Wait(Forever); err != nil {
		t.Error(err)
	}
	wantError(t, Group{"?"}.Wait(Forever), InvalidArgument)
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if err := g.Wait(Forever); err == nil {
		t.Error("a removed group is there")
	}
	_, err = g.Table()
	wantError(t, err, NotFound, "no such placement group")
	for _, bad := range []Bundle{{CPUs: -1}, {GPUs: 0.00001}, {Resources: map[string]float64{"a": -1}}, {}} {
		_, err = PlacementGroup(GroupOptions{Bundles: []Bundle{bad}})
		wantError(t, err, InvalidArgument)
	}
}

func TestPlacementInGroups(t *testing.T) {
	for _, test := range []struct {
		opts   []TaskOption
		bundle int32 // -1: any
		catch  bool
	}{
		{[]TaskOption{InPlacementGroup(Group{groupID})}, -1, false},
		{[]TaskOption{Spread(), InGroupBundle(Group{groupID}, 1)}, 1, false},
		{[]TaskOption{CaptureChildren(), InGroupBundle(Group{groupID}, 0)}, 0, true},
	} {
		var o spec.TaskOptions
		for _, opt := range test.opts {
			if err := opt.task(&o); err != nil {
				t.Fatal(err)
			}
		}
		p := o.Placement
		if err := o.Check(); err != nil || p.Group != groupID || p.Capture != test.catch || (p.Bundle == nil) != (test.bundle < 0) || p.Bundle != nil && *p.Bundle != test.bundle {
			t.Errorf("%+v, %v", p, err)
		}
	}
}
