package local

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
)

// mapping is a file on disk, without a name, as memory.
type mapping struct {
	file        *os.File
	write, read []byte
}

// newMapping makes one. Its blocks are there already: a disk that is full is an error here, and no fault later.
func newMapping(dir string, size int64) (*mapping, error) {
	const op = "write to disk directly"
	fail := func(err error) (*mapping, error) {
		kind := spec.System
		if err == unix.ENOSPC || err == unix.EDQUOT {
			kind = spec.OutOfDisk
		}
		return nil, &spec.Error{Op: op, Kind: kind, ID: dir, Err: err}
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fail(err)
	}
	m := &mapping{file: os.NewFile(uintptr(fd), dir)}
	if err := unix.Fallocate(fd, 0, 0, size); err != nil {
		m.close()
		return fail(err)
	}
	for prot, view := range map[int]*[]byte{unix.PROT_READ | unix.PROT_WRITE: &m.write, unix.PROT_READ: &m.read} {
		p, err := unix.MmapPtr(fd, 0, nil, uintptr(size), prot, unix.MAP_SHARED)
		if err != nil {
			m.close()
			return fail(err)
		}
		*view = unsafe.Slice((*byte)(p), size)
	}
	return m, nil
}

func (m *mapping) fd() int { return int(m.file.Fd()) }

func (m *mapping) close() {
	for _, view := range [][]byte{m.write, m.read} {
		if len(view) > 0 {
			_ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(view)), uintptr(len(view))) // only a wrong argument could make it fail
		}
	}
	_ = m.file.Close() // it has no name: nothing is lost that was to be kept
}
