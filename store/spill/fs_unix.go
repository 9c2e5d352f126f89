//go:build unix

package spill

import (
	"os"

	"golang.org/x/sys/unix"
)

// Full asks the system.
func (OS) Full(dir string) (used float64, size int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	if s.Blocks == 0 {
		return 0, 0, nil
	}
	return 1 - float64(s.Bavail)/float64(s.Blocks), int64(s.Blocks) * int64(s.Bsize), nil
}

// lock takes a directory for this process, as long as it lives or until it is closed. wait: until it is free; otherwise
// it fails if another process has it.
func lock(dir string, wait bool) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_EX
	if !wait {
		how |= unix.LOCK_NB
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}
