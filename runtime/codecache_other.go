//go:build !linux

package wasmrt

import (
	"io/fs"
	"time"
)

// lastUse is when the file was written.
func lastUse(info fs.FileInfo) time.Time { return info.ModTime() }
