// Package autoscaler decides how many machines a cluster has. It is a pure core: each round it is shown the world as it is
// ([Observation]) and answers with what to do ([Action]): launch, drain, terminate. The shell in the loop folder carries that
// out against a provider of machines, every five seconds.
//
//	world ──► Observation ──► follow ─► trim ─► plan ─► launch ─► dismissIdle ──► []Action
//	          machines        states    max_     min, floor,      idle
//	          nodes           of the    workers, groups,          nodes
//	          demand          instances outdated demands          go
//	          results
//
// Demand is logical: the resources that queued tasks, actors and placement groups ask for, what request_resources demands as a
// floor, and min_workers. It is packed first into the nodes there are, then into new ones of the type that Ray's score
// prefers. What fits nowhere is reported with what comes nearest ([Unmet]).
//
// An instance is one machine, from the wish for it to its end, under one [ID]: the request's, the machine's and the node's. Its
// states are Ray's ([State]). An autoscaler that starts anew takes over what the provider lists; there is nothing to store.
//
// What it is not: it does not place tasks (the scheduler does, in its own way; a plan that differs costs a node too many for
// the idle timeout at most), it knows no cloud, and it looks at no load, only at demand.
//
// Invariants: machines are never more than max_workers, of a type or in all, those on their way in and out included; a node
// goes for idleness only if it has had no task, actor or referenced object for the idle timeout, nobody waits for it, and
// min_workers are left without it, and it may refuse; the head is never touched; a group's new nodes are launched for all of
// its bundles or not at all; equal observations give equal actions.
package autoscaler
