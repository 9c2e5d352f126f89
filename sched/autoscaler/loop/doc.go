// Package loop runs the autoscaler: every five seconds it looks at the provider's machines and at the cluster, asks the core
// what to do, and has it done. It decides nothing.
//
// Actions are carried out beside the rounds, so that a slow cloud holds nothing up: those for one instance one after the other,
// at most maxBusy instances at a time. What came of them is part of a later round's observation. A round whose view cannot
// be had is left out.
//
// What it is not: a provider. [Provider] is the seam; the suite in the providertest folder says what one must keep.
//
// Invariants: whatever the core asked for gets exactly one result; when Run returns, nothing that it started runs on.
package loop
