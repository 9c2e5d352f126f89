// Package wasi is WASI preview 1 (module "wasi_snapshot_preview1") as host functions for every engine: deny by default,
// the same under each of them, and reset in place between the calls of a sandbox.
//
//	engine.Config{Imports: wasi.Funcs()}
//
//	var system wasi.System
//	system.Reset(wasi.Config{Args: []string{"task"}, Stderr: log})
//	guest := &engine.Guest{System: &system}
//	// ... the guest runs ...
//	system.Close()
//
// A guest has its arguments, its environment, an empty stdin, a stdout and a stderr of bounded volume, clocks, entropy
// and, if its embedder says so, one read-only tree of files. It has no network, no signals, no other process and
// nothing that it could change.
//
// What it is not: it is not WASI 0.2 or later, it does not emulate a POSIX file system (no inode is the host's, no time
// but the modification time is known, a path's ".." is resolved by name and not by following links), and it ends no
// guest that computes: that is the engine's business.
//
// The specification is https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md. What it leaves open is
// decided by what the standard library of Go, wasi-libc and that of Rust do with the answer.
//
// Invariants:
//
//   - Every pointer, length and count that a guest passes is hostile. A function checks all of them before it has any
//     effect, and allocates nothing in proportion to a number that it has not checked against the guest's memory.
//   - What a guest can make its host hold or do is bounded; the bounds are in limits.go.
//   - A path never leaves Config.Files, nor the directory that it is relative to.
//   - While Config.Frozen is set, nothing that a guest reads depends on when, where or how often it runs.
//   - A System belongs to one goroutine at a time, that of the guest's call.
package wasi
