// Package transfer decides how objects get from node to node: cores, no I/O.
//
// A [Directory] is the owner's knowledge of where the copies of its objects are, and of who gets one from whom. Each copy
// serves at most so many others at a time, and whoever has got one serves the next: an object that all nodes want
// spreads as a tree, in a time that grows with the logarithm of their number, and no node sends it to all.
//
//	Added, Want ──► Serve: from whom to whom ──► Got, Failed ──► Serve ...
//
// A [Puller] is the node's side: which of the objects that it wants come now, chunk by chunk, several at a time. The most
// urgent come first; what several want comes once; a source that fails is replaced, and what is here stays.
//
//	Pull ──► Locate ──► From ──► Fetch chunks ──► Came, NoChunk ──► Complete
//
// What it is not: it moves no bytes, and it does not notice that a node is gone (NodeGone says so).
//
// Invariants: a node is served an object once at a time; no copy serves more than Fanout; who wants what is answered by
// Serve or Lost, in the order in which they came.
package transfer
