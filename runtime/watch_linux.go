package wasmrt

import (
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// threadFaults is how many page faults the calling thread has taken.
func threadFaults() int64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &u) // it worked in faultsAreTold
	return int64(u.Minflt) + int64(u.Majflt)
}

// faultsAreTold reports whether threadFaults sees that a private page is written for the first time. An emulated kernel may not
// count.
var faultsAreTold = sync.OnceValue(func() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	page := os.Getpagesize()
	memory, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return false
	}
	defer unix.Munmap(memory) // a page more or less
	told := true
	for _, at := range []int{0, page} {
		_ = memory[at] // the page of zeros, a fault of its own
		before := threadFaults()
		memory[at] = 1
		told = told && threadFaults() > before
	}
	return told
})
