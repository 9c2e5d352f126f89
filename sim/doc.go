// Package sim runs whole clusters in one thread and in simulated time. What decides is real: the lease core of every node
// (sched.Node), placement groups (sched/group: one core and a holder on each node), and the owner's duties (owner.RetryPolicy,
// owner.Refs, owner.Actor). What is simulated is the world: time, the network, machines, and guests, which are models that take a
// while, submit children, fail or crash.
//
//	Program ──► World ──► Result
//	nodes       queue of events in order of time; the head (groups, deaths, who waits), the owner
//	tasks       (tasks, actors, references), nodes (leases, reservations, what runs), and messages
//	groups      between them that are lost, doubled, late and cut off
//	actors
//	faults      after every step: the invariants (check.go)
//
// A [Program] is data: all that is to happen, drawn from a seed ([Generate]) or read from a workload file. The same program gives
// the same run to the last event. One that fails is shrunk ([Shrink]) while it fails, and its seed goes to the graveyard.
//
// What it is not: it runs no WebAssembly and measures no time of this machine. The head and the owner share a place that does not
// die; their death is another layer's matter.
//
// Invariants: equal programs and options give equal digests; nothing happens outside of the event queue.
package sim
