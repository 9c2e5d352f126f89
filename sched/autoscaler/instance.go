package autoscaler

import (
	"slices"
	"time"
)

// ID names an instance: its launch request, the machine that comes of it, and the node that runs there. The autoscaler
// chooses it, so that a request can be repeated and no table of names is needed.
type ID string

// State is where an instance is in its life. The names are Ray's.
type State uint8

const (
	// Queued: wanted, but not asked for yet. A wish is thought of anew every round.
	Queued State = iota + 1
	// Requested: the provider was asked for it.
	Requested
	// Allocated: the provider lists the machine.
	Allocated
	// RayInstalling: the provider says that the machine is being set up.
	RayInstalling
	// RayRunning: its node has joined the cluster.
	RayRunning
	// RayStopRequested: the node was asked to go.
	RayStopRequested
	// RayStopping: it agreed and finishes what it does.
	RayStopping
	// RayStopped: the node has left the cluster.
	RayStopped
	// Terminating: the provider was asked to end the machine.
	Terminating
	// Terminated: the machine is gone.
	Terminated
)

var stateNames = [...]string{
	"UNKNOWN", "QUEUED", "REQUESTED", "ALLOCATED", "RAY_INSTALLING", "RAY_RUNNING", "RAY_STOP_REQUESTED", "RAY_STOPPING", "RAY_STOPPED",
	"TERMINATING", "TERMINATED",
}

// String returns Ray's name.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		s = 0
	}
	return stateNames[s]
}

// MarshalText writes Ray's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads Ray's name. One that is not known is 0.
func (s *State) UnmarshalText(b []byte) error {
	*s = State(max(0, slices.Index(stateNames[:], string(b))))
	return nil
}

// next lists where an instance may go from each state.
var next = [...][]State{
	Queued:           {Requested, Terminated},
	Requested:        {Allocated, Terminating},
	Allocated:        {RayInstalling, RayRunning, Terminating},
	RayInstalling:    {RayRunning, Terminating},
	RayRunning:       {RayStopRequested, RayStopping, RayStopped, Terminated},
	RayStopRequested: {RayRunning, RayStopping, RayStopped, Terminating, Terminated},
	RayStopping:      {RayStopped, Terminating, Terminated},
	RayStopped:       {Terminating},
	Terminating:      {Terminated},
	Terminated:       nil,
}

// pending: it costs a place, or money, and is no node yet.
func (s State) pending() bool { return s == Requested || s == Allocated || s == RayInstalling }

// leaving: it is no place for new work.
func (s State) leaving() bool { return s >= RayStopRequested }

// Reason says why an instance goes.
type Reason string

const (
	// ReasonIdle: it had nothing to do for the idle timeout. The node may refuse.
	ReasonIdle Reason = "idle"
	// ReasonMaxWorkers: there are more than max_workers allows.
	ReasonMaxWorkers Reason = "max_workers"
	// ReasonOutdated: its type was changed, or is not there any more.
	ReasonOutdated Reason = "outdated"
	// ReasonFailed: it could not be launched, or did not join in time.
	ReasonFailed Reason = "failed"
	// ReasonDied: its node left the cluster.
	ReasonDied Reason = "died"
)

// Instance is one machine from the wish for it to its end.
type Instance struct {
	ID     ID        `json:"id"`
	Type   string    `json:"type"`
	State  State     `json:"state"`
	Since  time.Time `json:"since"`            // when it came to this state
	Reason Reason    `json:"reason,omitempty"` // why it goes
	Detail string    `json:"detail,omitempty"` // what it waits for, or what went wrong, for people

	digest   string
	acked    bool      // Requested: the provider took the request; Terminating: it ended the machine
	asked    time.Time // Terminating: when the provider was asked last
	deadline time.Time // RayStopRequested, RayStopping: when patience ends
	keep     time.Time // RayRunning: not asked to go for idleness before
	node     *Node     // this round's report
}

// move changes the state. A change that next does not have is a fault of this package.
func (i *Instance) move(now time.Time, to State) {
	if !slices.Contains(next[i.State], to) {
		panic("autoscaler: " + string(i.ID) + " cannot go from " + i.State.String() + " to " + to.String())
	}
	i.State, i.Since = to, now
}
