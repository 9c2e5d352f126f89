package wasmrt

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// maxCacheBytes bounds the cache directory, in bytes: some sixty Go guests of 30 MB, prepared and compiled.
const maxCacheBytes = 2 * spec.GiB

// prune removes the entries of dir that were longest unused until at most limit bytes are left. An entry is a file or a
// directory with all in it: a prepared module, or an engine's code. Whoever writes them does so under names that depend on
// all that they were made of, whole or not at all, with a checksum; an entry that is in use when it is removed costs its
// user, or the next one, no more than making it again.
func prune(dir string, limit int64) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var entries []cacheEntry
	var total int64
	for _, name := range names {
		e := measure(filepath.Join(dir, name.Name()))
		entries = append(entries, e)
		total += e.size
	}
	slices.SortFunc(entries, func(a, b cacheEntry) int { return a.used.Compare(b.used) })
	for _, e := range entries {
		if total <= limit {
			break
		}
		if err := os.RemoveAll(e.path); err != nil {
			return err
		}
		total -= e.size
	}
	return nil
}

// cacheEntry is what goes or stays as one.
type cacheEntry struct {
	path string
	size int64     // of its files
	used time.Time // last of them
}

// measure walks over an entry. What somebody else removes meanwhile does not count.
func measure(path string) cacheEntry {
	e := cacheEntry{path: path}
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		e.size += info.Size()
		if used := lastUse(info); used.After(e.used) {
			e.used = used
		}
		return nil
	})
	return e
}
