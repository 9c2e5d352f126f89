// Package owner holds the duties of whoever owns objects and actors: counting references, deciding whether a failed
// task runs again, and the life of an actor. Its types are pure cores: events in, actions out, no I/O, goroutine, lock
// or clock; the host's shell feeds them and does what they say. Refs counts on one node and is its table of objects; Borrows
// counts between nodes, for the host of a cluster.
//
// What it is not: it stores no bytes, runs nothing, and knows nothing of resources.
//
// Invariants: a count is never negative and its zero is reported once; of an actor's calls no more run than its
// groups allow, each is answered once, and without groups those of one caller run in their order; an actor dies once.
package owner
