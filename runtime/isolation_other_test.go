//go:build !linux

package wasmrt_test

// resets: a notebook's memory is too large to be made fresh in place, where it has to be copied.
const resets = false

// roomBeyond is how much memory a notebook can touch, in bytes, and does not believe to have.
const roomBeyond = 0

var tracesBeyond []trace
