package wasi

import "github.com/raywasm/raywasm/spec"

// Limits of one sandbox. The errno after each is what the guest gets beyond it.
const (
	// maxOpen bounds the open descriptors, the standard streams included (EMFILE). POSIX asks for 20; 256 is what
	// macOS gives a process.
	maxOpen = 256
	// maxOutput bounds in bytes what the guest writes to stdout and stderr together between two resets (EDQUOT), so
	// that a loop that prints does not fill its host's log. Results travel as values, not as output.
	maxOutput = 64 * spec.MiB
	// maxTransfer bounds in bytes what one call reads or writes; beyond it the call is cut short, as POSIX allows, and
	// the guest calls again. It bounds the time that a call takes: about 5 ms of copying.
	maxTransfer = 16 * spec.MiB
	// maxBuffers bounds the buffers of one read or write (EINVAL). It is IOV_MAX of Linux.
	maxBuffers = 1024
	// maxSubscriptions bounds those of one poll (EINVAL). Only stdin, stdout, stderr and open files can be waited for,
	// each for two reasons, and clocks.
	maxSubscriptions = 4096
	// maxPath bounds in bytes a path and what it resolves to (ENAMETOOLONG). It is PATH_MAX of Linux.
	maxPath = 4096
	// maxListed bounds the directory entries that all open directories hold together (EOVERFLOW): about 8 MiB.
	maxListed = 65_536
	// maxServed bounds in bytes the entropy that is remembered while an image is taken. Generators are seeded with 16
	// to 64 bytes, early; whoever asks for more gets it, but it is not remembered.
	maxServed = 64 * spec.KiB
	// randomChunk is how many bytes of entropy are made between two looks at whether the call has been given up.
	randomChunk = 1 * spec.MiB
)
