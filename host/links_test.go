package host_test

import (
	"errors"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// team is a Go program's value with refs inside.
type team struct {
	Name    string
	Numbers []*host.Ref
	Lead    *host.Actor
	Any     any
	None    *host.Ref
}

func TestRefsInsideValuesOfAGoProgram(t *testing.T) {
	node, module := open(t, host.Config{})
	j := job(t, node, host.JobConfig{Module: module})
	ctx := t.Context()
	one, err := j.Put(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	two, err := j.Put(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	counter, err := j.NewActor(ctx, "Counter", spec.ActorOptions{}, 10)
	if err != nil {
		t.Fatal(err)
	}

	// In arguments: the guest gets refs.
	if sum, err := host.Call[int](ctx, j, "sumRefs", []*host.Ref{one, two, one}); err != nil || sum != 4 {
		t.Errorf("the guest sums %d, %v", sum, err)
	}
	if n, err := host.CallMethod[int](ctx, counter, "Keep", []any{one, two}); err != nil || n != 2 {
		t.Errorf("the actor keeps %d, %v", n, err)
	}
	if n, err := host.Call[int](ctx, j, "useActor", counter, 3); err != nil || n != 13 {
		t.Errorf("the actor counts to %d, %v", n, err)
	}

	// In objects: what they refer to lives as long as they do, and comes back as refs.
	outer, err := j.Put(ctx, team{"x", []*host.Ref{one, two}, counter, map[string]any{"r": two, "list": []any{counter, 7}}, nil})
	if err != nil {
		t.Fatal(err)
	}
	one.Release()
	two.Release()
	counter.Release()
	got, err := host.Get[team](ctx, outer)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Numbers) != 2 || got.Lead == nil || got.None != nil {
		t.Fatalf("got %+v", got)
	}
	if n, err := host.Get[int](ctx, got.Numbers[1]); err != nil || n != 2 {
		t.Errorf("the second number is %d, %v", n, err)
	}
	if n, err := host.CallMethod[int](ctx, got.Lead, "Kept"); err != nil || n != 3 {
		t.Errorf("the actor has kept %d, %v", n, err)
	}
	inner := got.Any.(map[string]any)
	list := inner["list"].([]any)
	if n, err := host.Get[int](ctx, inner["r"].(*host.Ref)); err != nil || n != 2 {
		t.Errorf("the ref inside any is of %d, %v", n, err)
	}
	if n, err := host.CallMethod[int](ctx, list[0].(*host.Actor), "Inc", 1); err != nil || n != 14 || list[1] != int64(7) {
		t.Errorf("the actor inside any counts to %d, %v, beside it is %v", n, err, list[1])
	}
	for _, r := range []*host.Ref{outer, got.Numbers[0], got.Numbers[1], inner["r"].(*host.Ref)} {
		r.Release()
	}
	got.Lead.Release()
	list[0].(*host.Actor).Release()
	clean(t, node, j)
}

func TestRefsTravelWithinTheirNodeOnly(t *testing.T) {
	node, module := open(t, host.Config{})
	other, elsewhere := open(t, host.Config{})
	j, k := job(t, node, host.JobConfig{Module: module}), job(t, other, host.JobConfig{Module: elsewhere})
	r, err := j.Put(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if _, err := k.Put(t.Context(), []*host.Ref{r}); !errors.Is(err, spec.Unserializable) {
		t.Errorf("put on another node: %v", err)
	}
	if _, err := k.Submit(t.Context(), "add", spec.TaskOptions{}, r, 1); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("passed to another node: %v", err)
	}
	if _, err := spec.Marshal([]*host.Ref{r}); !errors.Is(err, spec.Unserializable) {
		t.Errorf("encoded outside a call: %v", err)
	}
	if n, err := host.Call[any](t.Context(), j, "add", 1, 2); err != nil || n != int64(3) {
		t.Errorf("into any: %v, %v", n, err)
	}
}
