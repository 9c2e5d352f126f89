package arena

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// open makes the file and maps it.
func (a *Arena) open() error {
	fd, err := unix.MemfdCreate("raywasm-arena", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	a.file = os.NewFile(uintptr(fd), "raywasm-arena")
	if err := unix.Ftruncate(fd, a.size); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, 0o400); err != nil { // so that who has the read-only descriptor cannot open it again to write
		return err
	}
	if a.give, err = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDONLY, 0); err != nil {
		return err
	}
	if a.write, err = a.mapped(unix.PROT_READ | unix.PROT_WRITE); err != nil {
		return err
	}
	a.read, err = a.mapped(unix.PROT_READ)
	return err
}

func (a *Arena) mapped(prot int) ([]byte, error) {
	p, err := unix.MmapPtr(int(a.file.Fd()), 0, nil, uintptr(a.size), prot, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), a.size), nil
}

// populate makes pages for the first n bytes.
func (a *Arena) populate(n int64) error { return unix.Madvise(a.write[:n], unix.MADV_POPULATE_WRITE) }

// punch gives the pages of a range back.
func (a *Arena) punch(off, n int64) error {
	return unix.Fallocate(int(a.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
}

// Close gives the memory back. Nothing that Writable or Readable returned may be used any more; what others have mapped
// stays until they unmap it.
func (a *Arena) Close() error {
	for _, m := range [][]byte{a.write, a.read} {
		if len(m) > 0 {
			_ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(m)), uintptr(len(m))) // only a wrong argument could make it fail
		}
	}
	a.write, a.read = nil, nil
	for _, f := range []*os.File{a.give, a.file} {
		if f != nil {
			_ = f.Close() // it is memory: nothing is lost that was to be kept
		}
	}
	return nil
}
