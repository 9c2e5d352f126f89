package wasmrt

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
)

// maxCacheBytes bounds the cache directory, in bytes: some sixty Go guests of 30 MB, prepared and compiled.
const maxCacheBytes = 2 * spec.GiB

// A module takes about bytesPerByte times its own length in the cache, its image and its machine code, and some moduleBytes
// besides. The directory is pruned whenever a pruneShare of its bound may have been added, so it is over by little more than
// that, and a module that is compiled, which takes a second per 4 MB, pays for few looks at the directory's files.
const (
	bytesPerByte = 8
	moduleBytes  = 64 * spec.KiB
	pruneShare   = 8
)

// codeCache keeps the cache directory within its bound, however long the runtime is open. A nil one does nothing.
type codeCache struct {
	dir   string
	limit int64 // in bytes
	log   *zap.Logger

	mu    sync.Mutex // held while the directory is pruned, so that one does it
	added int64      // about how many bytes have been since
}

// openCodeCache prunes what earlier runs have left.
func openCodeCache(dir string, limit int64, log *zap.Logger) *codeCache {
	c := &codeCache{dir: dir, limit: limit, log: log}
	c.prune()
	return c
}

// add notes that a module of so many bytes has been compiled, or loaded: nobody knows which.
func (c *codeCache) add(module int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.added += bytesPerByte*int64(module) + moduleBytes; c.added >= c.limit/pruneShare {
		c.prune()
	}
}

func (c *codeCache) prune() {
	c.added = 0
	if err := prune(c.dir, c.limit); err != nil {
		c.log.Warn("code cache not pruned", zap.String("dir", c.dir), zap.Error(err))
	}
}

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
