package autoscaler

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// Config says what the cluster may be. It comes with every round, so that a change needs no event of its own.
type Config struct {
	MaxWorkers     int           // of all types together, the head not counted
	UpscalingSpeed float64       // launches under way at most this times the workers that run, and never less than minPending
	IdleTimeout    time.Duration // how long a node does nothing before it goes
	Types          []NodeType    // names are unique; any order
}

// NodeType is a kind of machine that the provider can launch.
type NodeType struct {
	Name       string
	Resources  spec.Resources
	Labels     label.Set
	MinWorkers int
	MaxWorkers int
	Digest     string // of everything that makes a machine of this type; machines with another one are replaced
}

// Defaults, as in Ray.
const (
	DefaultMaxWorkers     = 2
	DefaultUpscalingSpeed = 1.0
	DefaultIdleTimeout    = 5 * time.Minute
)

// Limits. Each bounds what one round costs or waits.
const (
	// MaxGroups bounds the pending placement groups of one round, as Ray's report does. Later ones wait for their turn.
	MaxGroups = 1000
	// MaxBundles bounds their bundles together.
	MaxBundles = 20_000
	// MaxShapes bounds the distinct demands of one round.
	MaxShapes = 20_000
	// MaxWorkers bounds Config.MaxWorkers.
	MaxWorkers = 100_000
	// MaxTypes bounds Config.Types.
	MaxTypes = 256
	// maxDimensions bounds the kinds of resources that the packing of one round knows. Demands for others wait.
	maxDimensions = spec.MaxResourceKinds
	// maxPlanned bounds the new nodes that one round thinks of; the next round thinks of the next ones.
	maxPlanned = 2000
	// minPending is the number of launches that may always be under way, however small the cluster is.
	minPending = 5
	// maxFailures bounds the failures that are remembered, for failureAge.
	maxFailures = 20
	failureAge  = 30 * time.Minute
)

// Timers.
const (
	// RequestTimeout is how long the provider may take to list a machine after it was asked for.
	RequestTimeout = 10 * time.Minute
	// JoinTimeout is how long a machine may take from being listed to joining the cluster.
	JoinTimeout = 15 * time.Minute
	// DrainTimeout is how long a node that has to go may take to finish what it does.
	DrainTimeout = 30 * time.Second
	// repeatAfter is when a request to terminate is repeated, and when an idle node that refused to go is asked again.
	repeatAfter = time.Minute
	// firstBackoff and maxBackoff bound the pause after a failed launch; it doubles with each failure in a row.
	firstBackoff = 10 * time.Second
	maxBackoff   = 10 * time.Minute
)

// Check reports what is malformed in c.
func (c *Config) Check() error {
	const op = "check the cluster"
	switch {
	case c.MaxWorkers < 0 || c.MaxWorkers > MaxWorkers:
		return spec.Errorf(op, spec.InvalidArgument, "max_workers", "%d is not between 0 and %d", c.MaxWorkers, MaxWorkers)
	case !(c.UpscalingSpeed >= 0) || math.IsInf(c.UpscalingSpeed, 0):
		return spec.Errorf(op, spec.InvalidArgument, "upscaling_speed", "%v is not a number of 0 or more", c.UpscalingSpeed)
	case c.IdleTimeout < 0:
		return spec.Errorf(op, spec.InvalidArgument, "idle_timeout_minutes", "%v is negative", c.IdleTimeout)
	case len(c.Types) > MaxTypes:
		return spec.Errorf(op, spec.LimitExceeded, "available_node_types", "%d types, at most %d", len(c.Types), MaxTypes)
	}
	least := 0
	seen := make(map[string]bool, len(c.Types))
	for _, t := range c.Types {
		id := "node type " + t.Name
		switch {
		case t.Name == "" || len(t.Name) > spec.MaxNameBytes:
			return spec.Errorf(op, spec.InvalidArgument, "", "the name of a node type has 1 to %d bytes", spec.MaxNameBytes)
		case seen[t.Name]:
			return spec.Errorf(op, spec.AlreadyExists, id, "is named twice")
		case t.MinWorkers < 0:
			return spec.Errorf(op, spec.InvalidArgument, id, "min_workers %d is negative", t.MinWorkers)
		case t.MaxWorkers < t.MinWorkers:
			return spec.Errorf(op, spec.InvalidArgument, id, "max_workers %d is below min_workers %d", t.MaxWorkers, t.MinWorkers)
		}
		if err := t.Resources.Check(); err != nil {
			return &spec.Error{Op: op, Kind: spec.KindOf(err), ID: id, Err: err}
		}
		seen[t.Name] = true
		least += t.MinWorkers
	}
	if least > c.MaxWorkers {
		return spec.Errorf(op, spec.InvalidArgument, "max_workers", "%d is below the sum of all min_workers, %d", c.MaxWorkers, least)
	}
	return nil
}

// sortedTypes returns the types by name, so that no order of a map or file reaches a decision.
func (c *Config) sortedTypes() []NodeType {
	types := slices.Clone(c.Types)
	slices.SortFunc(types, func(a, b NodeType) int { return strings.Compare(a.Name, b.Name) })
	return types
}
