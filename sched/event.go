package sched

import (
	"time"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Lease names a request and the right that follows from it. Clients choose leases: each has a number on the node, and
// counts its requests from 1 without leaving a number out ([NumberLease]). 0 is no lease.
type Lease uint64

// A lease is its client's number and the client's own count.
const (
	countBits  = 40
	maxClients = 1 << (64 - countBits)
)

// NumberLease returns the client's count-th lease. Clients are numbered below 2^24, counts below 2^40.
func NumberLease(client uint32, count uint64) Lease {
	return Lease(client)<<countBits | Lease(count&(1<<countBits-1))
}

// Client returns the client that chose the lease.
func (l Lease) Client() uint32 { return uint32(l >> countBits) }

// count returns the client's own number of it.
func (l Lease) count() uint64 { return uint64(l & (1<<countBits - 1)) }

// Op says what happened.
type Op uint8

const (
	// Request asks for what Ask says.
	Request Op = iota + 1
	// Ready says that what the request waited for (Until) is there: from now on it waits for resources.
	Ready
	// Release gives a granted lease back, or withdraws a request.
	Release
	// Block lends the lease's CPU to others while its holder waits.
	Block
	// Unblock takes it back, at once.
	Unblock
	// Leave ends a client: all its leases are released.
	Leave
	// Weigh sets the weight of a job's share.
	Weigh
	// Limit sets the quota of a namespace.
	Limit
	// Tick is the passing of time.
	Tick
)

// Event is one thing that happened. An event that its lease's phase has no use for (a Release of what was released)
// changes nothing.
type Event struct {
	Op    Op
	Lease Lease
	// Of a Request: what it asks for, when it is of no use any more (0: never), and what it waits for beside resources
	// (0: nothing).
	Ask      *Ask
	Deadline int64 // nanoseconds since 1970 UTC
	Until    Reason
	Holder   any // who asks, for whoever reads the answer: it comes back as it is

	Client    uint32          // of a Leave
	Job       spec.JobID      // of a Weigh
	Weight    float64         // of a Weigh: 1 is usual; not above 0 is 1
	Namespace string          // of a Limit
	Quota     resource.Vector // of a Limit: kinds it has none of are not limited
}

// Ask is what a request wants. Equal asks are of one scheduling class. An Ask is not written to once it was given away.
type Ask struct {
	Need      resource.Vector // what must be free
	Hold      resource.Vector // what is kept once it is granted: within Need, with the same GPUs
	Priority  int32           // higher goes first
	Job       spec.JobID      // whose share it is of
	Namespace string          // whose quota it is of
	Strategy  Strategy        // which nodes will do
}

// Strategy says which nodes will do and which are preferred. The zero value is Ray's default.
type Strategy struct {
	Spread bool           // prefer nodes in turn
	Node   spec.NodeID    // this node, if it is not zero
	Soft   bool           // another one if Node is gone or can never do
	Select label.Strategy // the node's labels must fulfil one of the selectors, earlier ones preferred
}

// Verdict is what the node decided about a request.
type Verdict uint8

const (
	// Grant: the lease holds its resources from now on.
	Grant Verdict = iota + 1
	// Refuse: it will not be granted, and is forgotten.
	Refuse
)

// Action tells a client what was decided about a lease. A request that is repeated is answered again.
type Action struct {
	Verdict Verdict
	Lease   Lease
	Holder  any              // as the request said
	Devices resource.Devices // Grant: the GPUs it was given
	Reason  Reason           // Refuse: why
	Err     *spec.Error      // Refuse: why, for people
}

// The fair share's constants.
const (
	// fee is what a grant costs a job beside the time that it holds the lease: what it costs the node to begin something.
	// It makes jobs of very short tasks take turns.
	fee = float64(100 * time.Microsecond)
	// credit bounds what a job that could not use its share is owed.
	credit = float64(time.Second)
)
