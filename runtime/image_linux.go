package wasmrt

import (
	"iter"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
)

// storeImage keeps the memory, and the headroom as a hole behind it, in sealed shared memory, of which sandboxes map copies on write: nobody can change it any
// more, this process included. What is outside of the runs stays a hole.
func storeImage(img *image, size uint64, runs iter.Seq2[int, []byte]) error {
	const op = "store the image"
	fd, err := unix.MemfdCreate("raywasm-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return &spec.Error{Op: op, Kind: spec.OutOfMemory, Err: err}
	}
	img.fd = fd
	fail := func(err error) error {
		_ = unix.Close(fd) // there is nothing of worth in it
		return &spec.Error{Op: op, Kind: spec.OutOfMemory, Err: err}
	}
	if size == 0 {
		return nil
	}
	if err := unix.Ftruncate(fd, int64(size+headroom)); err != nil {
		return fail(err)
	}
	for off, run := range runs {
		for len(run) > 0 {
			n, err := unix.Pwrite(fd, run, int64(off))
			if err != nil {
				return fail(err)
			}
			off, run = off+n, run[n:]
		}
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		return fail(err)
	}
	view, err := unix.MmapPtr(fd, 0, nil, uintptr(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fail(err)
	}
	img.bytes = unsafe.Slice((*byte)(view), size)
	return nil
}

// free gives the image's memory back. No sandbox of it may be left.
func (img *image) free() {
	if len(img.bytes) > 0 {
		_ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(img.bytes)), uintptr(len(img.bytes))) // only a wrong argument could make it fail
		img.bytes = nil
	}
	_ = unix.Close(img.fd) // nothing was written since the seal
}
