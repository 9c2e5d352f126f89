package hostcall

import "github.com/raywasm/raywasm/spec"

// Limits of the ABI beside those of package spec.
const (
	// MaxWaited bounds the refs of one get or wait, so that one call of a guest's does not keep the host busy for long.
	MaxWaited = 1 << 20
	// MaxPassedBytes bounds the values, in bytes, passed for one call: what is passed is copied, and a large value has its
	// place in the object store.
	MaxPassedBytes = 64 * spec.MiB
	// MaxResultBytes bounds the results of one call together, in bytes: they are copies that the host holds at once.
	MaxResultBytes = spec.MaxValueBytes
	// MaxLoggedBytes bounds what one call may log, in bytes; a driver's whole run is one call. More belongs on stderr.
	MaxLoggedBytes = 64 * spec.MiB
	// LogRecordBytes is what a record counts beside its text, in bytes: its time, level and origin are written too.
	LogRecordBytes = 128
)

// What a guest makes its host keep, in bytes. A session reserves it of its Memory as it grows; the sizes are those of the
// Go values, with what doubling slices leaves unused.
const (
	// LinkBytes is a link in a value, and again where it is counted.
	LinkBytes = 128
	// ValueBytes is an argument or a result, beside its bytes and links.
	ValueBytes = 192
	// HandleBytes is a place in the table of handles.
	HandleBytes = 112
	// WaitedBytes is a ref in a get or wait, while that lasts.
	WaitedBytes = 96
	// Allowance is what every session holds without a reservation: it is little beside the sandbox's own, and most calls
	// need no more.
	Allowance = 16 * spec.KiB
)
