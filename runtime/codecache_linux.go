package wasmrt

import (
	"io/fs"
	"syscall"
	"time"
)

// lastUse is when the file was read last, as far as the file system notes it, or written.
func lastUse(info fs.FileInfo) time.Time {
	used := info.ModTime()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if read := time.Unix(stat.Atim.Unix()); read.After(used) {
			used = read
		}
	}
	return used
}
