// Package faults is a disk that fails: a wal.Dir in memory, in tests of what has to survive. It forgets what was not
// synced when its power is cut, stops in the middle of a write, becomes full, or flips a bit.
//
//	disk := faults.New()
//	disk.CutAfter(n)                // the process dies after n steps: bytes written, files made, removed, synced
//	... run what writes to disk until it fails ...
//	disk = disk.Killed()            // what the next process finds, when only the process died
//	disk = disk.PoweredOff(random)  // or when the machine did: what was not synced is there, lost, or there in part
//
// [Kill] ends a real process in the middle of whatever it does, for what no model shows.
//
// What it is not: a model of how long anything takes, or of a disk that loses what it said was synced.
package faults
