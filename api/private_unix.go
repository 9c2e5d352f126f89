//go:build unix

package api

import (
	"io/fs"
	"os"
	"syscall"
)

// mine reports whether what info describes is this user's, and nobody else can use it.
func mine(info fs.FileInfo) bool {
	sys, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Getuid() && info.Mode().Perm()&0o077 == 0
}
