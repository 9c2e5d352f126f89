package wasmrt

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// maxCacheBytes bounds the directory of compiled code, in bytes: some hundred Go guests of 16 MB.
const maxCacheBytes = 2 * spec.GiB

// prune removes the files of dir that were longest unused until at most limit bytes are left. The engines write the
// files: under names that depend on code, engine and processor, whole or not at all, with a checksum.
func prune(dir string, limit int64) error {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	var total int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // somebody else removed it
		}
		files = append(files, file{path, info.Size(), lastUse(info)})
		total += info.Size()
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b file) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if total <= limit {
			break
		}
		if err := os.Remove(f.path); err != nil && !os.IsNotExist(err) {
			return err
		}
		total -= f.size
	}
	return nil
}
