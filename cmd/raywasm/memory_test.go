package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/api"
)

// TestMemoryAddsUpWhatNodesSay: by site, function, kind of reference and node, the largest objects of all of them first.
func TestMemoryAddsUpWhatNodesSay(t *testing.T) {
	use := func(function, call, kind string, objects int, bytes, spilled int64) api.Use {
		return api.Use{Function: function, Call: call, Reference: kind, Objects: objects, Bytes: bytes, SpilledBytes: spilled}
	}
	all := []api.Memory{
		{Node: "a", Totals: use("", "", "", 5, 70, 0), More: 4, Objects: []api.Object{{ID: "1", Bytes: 30, References: 3, Handles: 1, Pins: []api.Pin{{Kind: "task", ID: "t", Name: "f"}}}},
			Uses: []api.Use{use("driver", "", "LOCAL_REFERENCE", 2, 50, 0), use("driver", "f", "LOCAL_REFERENCE", 3, 20, 0)}},
		{Node: "b", Totals: use("", "", "", 1, 60, 60), Cycles: 1, Objects: []api.Object{{ID: "2", Bytes: 60}},
			Uses: []api.Use{use("driver", "", "CAPTURED_IN_OBJECT", 1, 60, 60)}},
	}
	for _, test := range []struct {
		by, sorted string
		keys       []string
		objects    []int
	}{
		{"site", "size", []string{"driver: put", "driver: f()"}, []int{3, 3}},
		{"site", "key", []string{"driver: f()", "driver: put"}, []int{3, 3}},
		{"function", "size", []string{"driver"}, []int{6}},
		{"node", "objects", []string{"a", "b"}, []int{5, 1}},
		{"reference", "size", []string{"LOCAL_REFERENCE", "CAPTURED_IN_OBJECT"}, []int{5, 1}},
	} {
		r := reportMemory(all, test.by, test.sorted, 1)
		var keys []string
		var objects []int
		for _, g := range r.Groups {
			keys, objects = append(keys, g.Key), append(objects, g.Use.Objects)
		}
		if !slices.Equal(keys, test.keys) || !slices.Equal(objects, test.objects) {
			t.Errorf("by %s, sorted by %s: %v of %v objects", test.by, test.sorted, keys, objects)
		}
		if r.Totals.Objects != 6 || r.Totals.SpilledBytes != 60 || r.More != 5 || len(r.Objects) != 1 || r.Objects[0].ID != "2" || r.Cycles != 1 {
			t.Errorf("in all: %+v", r)
		}
	}
	var b strings.Builder
	if err := reportMemory(all, "site", "size", 2).write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"driver: put  3        0        110 B  60 B     1 CAPTURED_IN_OBJECT, 2 LOCAL_REFERENCE", "1 handle, task f (t), and 1 more", "1 actor can be reached by nobody but themselves", "... and 4 more: --objects N shows them"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &b)
		}
	}
}
