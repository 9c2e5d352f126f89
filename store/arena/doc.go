// Package arena is shared memory for the bytes of objects, off the Go heap.
//
// An [Arena] is one anonymous file (memfd_create(2)) mapped twice: once for those who write an object, and once
// read-only for everybody else. Who divides it is package extent; who decides what is in it is package residency.
//
// Its file can be given to another process ([Arena.File]): that descriptor is read-only, and so is whatever is mapped
// through it, but for private copies.
//
// # Pages
//
// A page costs memory from when it is written first until it is given back, and writing it first costs several times
// as much as writing it again: the kernel has to find and clear it. So the arena keeps some free pages for the next
// object ([Config].Keep), and gives back the rest by punching holes. It notes in units of [Granule] which pages have been
// written. Bytes for pages that are not there are handed to the kernel in one piece, which spares the clearing and the
// faults.
//
// What it is not: no allocator, no table of objects. Where there is no memfd the arena is plain memory without a file.
//
// Invariants: nothing that is mapped read-only, here or through File, can change the arena; pages of blocks in use are
// never given back.
package arena
