// Package spill keeps objects on disk that do not fit memory.
//
//	Disk ──► book: which file holds what, what can go        Target ──► directories of this machine, round robin
//	  │                                                          └────► a bucket of an S3 service (package s3)
//	  └► collector: removes files, and compacts those of which little is wanted
//
// Objects are written in batches, each batch one file; a file is complete or it is removed. Every object is a record
// with a header of its own:
//
//	"raywasm\x04"    8   what it is, and the version of the form
//	object id       28
//	length           8   of the data in bytes
//	checksum         8   XXH3 of the header up to here
//	data             .
//	checksum         8   XXH3 of the data
//
// All numbers are little-endian. The checksum of the data follows it, so that data goes to a file and through the checksum
// piece by piece, in one pass. What is read back is checked against both checksums, the id and the length: a record that
// is cut short or altered is [spec.ObjectLost], never a wrong value.
//
// Files outlive nobody: they are in a directory of the session, which is locked as long as the process lives, and whoever
// opens the same directory next removes those whose process is gone.
//
// What it is not: it decides nothing about memory (package residency does), and it is no durable storage.
//
// Invariants: an object is in one file at a time, or being copied to a second; the files' bytes are at most twice those of
// the objects that are wanted, and a slack, but for files that are being written or compacted.
package spill
