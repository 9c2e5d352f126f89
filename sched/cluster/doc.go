// Package cluster chooses nodes. A [View] is what one node knows of all: totals, what is free, labels, who is draining, each as
// of its newest version. [View.Pick] is a function of the view, the request and a random source that is passed in.
//
// Policies are Ray's, with its constants:
//
//	default    a node's score is its utilisation, or 0 below Threshold; a random one of the best TopK, at least one. The local
//	           node if none is better. Work without GPUs avoids nodes that have some. Work that needs nothing: any node
//	locality   with no strategy said, the node that has most bytes of the arguments, if there is room
//	spread     available nodes in turn
//	affinity   that node: waits if it is busy; fails if it is gone or can never run it, or, if soft, goes on with the default
//	labels     the first selector that an available node fulfils; then the first that some node could ever
//
// Nodes lie in buckets by score, and a tree over each knows the most that is free below, so that a choice among ten thousand
// nodes looks at a few dozen cells.
//
// What it is not: it is no truth. Views are late, and who is chosen may refuse; what is queued where is told in package sched.
//
// Invariants: a node that is available is found if there is one; no draining node is chosen; the score of what is chosen is
// among the best TopK available, up to one bucket; equal views, requests and random sources give equal choices.
package cluster
