// Package local is the control store of one node alone: in its process, without a server or a port, in a directory or in
// memory only.
//
//	dir, err := wal.OpenDir(path)
//	store, err := local.Open(dir)     // local.Open(nil) keeps nothing
//	defer store.Close()
//
// All of it is in memory, in trees of which each commit makes a new version that shares what it did not change: readers
// never wait for writers. What is on disk is the log of the changes (package wal), to which is copied from time to time
// what is alive, so that the log's beginning can be dropped.
//
// One goroutine, the committer, takes what is waiting, decides it in order on a version that nobody sees yet, writes it to
// the log by one fsync, and then shows the version and answers. So nobody sees what is not durable, and a failed write
// leaves everything as it was.
//
// What it is not: replicated. Its history for watches is in memory: after a restart a watch begins at the present.
//
// Invariants: those of package control; a lease lasts for its full TTL again after a restart.
package local
