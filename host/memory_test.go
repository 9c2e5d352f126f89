package host_test

import (
	"slices"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// uses returns what Memory says, by function and kind, without sizes of what is small.
func uses(node *host.Node) (all []host.MemoryUse) {
	for _, u := range node.Memory(0).Uses {
		u.Bytes = 0
		all = append(all, u)
	}
	return all
}

// puts and results are the sites of a Go program's objects.
var puts = host.Site{Function: "driver"}

func results(function string) host.Site { return host.Site{Function: "driver", Call: function} }

// object finds what Memory says of an object.
func object(t *testing.T, node *host.Node, r *host.Ref) host.ObjectUse {
	t.Helper()
	for _, o := range node.Memory(1000).Objects {
		if o.ID == r.ID() {
			return o
		}
	}
	t.Fatalf("Memory does not know object %v", r.ID())
	return host.ObjectUse{}
}

func TestMemorySaysWhatKeepsWhat(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j := job(t, node, host.JobConfig{Module: module})
	var refs []*host.Ref
	for i := range 2 {
		refs = append(refs, submit(t, j, "make_", spec.TaskOptions{}, lostSize))
		wantBytes(t, refs[i], lostSize)
	}
	inner, err := j.Put(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := j.Put(t.Context(), []any{inner})
	if err != nil {
		t.Fatal(err)
	}
	inner.Release()
	argument, err := j.Put(t.Context(), make([]byte, lostSize))
	if err != nil {
		t.Fatal(err)
	}
	spins := submit(t, j, "spin", spec.TaskOptions{}, true)
	waits := submit(t, j, "length", spec.TaskOptions{}, argument) // for the CPU

	large := int64(lostSize) + 5 // with the head of the CBOR
	want := []host.MemoryUse{
		{Site: results("make_"), Reference: host.LocalReference, Objects: 2, Large: 2 * large},
		{Site: puts, Reference: host.UsedByPendingTask, Objects: 1, Large: large},
		{Site: puts, Reference: host.LocalReference, Objects: 1},
		{Site: puts, Reference: host.CapturedInObject, Objects: 1},
		{Site: results("spin"), Reference: host.LocalReference, Objects: 1, Pending: 1},
		{Site: results("length"), Reference: host.LocalReference, Objects: 1, Pending: 1},
	}
	got := uses(node)
	for _, u := range want {
		if !slices.Contains(got, u) {
			t.Errorf("there is no %+v", u)
		}
	}
	if len(got) != len(want) {
		t.Errorf("it says %+v", got)
	}
	for _, test := range []struct {
		of   *host.Ref
		want host.ObjectUse
	}{
		{inner, host.ObjectUse{Place: host.PlaceTable, References: 1, Pins: []host.Pin{{Kind: "object", ID: outer.ID().String()}}}},
		{outer, host.ObjectUse{Place: host.PlaceTable, References: 1, Handles: 1}},
		{argument, host.ObjectUse{Place: host.PlaceMemory, References: 2, Handles: 1, Pins: []host.Pin{{Kind: "task", ID: waits.ID().Task().String(), Name: "length"}}}},
		{spins, host.ObjectUse{Place: host.PlaceNowhere, References: 1, Handles: 1}},
	} {
		got := object(t, node, test.of)
		if got.Place != test.want.Place || got.References != test.want.References || got.Handles != test.want.Handles || !slices.Equal(got.Pins, test.want.Pins) {
			t.Errorf("it says %+v, want %+v", got, test.want)
		}
	}
	if m := node.Memory(2); len(m.Objects) != 2 || m.More != 5 || m.Objects[0].Bytes < m.Objects[1].Bytes || m.Objects[1].Bytes < large {
		t.Errorf("the largest two: %+v", m)
	}
	for _, r := range []*host.Ref{spins, waits} {
		if err := r.Cancel(t.Context(), true, false); err != nil {
			t.Error(err)
		}
	}
	for _, r := range append(refs, spins, waits, outer, argument) {
		r.Release()
	}
	clean(t, node, j)
}

func TestMemorySaysWhatIsSpilled(t *testing.T) {
	node, module, _ := spilling(t)
	j := job(t, node, host.JobConfig{Module: module})
	const count, size = 40, spec.MiB / 2
	var refs []*host.Ref
	for i := range count {
		refs = append(refs, submit(t, j, "stamped", spec.TaskOptions{}, size, i))
		wantBytes(t, refs[i], size)
	}
	m := node.Memory(count)
	got, places := m.Uses, map[host.Place]int{}
	for _, o := range m.Objects {
		places[o.Place]++
	}
	if places[host.PlaceDisk] != got[0].Spilled || places[host.PlaceMemory]+places[host.PlaceBoth] != count-got[0].Spilled {
		t.Errorf("the objects are in %v", places)
	}
	if len(got) != 1 || got[0].Site != results("stamped") || got[0].Objects != count || got[0].Large < count*size ||
		got[0].Bytes <= got[0].Large || got[0].SpilledBytes < got[0].Large-8*spec.MiB || got[0].Spilled == 0 || got[0].Spilled >= count {
		t.Errorf("it says %+v", got)
	}
	for _, r := range refs {
		r.Release()
	}
	clean(t, node, j)
}
