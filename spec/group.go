package spec

import (
	"encoding/hex"
	"strconv"
)

// GroupID names a placement group: 14 unique bytes, then the job, as in Ray.
type GroupID [18]byte

// NewGroupID returns the id of the index-th placement group that parent creates. It is a function of its arguments, so a
// retried task names the same groups.
func NewGroupID(parent TaskID, index uint64) GroupID {
	var id GroupID
	sum := derive('g', parent, index)
	copy(id[:14], sum[:])
	job := parent.Job()
	copy(id[14:], job[:])
	return id
}

// ParseGroupID reads 36 hex digits.
func ParseGroupID(s string) (GroupID, error) { return parseID[GroupID]("placement group", s) }

// Job returns the job that created the group.
func (id GroupID) Job() JobID { return JobID(id[14:]) }

// IsZero reports whether id names no group.
func (id GroupID) IsZero() bool { return id == GroupID{} }

func (id GroupID) String() string { return hex.EncodeToString(id[:]) }

// Strategy is how a placement group's bundles lie on nodes.
type Strategy string

// The strategies, as in Ray. The first and the third are wishes, the others are demands.
const (
	// Pack puts the bundles on as few nodes as it can. The default.
	Pack Strategy = "PACK"
	// StrictPack puts them all on one node.
	StrictPack Strategy = "STRICT_PACK"
	// Spread puts them on as many nodes as it can.
	Spread Strategy = "SPREAD"
	// StrictSpread puts each on a node of its own.
	StrictSpread Strategy = "STRICT_SPREAD"
)

// Bundle is what one part of a placement group reserves on one node.
type Bundle struct {
	Resources Resources `cbor:"1,keyasint,omitempty"`
	// Select says which nodes will do: a condition by label's name, as in a task's label selector.
	Select map[string]string `cbor:"2,keyasint,omitempty"`
}

// GroupOptions describe a placement group; a zero field means "not said".
type GroupOptions struct {
	// Name makes the group findable within Namespace. Default: none.
	Name string `cbor:"1,keyasint,omitempty"`
	// Namespace defaults to the job's.
	Namespace string `cbor:"2,keyasint,omitempty"`
	// Strategy defaults to Pack.
	Strategy Strategy `cbor:"3,keyasint,omitempty"`
	// Bundles are reserved together: all of them or none.
	Bundles []Bundle `cbor:"4,keyasint,omitempty"`
	// Lifetime is LifetimeJob (the group ends with the job or detached actor that created it) or LifetimeDetached.
	Lifetime Lifetime `cbor:"5,keyasint,omitempty"`
}

// GroupTable is what is known of a placement group.
type GroupTable struct {
	Name      string         `cbor:"1,keyasint,omitempty"`
	Namespace string         `cbor:"2,keyasint,omitempty"`
	Strategy  Strategy       `cbor:"3,keyasint"`
	State     string         `cbor:"4,keyasint"` // Ray's name: PENDING, PREPARED, CREATED, RESCHEDULING or REMOVED
	Detached  bool           `cbor:"5,keyasint,omitempty"`
	Bundles   []PlacedBundle `cbor:"6,keyasint"`
	Reason    string         `cbor:"7,keyasint,omitempty"` // why it waits for its place: resources, infeasible or order
	Text      string         `cbor:"8,keyasint,omitempty"` // the same for people
}

// PlacedBundle is what a bundle reserves, and where.
type PlacedBundle struct {
	Resources Resources `cbor:"1,keyasint"`
	Node      string    `cbor:"2,keyasint,omitempty"` // the node's id; "" while there is none
}

// MaxBundles bounds the bundles of one placement group: a cluster of 10,000 nodes has room for some on each tenth.
const MaxBundles = 1000

// Check reports the first option that is out of range.
func (o GroupOptions) Check() error {
	const op = "check placement group options"
	switch {
	case len(o.Name) > MaxNameBytes:
		return Errorf(op, InvalidArgument, "name", "has %d bytes, at most %d", len(o.Name), MaxNameBytes)
	case len(o.Namespace) > MaxNameBytes:
		return Errorf(op, InvalidArgument, "namespace", "has %d bytes, at most %d", len(o.Namespace), MaxNameBytes)
	case o.Lifetime != LifetimeJob && o.Lifetime != LifetimeDetached:
		return Errorf(op, InvalidArgument, "lifetime", "%q is neither empty nor %q", o.Lifetime, LifetimeDetached)
	case len(o.Bundles) == 0:
		return Errorf(op, InvalidArgument, "bundles", "there is none: a group reserves at least one")
	case len(o.Bundles) > MaxBundles:
		return Errorf(op, LimitExceeded, "bundles", "there are %d, at most %d", len(o.Bundles), MaxBundles)
	}
	switch o.Strategy {
	case "", Pack, StrictPack, Spread, StrictSpread:
	default:
		return Errorf(op, InvalidArgument, "strategy", "%q is none of %s, %s, %s and %s", o.Strategy, Pack, StrictPack, Spread, StrictSpread)
	}
	for i, b := range o.Bundles {
		if err := b.Resources.Check(); err != nil {
			return &Error{Op: op, Kind: KindOf(err), ID: "bundle " + strconv.Itoa(i), Err: err}
		}
		if b.Resources.empty() {
			return Errorf(op, InvalidArgument, "bundles", "bundle %d asks for nothing", i)
		}
	}
	return nil
}

// empty reports whether r asks for no amount of anything.
func (r Resources) empty() bool {
	for _, n := range r.Custom {
		if n != 0 {
			return false
		}
	}
	return r.CPU == 0 && r.GPU == 0 && r.Memory == 0
}
