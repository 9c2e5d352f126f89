//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	wt "github.com/bytecodealliance/wasmtime-go/v44"
)

// cache keeps compiled code in a directory, one file for each module:
//
//	wasmtime-<key in hexadecimal>
//	| SHA-256 of key and code | code, as wasmtime serializes it |
//	0                        32
//
// The key is the SHA-256 of the compiler and the module. That the key is in the checksum ties a file to its name. Files
// appear whole, by renaming; one that is not as it should be is removed.
type cache struct {
	dir      string
	compiler [sha256.Size]byte
}

// emptyModule is the smallest module there is.
var emptyModule = []byte("\x00asm\x01\x00\x00\x00")

// openCache takes what the empty module compiles to for the compiler's identity: there is nothing in it but wasmtime's
// version, the target, the features of the processor and the settings.
func openCache(e *wt.Engine, dir string) (*cache, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, errors.New("it is not a directory")
	}
	m, err := compile(e, emptyModule)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	b, err := m.Serialize()
	if err != nil {
		return nil, owned(err)
	}
	return &cache{dir: dir, compiler: sha256.Sum256(append(b, version...))}, nil
}

type cacheKey [sha256.Size]byte

func (c *cache) key(wasm []byte) cacheKey {
	h := sha256.New()
	h.Write(c.compiler[:])
	h.Write(wasm)
	return cacheKey(h.Sum(nil))
}

func (c *cache) path(key cacheKey) string {
	return filepath.Join(c.dir, "wasmtime-"+hex.EncodeToString(key[:]))
}

func (key cacheKey) checksum(code []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(key[:])
	h.Write(code)
	return [sha256.Size]byte(h.Sum(nil))
}

// load returns the code of that key, or nil.
func (c *cache) load(e *wt.Engine, key cacheKey) *wt.Module {
	b, err := os.ReadFile(c.path(key))
	if err != nil {
		return nil
	}
	if len(b) > sha256.Size && key.checksum(b[sha256.Size:]) == [sha256.Size]byte(b) {
		m, err := wt.NewModuleDeserialize(e, b[sha256.Size:])
		if err == nil {
			return m
		}
		_ = owned(err)
	}
	_ = os.Remove(c.path(key)) // what is compiled now will replace it anyhow
	return nil
}

// save writes the code under that key.
func (c *cache) save(m *wt.Module, key cacheKey) error {
	code, err := m.Serialize()
	if err != nil {
		return owned(err)
	}
	f, err := os.CreateTemp(c.dir, "wasmtime-*.tmp")
	if err != nil {
		return err
	}
	sum := key.checksum(code)
	_, err = f.Write(sum[:])
	if err == nil {
		_, err = f.Write(code)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
