package hostcall

import "github.com/raywasm/raywasm/spec"

// Limits of the ABI beside those of package spec.
const (
	// MaxWaited bounds the refs of one get or wait: each costs the host some 80 bytes while it waits.
	MaxWaited = 1 << 20
	// MaxPassedBytes bounds the values, in bytes, passed for one call: they stay in the host's memory until the task has
	// run, and a large value has its place in the object store.
	MaxPassedBytes = 64 * spec.MiB
	// MaxResultBytes bounds the results of one call together, in bytes: they are copies that the host holds at once.
	MaxResultBytes = spec.MaxValueBytes
	// MaxLoggedBytes bounds what one call may log, in bytes; a driver's whole run is one call. More belongs on stderr.
	MaxLoggedBytes = 64 * spec.MiB
	// LogRecordBytes is what a record counts beside its text, in bytes: its time, level and origin are written too.
	LogRecordBytes = 128
)
