// Package sched decides who runs on a node. It is a pure core: events in, actions out, no I/O, goroutine, lock or
// clock; the host's shell feeds it and does what it says.
//
// A client asks for resources under a lease number of its own choosing. The node grants the request when what it needs
// is free, refuses it when it could never be, and otherwise keeps it waiting. A holder that waits for somebody else
// lends its CPU ([Block]) and takes it back at once when it goes on ([Unblock]).
//
// What it is not: it knows nothing of tasks, actors or other nodes.
//
// Order: higher priority first, then order of request. The first waiting request that does not fit holds back those of
// its own priority and below that would take from what it needs, so that a large request is not starved by a stream of
// small ones; requests that need none of the resources it lacks go on. At most maxPassed kinds of requests are passed over
// for one event, which bounds its cost.
//
// Invariants: Free is never negative; the sum of what leases hold is Total - Free + debt, where debt is what resumed
// holders took that was not free; equal events give equal actions.
package sched
