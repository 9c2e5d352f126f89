// Package transfer decides how objects get from node to node: cores, no I/O.
//
// A [Directory] is the owner's knowledge of where the copies of its objects are, and of who gets one from whom. Each copy
// serves a few others at a time, and so does whoever is getting one, with the chunks that have come: an object that all
// nodes want spreads as a tree, and no node sends it to all.
//
//	Added, Want ──► Serve: from whom to whom ──► Added, Failed ──► Serve ...
//
// A [Puller] is the node's side: which of the objects that it wants come now, chunk by chunk, several at a time. The most
// urgent come first; what several want comes once; a source that fails is replaced, and what is here stays.
//
//	Pull ──► Locate ──► From ──► Fetch chunks ──► Came, NoChunk ──► Complete
//
// Package exchange is their shell. What they are not: they move no bytes, and they do not notice that a node is gone
// (NodeGone says so).
//
// Invariants: who wants an object is answered at once, by Serve or Lost; it is Lost only when there is no copy; nobody is
// served by way of itself; no copy serves more than Fanout while another could that did not fail.
package transfer
