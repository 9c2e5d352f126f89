package wasmrt

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// maxPreparedBytes bounds the file of one prepared module: a Go guest's has 7 MB. What is larger is prepared every time.
const maxPreparedBytes = 256 * spec.MiB

// preparedCache keeps prepared modules in a directory, one file for each: "prepared-" and the key in hexadecimal. Files
// appear whole, by renaming, and are never changed; one that is not as it should be is removed. nil keeps nothing.
type preparedCache struct {
	dir string
	log *zap.Logger
	by  spec.Digest // who prepares
}

// newPreparedCache opens the cache of a runtime; nil if what it makes cannot be told from what others make. What a
// module becomes depends on this program (how it rewrites modules, what its host functions answer while a module is
// initialised), on the engine that ran the initialisation and on the functions that may be imported.
func newPreparedCache(dir, engineName string, imports []engine.HostFunc, log *zap.Logger) *preparedCache {
	build := buildID()
	if build == "" {
		log.Info("modules are prepared every time: this program was linked without a build ID")
		return nil
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %x %q\n", preparedMagic, build, engineName)
	for _, f := range imports {
		fmt.Fprintf(h, "%q %q %v %v\n", f.Module, f.Name, f.Params, f.Results)
	}
	return &preparedCache{dir, log, spec.Digest(h.Sum(nil))}
}

// key returns the key of a program's prepared module, with what was done to warm it; keeps is false if nobody can tell
// what that was.
func (c *preparedCache) key(program spec.Digest, cfg LoadConfig) (key spec.Digest, keeps bool) {
	if c == nil || cfg.Warm != nil && cfg.WarmName == "" {
		return spec.Digest{}, false
	}
	h := sha256.New()
	h.Write(c.by[:])
	h.Write(program[:])
	if cfg.Warm != nil {
		io.WriteString(h, cfg.WarmName)
	}
	return spec.Digest(h.Sum(nil)), true
}

func (c *preparedCache) path(key spec.Digest) string {
	return filepath.Join(c.dir, "prepared-"+hex.EncodeToString(key[:]))
}

// load returns a prepared module, nil if it is not kept.
func (c *preparedCache) load(key spec.Digest) *prepared {
	b, err := readBounded(c.path(key), maxPreparedBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var p *prepared
	if err == nil {
		p, err = decodePrepared(b, key)
	}
	if err != nil {
		c.log.Warn("prepared module removed", zap.String("path", c.path(key)), zap.Error(err))
		_ = os.Remove(c.path(key)) // what is prepared now will replace it anyhow
		return nil
	}
	return p
}

// readBounded reads a file of at most so many bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, errors.New("it is too large")
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// save keeps a prepared module.
func (c *preparedCache) save(key spec.Digest, p *prepared) error {
	b, err := p.encode(key)
	if err != nil || len(b) > maxPreparedBytes {
		return err
	}
	f, err := os.CreateTemp(c.dir, "prepared-*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path(key))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}
