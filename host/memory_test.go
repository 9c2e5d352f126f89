package host_test

import (
	"slices"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// uses returns what Memory says, by function and kind, without sizes of what is small.
func uses(node *host.Node) (all []host.MemoryUse) {
	for _, u := range node.Memory() {
		u.Bytes = 0
		all = append(all, u)
	}
	return all
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
		{Function: "make_", Reference: host.LocalReference, Objects: 2, Large: 2 * large},
		{Function: "driver", Put: true, Reference: host.UsedByPendingTask, Objects: 1, Large: large},
		{Function: "driver", Put: true, Reference: host.LocalReference, Objects: 1},
		{Function: "driver", Put: true, Reference: host.CapturedInObject, Objects: 1},
		{Function: "spin", Reference: host.LocalReference, Objects: 1, Pending: 1},
		{Function: "length", Reference: host.LocalReference, Objects: 1, Pending: 1},
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
	got := node.Memory()
	if len(got) != 1 || got[0].Function != "stamped" || got[0].Objects != count || got[0].Large < count*size ||
		got[0].Bytes <= got[0].Large || got[0].SpilledBytes < got[0].Large-8*spec.MiB || got[0].Spilled == 0 || got[0].Spilled >= count {
		t.Errorf("it says %+v", got)
	}
	for _, r := range refs {
		r.Release()
	}
	clean(t, node, j)
}
