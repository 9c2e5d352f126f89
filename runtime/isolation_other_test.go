//go:build !linux

package wasmrt_test

// resets: a notebook's memory is too large to be made fresh in place, where it has to be copied.
const resets = false
