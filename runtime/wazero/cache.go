package wazero

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"
)

// wazero keeps compiled code in files and checks only a part of them: a file that was cut short or altered makes it fail,
// or worse, run it. So each module has a directory of its own, and beside wazero's file one with its checksum, written
// when the code was compiled. What does not fit its checksum is removed and compiled again.
//
//	<cache directory>/<SHA-256 of the module>/...    wazero's
//	<cache directory>/<SHA-256 of the module>/sum    CRC-32C and length of all of wazero's files, little-endian

// sumName is the file with the checksum.
const sumName = "sum"

// moduleCache is the directory of one module.
type moduleCache struct {
	dir    string
	cache  wazero.CompilationCache
	sealed bool // there is a checksum and it is right
}

// openCache opens the directory of a module, emptied if what is in it is damaged.
func openCache(dir string, wasm []byte) (*moduleCache, error) {
	digest := sha256.Sum256(wasm)
	c := &moduleCache{dir: filepath.Join(dir, hex.EncodeToString(digest[:]))}
	want, err := os.ReadFile(filepath.Join(c.dir, sumName))
	if err == nil {
		var have []byte
		have, err = checksum(c.dir)
		c.sealed = err == nil && string(have) == string(want)
	}
	if !c.sealed {
		if err := os.RemoveAll(c.dir); err != nil {
			return nil, err
		}
	}
	c.cache, err = wazero.NewCompilationCacheWithDir(c.dir)
	return c, err
}

// seal writes the checksum of what has been compiled. Whoever looks meanwhile finds none, and compiles.
func (c *moduleCache) seal() error {
	if c.sealed {
		return nil
	}
	sum, err := checksum(c.dir)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, sumName+".*")
	if err != nil {
		return err
	}
	if _, err = f.Write(sum); err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(c.dir, sumName))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}

// checksum reads wazero's files, in the order of their names.
func checksum(dir string) ([]byte, error) {
	var crc uint32
	var length uint64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Dir(path) == dir {
			return err
		}
		b, err := os.ReadFile(path)
		crc = crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), b)
		length += uint64(len(b))
		return err
	})
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, crc), length), err
}
