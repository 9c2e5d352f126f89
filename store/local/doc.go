// Package local keeps the objects of this node: a [store.Store] of shared memory (package arena), of which a disk (package
// spill) takes what does not fit.
//
//	Create, Get, ... ──► residency.Core ──► answers, at once
//	                          │
//	                          └──► goroutines: spill, restore, punch, map a file ──► events
//
// It is the shell of package residency: it holds the lock, the clock and the goroutines, and decides nothing.
//
// Invariants: no I/O under the lock; every goroutine has ended when Close returns; an object's bytes are written by its
// creator only, until Seal, and by nobody afterwards.
package local
