// Package host runs raywasm inside a Go program: it opens a node, loads WebAssembly modules and runs their functions
// and actors in sandboxes.
//
//	node, err := host.Open(ctx, host.Config{})
//	defer node.Close()
//	module, err := node.Load(ctx, wasm)
//	job, err := node.NewJob(ctx, host.JobConfig{Module: module})
//	defer job.Close()
//	sum, err := host.Call[int](ctx, job, "add", 1, 2)
//
// It is the shell around the pure cores: sched decides who runs, owner counts references, decides retries and the life
// of actors, runtime runs sandboxes, store keeps bytes. This package does the I/O, owns the goroutines and locks, and
// decides nothing that a core can decide.
//
// With Config.DataDir detached actors and the table of jobs outlive the node: the next one in that directory goes on with
// them, however this one ended.
//
// What it is not: it speaks to no other node. Objects, and actors that are not detached, end with it.
//
// Invariants:
//   - Every goroutine belongs to a scope (the node's or a job's) and Close waits for it.
//   - A lock guards memory only: no lock is held while a sandbox runs, a callback is called or anything waits.
//   - A guest's fault becomes an error of its task; nothing a guest does panics the host.
//   - What a sandbox referred to is released when the sandbox ends.
package host
