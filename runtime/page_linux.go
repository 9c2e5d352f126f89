package wasmrt

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pageRegion is a run of pages: struct page_region of include/uapi/linux/fs.h.
type pageRegion struct{ start, end, categories uint64 }

// pageScan is struct pm_scan_arg.
type pageScan struct {
	size, flags                             uint64
	start, end, walkEnd                     uint64
	vec, vecLen, maxPages                   uint64
	inverted, mask, anyOf, returnCategories uint64
}

const (
	ioctlPageScan = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg), Linux 6.7

	pageIsFile    = 1 << 2
	pageIsPresent = 1 << 3
	pageIsSwapped = 1 << 4
	pageIsZero    = 1 << 5
)

// pagemap is a descriptor of this process's page map, -1 where it cannot be scanned. It stays open as long as the
// process lives.
var pagemap = sync.OnceValue(func() int {
	fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	page := uintptr(os.Getpagesize())
	mem, err := unix.MmapPtr(-1, 0, nil, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		_ = unix.Close(fd) // nothing was written
		return -1
	}
	*(*byte)(mem) = 1
	var probe [1]pageRegion
	n, _, ok := scanPages(fd, uintptr(mem), page, probe[:])
	_ = unix.MunmapPtr(mem, page) // a page more or less
	if !ok || n != 1 || probe[0].start != uint64(uintptr(mem)) {
		_ = unix.Close(fd) // nothing was written
		return -1
	}
	return fd
})

// scanPages finds the pages of [base, base+length) that are private copies, swapped out ones included: neither the
// file's nor the zero page. It stops when regions is full, and says where. ok is false if the kernel cannot tell.
func scanPages(fd int, base, length uintptr, regions []pageRegion) (n int, end uintptr, ok bool) {
	arg := pageScan{
		start: uint64(base), end: uint64(base + length),
		inverted: pageIsFile | pageIsZero, mask: pageIsFile | pageIsZero, anyOf: pageIsPresent | pageIsSwapped,
		returnCategories: pageIsPresent,
	}
	return arg.run(fd, regions)
}

// run scans, as scanPages does, for the pages that are asked for.
func (arg *pageScan) run(fd int, regions []pageRegion) (n int, end uintptr, ok bool) {
	arg.size = uint64(unsafe.Sizeof(*arg))
	arg.vec, arg.vecLen = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(regions)))), uint64(len(regions))
	r, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), ioctlPageScan, uintptr(unsafe.Pointer(arg)))
	return int(r), uintptr(arg.walkEnd), errno == 0
}
