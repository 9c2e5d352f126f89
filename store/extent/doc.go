// Package extent divides a range of bytes into blocks: which part of an arena an object gets, and what comes back.
//
// A [Space] works in pages of [PageSize]. Free runs of pages are kept in two levels of lists by their length (the
// two-level segregated fit of Masmano et al., ECRTS 2004), so that a run is found and given back in constant time, and
// neighbours that are free are one run always. Blocks of at most [MaxSmall] bytes share pages: a slab is a run of pages
// cut into slots of one size.
//
//	pages  |  block, 3 pages  | free | slab of 5 KiB slots: 1 0 1 1 1 1 1 1 |      free       |
//
// What it is not: it touches no memory, knows no objects, and never moves a block.
//
// Invariants: blocks do not overlap; a block of more than MaxSmall bytes begins at a page and shares none; two free
// runs are never adjacent; a block takes at most a quarter more than was asked for, or one slot of 64 bytes; a slab
// whose slots are all free is free pages again.
package extent
