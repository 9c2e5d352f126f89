// Package wal is a log on disk: records are appended, in batches that are durable before they are acknowledged, and the
// oldest are dropped when whoever keeps the log has no use for them. The control store of a single node (control/local)
// and the store of sleeping actors (store/checkpoints) are indexes over such a log.
//
//	dir, err := wal.OpenDir(path)                       // locks it
//	log, err := wal.Open(dir, wal.Options{Purpose: "actors"}, func(p wal.Place, r wal.Record) error { ... })
//	places, err := log.Append(records)                  // one write, one fsync
//	record, err := log.Read(places[0])
//	err = log.DropBefore(segment)
//
// The log is a row of segment files, numbered without a gap. All numbers are little-endian, checksums are CRC-32C.
//
//	segment:  magic "raywasml" 8 | version 4 | purpose 16 | number 8 | its first batch 8 | salt 8 | checksum 4, then batches
//	batch:    salt 8 | number 8 | records 4 | length of what follows 8 | checksum 4, then records
//	record:   length of meta 4 | length of body 4 | checksum of the lengths and meta 4 | checksum of body 4 | meta | body
//
// A batch is written only after the one before it is durable. So a broken batch that another follows was damaged after
// it had been acknowledged (spec.Corrupted), and a broken one at the end of the log is what a crash left half written: it
// was never acknowledged, and is cut off. Close ends the log with an empty batch, so that damage to the last records of
// a log that was closed is found too. Batches are told from data by the segment's random salt, which nobody outside
// knows: bytes that a guest chose are never taken for one.
//
// The directory is locked by its process. It is read by the same version of the form only.
//
// What it is not: it groups no writers (Append has one caller at a time), and does not know which records are alive.
//
// Invariants: a record that Append returned a place for is read back exactly, or is an error; records come back at Open
// in the order in which they were appended; a batch is there whole or not at all.
package wal
