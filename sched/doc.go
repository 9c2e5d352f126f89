// Package sched decides who runs on a node. It is a pure core: events in, actions out, no I/O, goroutine, lock or clock; the
// shell feeds it and does what it says.
//
//	Request ─► waits beside resources (Until) ─ Ready ─► waits in a queue ─► granted ⇄ blocked
//	   └──────────────────────────────────────────────────────┴────────────────┴─ Release ─► over
//
// A client asks for resources under a [Lease] of its own choosing. The node grants the request when what it needs is free,
// refuses it when it never could be or its deadline has passed, and otherwise keeps it waiting, with a [Reason]. A holder that
// waits for somebody else lends its CPU (Block) and takes it back at once when it goes on (Unblock), even if it is not free, as
// in Ray. An actor needs what it is placed with and keeps what it lives with ([Ask]).
//
// Order: higher priority first; then the job that has had least of the node, by weight ([Weigh]: start-time fair queueing of
// dominant shares); then, within a job, the earliest deadline; then age. What goes first and does not fit holds back whatever
// would take from the kinds that it lacks, so that a large request is not starved by small ones; requests that need none of
// those kinds go on. A quota holds back its own namespace only.
//
// Every event may be repeated, and events may overtake each other: a request is answered again, and one that comes after its
// release is refused. The node remembers one number per client for that, because clients number their leases without gaps.
//
// What it is not: it knows nothing of tasks, actors or other nodes; which node is asked is decided in the cluster folder, and
// the bundles of placement groups in the group folder. A bundle is a node of its own on the part of a pool ([resource.Part])
// that its lease was given.
//
// Invariants: what is free is never negative, and of a GPU never more than one is lent; the sum of what leases hold is what is
// not free, and the debt that resumed holders left; what a round costs does not depend on how much waits; equal events give
// equal actions.
package sched
