// Package control is the cluster's memory, what Ray calls the global control store: nodes, jobs, named actors, placement
// groups, and who leads. It is a narrow interface, [Store], with an implementation for one node alone (control/local:
// embedded, no server, no port) and room for a replicated one that fits it exactly.
//
//	rev, err := store.Commit(ctx, control.Txn{
//		If:  []control.Condition{{Key: "name/blue/counter", Revision: 0}}, // nobody has the name
//		Put: []control.Put{{Key: "name/blue/counter", Value: id}, {Key: "actor/" + id, Value: record}},
//	})
//
// A store is a map from keys to values with one history. Each commit that changes something takes place at one moment
// and has the next revision, a number that only grows; all of its changes have that revision, and it is seen whole or
// not at all. Every key knows the revision of its last change. So the store's rules are few:
//
//   - Decide by commit, never by a read: say what was read as [Condition]s, and read again after spec.Conflict.
//   - Follow by [Store.List] and then [Store.Watch] from the revision after the list's: nothing is missed between them.
//   - What may vanish with its writer hangs on a lease ([Put.Lease]), which the writer keeps alive. A lease ends some time
//     after its TTL, never before; who cannot renew it for that long must take it for lost before anybody else does, by a
//     clock of its own that it read before the renewal was sent.
//   - Who decides for the cluster is elected ([Campaign]) and puts its [Term] into every commit. When the term is over the
//     commit is refused with spec.StaleEpoch, however late it arrives.
//
// What it is not: a place for tasks, results, objects or counts, which go from node to node; nor for values over
// [MaxValueBytes].
//
// # For implementers
//
// The interface is the part of etcd's that is needed. Revisions are its revisions; a condition is a comparison of a key's
// mod_revision, which is 0 for a key that does not exist; a commit is one Txn (MaxTxnOps has to be raised to [MaxOps], and
// comparisons, puts and deletes count apart), whose Else branch reads the compared keys so that the error can name the one
// that did not hold; a lease is a lease, whose TTL is in whole seconds there, so it is rounded up and told. A watch is a
// Watch with a prefix, which resumes by itself after the last revision that it saw; where nothing happens under its
// prefix it has to follow progress notifications, or that revision will have been compacted when it is needed. What
// etcd offers beside that (versions of keys, reads in the past, ranges that are no prefix, nested transactions) is left
// out.
//
// The package controltest holds every implementation to this.
//
// Invariants: an acknowledged commit is never lost; revisions only grow and are never given twice; reads and watches show
// what is durable only; a commit that failed has changed nothing, unless the error says that its outcome is unknown.
package control
