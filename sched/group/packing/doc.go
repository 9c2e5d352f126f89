// Package packing finds nodes for the bundles of a placement group. A [Room] is the nodes and what is free on them; its
// Place answers a [Query] with a node for every bundle, or with what is short.
//
//	STRICT_PACK    the first node that holds all bundles: exact, but for parts of GPUs
//	STRICT_SPREAD  a matching of bundles and nodes, by augmenting paths: exact
//	PACK           one node if one holds all, else first fit by hardness, else a search
//	SPREAD         a matching if there is one, else as much of one as there is and the rest where the fewest lie, else a search
//
// The search tries one node of each kind of equal ones for one bundle after the other, and gives up after [MaxSteps] tries:
// laying bundles of several resources on nodes is hard in general. Up to that bound a placement is found if and only if there is
// one. Nodes without GPUs come first, so that bundles without GPUs leave those with GPUs alone where they can.
//
// What it is not: it reserves nothing and sends nothing; what is free is what its user says.
//
// Invariants: equal histories give equal answers; taking the bundles of an answer in its order gives each the GPUs it needs,
// each on one device or on whole ones.
package packing
