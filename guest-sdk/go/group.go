package ray

import (
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Strategy is how a placement group's bundles lie on nodes.
type Strategy = spec.Strategy

// The strategies. Pack and spread are wishes, the others are demands.
const (
	StrategyPack         = spec.Pack
	StrategyStrictPack   = spec.StrictPack
	StrategySpread       = spec.Spread
	StrategyStrictSpread = spec.StrictSpread
)

// Bundle is what one part of a placement group reserves on one node.
type Bundle struct {
	CPUs, GPUs float64
	Memory     int64 // bytes
	Resources  map[string]float64
	Labels     map[string]string // conditions on the node's labels, as in [WithLabels]
}

// GroupOptions describe a placement group.
type GroupOptions struct {
	// Bundles are reserved together, all or none.
	Bundles []Bundle
	// Strategy defaults to StrategyPack.
	Strategy Strategy
	// Name makes the group findable in Namespace, which defaults to the job's.
	Name, Namespace string
	// Detached lets the group outlive its job.
	Detached bool
}

// Group names a placement group. It can be copied, kept and passed, and ends nothing when it is collected: the group lives until
// it is removed, or with its job.
type Group struct {
	// ID is the group's id, in hex.
	ID string
}

// groupIDBytes is the length of a group's id as text.
const groupIDBytes = 2 * len(spec.GroupID{})

// PlacementGroup asks for a placement group and returns at once; see [Group.Ready].
func PlacementGroup(o GroupOptions) (Group, error) {
	const op = "create placement group"
	form := spec.GroupOptions{Name: o.Name, Namespace: o.Namespace, Strategy: o.Strategy}
	if o.Detached {
		form.Lifetime = spec.LifetimeDetached
	}
	for _, b := range o.Bundles {
		r, err := b.resources()
		if err != nil {
			return Group{}, because(err, op)
		}
		form.Bundles = append(form.Bundles, spec.Bundle{Resources: r, Select: b.Labels})
	}
	opts, err := spec.Marshal(form)
	if err != nil {
		return Group{}, because(err, op)
	}
	var id [groupIDBytes]byte
	if err := check(hostGroupCreate(opts, id[:]), op); err != nil {
		return Group{}, err
	}
	return Group{string(id[:])}, nil
}

func (b Bundle) resources() (r spec.Resources, err error) {
	read := func(name string, n float64) (q spec.Quantity) {
		p, bad := quantity(name, n)
		if bad != nil {
			err = bad
			return 0
		}
		return *p
	}
	r = spec.Resources{CPU: read("cpus", b.CPUs), GPU: read("gpus", b.GPUs), Memory: b.Memory}
	for name, n := range b.Resources {
		if r.Custom == nil {
			r.Custom = make(map[string]spec.Quantity)
		}
		r.Custom[name] = read(name, n)
	}
	return r, err
}

// FindPlacementGroup returns the placement group of that name, in the job's namespace or in the [Namespace] given.
func FindPlacementGroup(name string, where ...FindOption) (Group, error) {
	var namespace string
	for _, opt := range where {
		opt.find(&namespace)
	}
	var id [groupIDBytes]byte
	if err := check(hostGroupFind(name, namespace, id[:]), "find placement group "+name); err != nil {
		return Group{}, err
	}
	return Group{string(id[:])}, nil
}

// GroupTable is what is known of a placement group: its state, and where its bundles are.
type GroupTable = spec.GroupTable

// Table returns what is known of the group now, as Ray's placement_group_table does.
func (g Group) Table() (GroupTable, error) {
	var t GroupTable
	err := tell(&t, "tell of placement group", func(p []byte) int32 { return hostGroupTable(g.ID, p) })
	return t, err
}

// Ready returns a ref to true, which is there when all bundles are reserved. Its error says that they can never be, or that the
// group was removed.
func (g Group) Ready() Ref[bool] {
	status := hostGroupReady(g.ID)
	err := check(status, "wait for placement group")
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		return Ref[bool]{&handle{err: err}}
	}
	return Ref[bool]{newHandle(uint32(status))}
}

// Wait waits until all bundles are reserved. After the timeout the error is [GetTimeout]; a negative one is none.
func (g Group) Wait(timeout time.Duration) error {
	ready := g.Ready()
	defer ready.Release()
	_, err := ready.GetWithin(timeout)
	return err
}

// Remove ends the group. Tasks and actors that run in it end too.
func (g Group) Remove() error { return check(hostGroupRemove(g.ID), "remove placement group") }

// InPlacementGroup runs a task or an actor in whichever bundle of the group has room.
func InPlacementGroup(g Group) ResourceOption { return inGroup(g, nil) }

// InGroupBundle runs a task or an actor in a bundle of the group; the first is 0.
func InGroupBundle(g Group, bundle int) ResourceOption {
	index := int32(min(max(bundle, -1), spec.MaxBundles)) // what is out of range stays so
	return inGroup(g, &index)
}

func inGroup(g Group, bundle *int32) ResourceOption {
	return placed(func(p *spec.Placement) { *p = spec.Placement{Group: g.ID, Bundle: bundle, Capture: p.Capture} })
}

// OutsidePlacementGroup runs a task or an actor in no group, also where its parent captures its children.
func OutsidePlacementGroup() ResourceOption {
	return placed(func(p *spec.Placement) { *p = spec.Placement{} })
}

// CaptureChildren lets what a task or an actor in a group submits run in the group too, unless it says otherwise.
func CaptureChildren() ResourceOption { return placed(func(p *spec.Placement) { p.Capture = true }) }
