package spill

import (
	"os"

	"golang.org/x/sys/unix"
)

// preallocate takes the place on disk for size bytes of a file, if the file system can.
func preallocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if err == unix.EOPNOTSUPP {
		return nil
	}
	return err
}
