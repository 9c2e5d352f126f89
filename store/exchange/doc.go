// Package exchange moves objects between the stores of nodes: the shell of package transfer.
//
//	Fetch ──► transfer.Puller ──► Locations.Source ──► Link.Fetch, chunk by chunk ──► a secondary copy in the store
//	                                  │                    │
//	       the owner's [Directory] ◄──┘                    └──► Serve of the peer, from its store or of what it is getting
//
// An [Exchange] belongs to one node. Whoever needs an object there calls [Exchange.Fetch]; what several want comes once.
// Its owner knows where copies are ([Locations], behind which there is a [Directory]), and names a source. The object's
// chunks come several at a time and are written where they will stay. When a source fails the owner names another one,
// and the object goes on where it was: it is lost only when there is no copy left that the owner knows of. Fetching waits
// while the store has no room. An object that takes room of which nothing comes gives it up for a while: its source may
// have to bring the object back from disk, and be waiting for this node in the same way.
//
// A node serves the chunks that it has of an object that it is still getting. So an object that all nodes want spreads as
// a tree, and its source sends it to a few.
//
// # How it is used
//
// A node opens its store with Evicted telling owners that it has an object no more, then its exchange, and answers peers'
// requests with Serve. An owner keeps a Directory: Added when a node made an object, Removed when one has it no more, Gone
// with what is lost then, and Freed with who is to drop it. The node's side of it, Locations, is the Directory itself
// where the owner is, and a message to the owner's node elsewhere.
//
// # What is checked
//
// A source tells the CRC-32C of every chunk of the object. No chunk counts, or is served on, before it has its sum; and a
// source that tells other sums than the one before has another object, for it was made again: then all of it comes anew.
// So an object is sealed when each of its chunks has the sum that one node which has all of it told.
//
// What it is not: no transport. A [Link] carries a request to a peer and its answer back; what a peer says is bounded by
// the request. Nor does it know who refers to an object: the owner says when a copy is to be dropped.
//
// Invariants: an object on its way takes its room first; nobody writes to it after it was sealed or given up; no lock is
// held during I/O; every goroutine has ended when Close returns.
package exchange
