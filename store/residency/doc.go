// Package residency decides which objects of a node are in memory: a core. Events in, actions out; it does no I/O, and
// the same events give the same actions.
//
//	           Create                Seal                  Spill, Evict               Get
//	(nothing) ───────► queued ─► draft ───► in memory ───────────────► on disk ───────────────► restoring ─► in memory
//	                     │                     │  secondary copy
//	                     └► written to disk    └──────────────────► forgotten
//
// # Who leaves
//
// Requests for memory (new objects, and objects that come back) are served in order. While the first does not fit, leave:
//
//  1. whatever is in memory, not viewed, and need not be there: secondary copies, and objects that are on disk, too. The
//     longest unused first.
//  2. primary copies that are not viewed, the longest unused first: they are spilled, in batches of MinSpill bytes or MaxFused
//     objects, a few batches at a time.
//
// When nothing can leave, the first request waits for Grace. Then it is written to disk directly if that is possible, or
// refused. Before memory is short, primary copies that are not on disk are spilled from the Threshold on, if there is a
// whole batch; they stay in memory, and can leave at once when somebody needs the room.
//
// When the disk refuses, nothing is lost: what should have been spilled is in memory still, and spilling pauses for
// a while.
//
// What it is not: it divides memory by package extent, but writes none, and it knows no files.
//
// Invariants: an object that is viewed, a draft, or being spilled keeps its place; a primary copy is never dropped before
// it is on disk; each request is answered once.
package residency
