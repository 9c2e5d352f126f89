// Package resource counts what nodes have and what work needs: CPUs, GPUs, bytes of memory, and resources that a cluster
// names itself, in fixed point of 1e-4 ([spec.Quantity]).
//
// A [Vector] is an amount of each. CPU, GPU and memory are fields; custom resources are a short list sorted by name,
// whose names are interned, so that comparing two of them is comparing two pointers. A vector without custom resources
// is 48 bytes and never allocates. A [Pool] is what a node, or a placement group's bundle on it, can lend: vectors for
// what is there and what is free, and the GPUs one by one, because half of one GPU and half of another are not a GPU.
//
// What it is not: [spec.Resources] is the form for people and for the wire; this one is for deciding. It does not know
// who holds what.
//
// Invariants: a vector's list is sorted, has no zero and is never written to once the vector is made; a pool's free GPU
// amount is the sum over its devices; a GPU need of at most one lies on one device, a larger one is whole devices.
package resource
