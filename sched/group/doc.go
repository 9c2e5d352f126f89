// Package group is the life of placement groups. It is two pure cores and the messages between them: [Groups], one for the
// cluster, decides where bundles lie; a [Holder] on each node reserves them.
//
//	client ── Create, Wait, Remove ──►  Groups  ── Prepare, Commit, Cancel ──►  Holder ──► the node's resources
//	                                            ◄─ Prepared, Refused, Committed, Gone ─┘
//
// A group is reserved all at once or not at all: its bundles are prepared on every node, and only when all of them are, they
// are committed. A refusal or a node's death before the last commit cancels the whole attempt, and the group waits for another
// one, as in Ray 100 ms, then half as long again up to a second. After that the group is CREATED; bundles that a node's death takes from it
// are reserved anew in the same way while the others stay (RESCHEDULING), before any new group that would compete with them.
//
// Every attempt has a number of its own, which names the reservation on each of its nodes. Messages may be lost, doubled and
// overtake each other: requests are repeated until they are answered, an answer to a number that is not wanted is answered with
// Cancel, and so is every such number in a node's report of what it holds, so that nothing stays reserved for nobody.
//
// What it is not: it runs nothing in bundles (the node's scheduler does), tells node deaths from silence no better than who
// reports them, and stores nothing; [Groups.Row] is what there is to store.
//
// Invariants: no client sees a group of which some bundle was never reserved; bundles of STRICT_PACK lie on one node and those of
// STRICT_SPREAD on distinct ones; a name belongs to one group of its namespace at a time; what is asked twice is done once;
// equal events give equal actions.
package group
