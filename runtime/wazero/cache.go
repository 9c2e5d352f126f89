package wazero

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// The code of each module is kept in a directory of its own, which appears whole, by renaming:
//
//	<cache directory>/wazero-<SHA-256 of wazero's version and the module>/
//	    stub                                     the stub of the module, with checksums, as below
//	    wazero-<version>-<processor>-<system>/
//	        <wazero's key of the stub>           the code, in wazero's form
//
//	stub
//	| CRC-32C of all that follows | CRC-32C of the code's file | its length in bytes | the stub |
//	0                             4                            8                     16
//
// Numbers are little-endian. wazero checks only a part of its file: one that was cut short or altered makes it fail or,
// worse, run it. So both files are checked here before wazero sees them. What does not fit is removed and compiled again.
//
// Why a stub. wazero decodes and validates a module before it asks its cache for the code, and the bodies of the
// functions are nearly all of that work: 65 of 87 milliseconds for a Go program of 5 MB. [wasmbin.Stub] is the module
// without them. It is compiled once, so that wazero makes a file for it; the file's content is then replaced by the code
// of the module itself; and from then on the stub is loaded in place of the module.
//
// Why that is sound, in wazero 1.12. The bodies are valid: the module itself was validated and compiled before anything
// was kept. The code's file (engine_cache.go) holds offsets of functions, machine code, the clauses of try_table and a
// source map, which is empty without debug information; none of it is derived from the module again when it is loaded.
// The machine code relies on the layout of a module's context (NewModuleContextOffsetData), on indexes of types, functions,
// globals, tables, tags and segments, all of which come from sections that the stub has unchanged. And when code has been
// loaded or compiled, wazero looks at the code section for host functions only. Which functions ref.func may name matters to
// the validation alone. A new version of wazero has to be read again for this; it has keys of its own, so it never loads
// what an older one left.
//
// A stub must never be compiled in place of being loaded: each of its functions would trap. wazero compiles what it finds
// no file for, which happens if another process removes the file at that moment, or if the processor has other features
// than the one before, for they are part of wazero's key. But what wazero compiles it writes. So the file that was
// checked stays open, and if the directory does not have that same file, and no other one, when wazero is done, the code
// is thrown away. Nothing is ever written in place, and no file that was replaced comes back.

// stubName is the file with the stub, stubHead the length of its checksums.
const (
	stubName = "stub"
	stubHead = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged: the files are not as they were written.
var errDamaged = errors.New("the kept code is damaged")

// kept is the directory of one module.
type kept string

// keptFor returns the directory of a module, whether it is there or not.
func keptFor(cacheDir string, wasm []byte) kept {
	h := sha256.New()
	io.WriteString(h, version()+"\n")
	h.Write(wasm)
	return kept(filepath.Join(cacheDir, "wazero-"+hex.EncodeToString(h.Sum(nil))))
}

// load returns the module's code, nil if none is kept. What is damaged is removed.
func (e *wazeroEngine) load(ctx context.Context, k kept) engine.Code {
	stub, file, err := k.open()
	if err == nil {
		defer file.Close()
		var c engine.Code
		if c, err = e.compileIn(ctx, string(k), stub); err == nil {
			if k.holds(file) {
				return c
			}
			_ = c.Close() // nothing runs in it
		}
	}
	_ = os.RemoveAll(string(k)) // what cannot be removed is found unfit again
	return nil
}

// open returns the stub and wazero's file, both checked.
func (k kept) open() (stub []byte, file *os.File, err error) {
	b, err := os.ReadFile(filepath.Join(string(k), stubName))
	if err != nil {
		return nil, nil, err
	}
	if len(b) < stubHead || binary.LittleEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return nil, nil, errDamaged
	}
	path, err := codeFile(string(k))
	if err != nil {
		return nil, nil, err
	}
	if file, err = os.Open(path); err != nil {
		return nil, nil, err
	}
	if sum, err := checksum(file); err != nil || !bytes.Equal(sum, b[4:stubHead]) {
		_ = file.Close() // it was only read
		return nil, nil, errDamaged
	}
	return b[stubHead:], file, nil
}

// holds reports whether the directory has that file, and no other one of wazero's.
func (k kept) holds(file *os.File) bool {
	path, err := codeFile(string(k))
	if err != nil {
		return false
	}
	is, err := os.Stat(path)
	if err != nil {
		return false
	}
	want, err := file.Stat()
	return err == nil && os.SameFile(is, want)
}

// codeFile returns the path of wazero's file in a directory that has one.
func codeFile(dir string) (string, error) {
	found, err := fs.Glob(os.DirFS(dir), "wazero-*/*")
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", errDamaged
	}
	return filepath.Join(dir, filepath.FromSlash(found[0])), nil
}

// checksum returns the CRC-32C and the length of a file, read from where it is to its end.
func checksum(file *os.File) ([]byte, error) {
	crc := crc32.New(castagnoli)
	n, err := io.CopyBuffer(crc, struct{ io.Reader }{file}, make([]byte, 256<<10)) // the file alone would be copied in small pieces
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, crc.Sum32()), uint64(n)), err
}

// compileAndKeep compiles a module and keeps the code. What cannot be kept is compiled again next time.
func (e *wazeroEngine) compileAndKeep(ctx context.Context, k kept, wasm []byte) (engine.Code, error) {
	tmp, err := os.MkdirTemp(e.cacheDir, "wazero-*.tmp")
	if err != nil {
		return e.compile(ctx, wasm, nil)
	}
	defer os.RemoveAll(tmp)
	own, next := filepath.Join(tmp, "own"), filepath.Join(tmp, "kept")
	c, err := e.compileIn(ctx, own, wasm)
	if err != nil && ctx.Err() == nil { // the reason may be the directory
		return e.compile(ctx, wasm, nil)
	}
	if err != nil {
		return nil, err
	}
	if e.prepare(ctx, own, next, wasm) == nil {
		_ = os.Rename(next, string(k)) // fails if another process was faster
	}
	return c, nil
}

// prepare makes a directory as load expects it, with the code of a module that was compiled in the directory own.
func (e *wazeroEngine) prepare(ctx context.Context, own, next string, wasm []byte) error {
	code, err := codeFile(own) // there is none where wazero interprets
	if err != nil {
		return err
	}
	stub, err := wasmbin.Stub(wasm)
	if err != nil {
		return err
	}
	c, err := e.compileIn(ctx, next, stub)
	if err != nil {
		return err
	}
	_ = c.Close() // nothing runs in it
	place, err := codeFile(next)
	if err != nil {
		return err
	}
	if err := os.Rename(code, place); err != nil {
		return err
	}
	file, err := os.Open(place)
	if err != nil {
		return err
	}
	defer file.Close()
	sum, err := checksum(file)
	if err != nil {
		return err
	}
	b := append(append(make([]byte, 4, stubHead+len(stub)), sum...), stub...)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return os.WriteFile(filepath.Join(next, stubName), b, 0o600)
}

// compileIn compiles a module, or loads its code, with wazero's files in a directory.
func (e *wazeroEngine) compileIn(ctx context.Context, dir string, wasm []byte) (engine.Code, error) {
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, err
	}
	c, err := e.compile(ctx, wasm, cache)
	if err != nil {
		_ = cache.Close(ctx) // nothing of it is used
		return nil, err
	}
	return c, nil
}
