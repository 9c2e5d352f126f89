package wasi

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
)

// sandbox is a guest that is nothing but a System and 64 KiB of memory: the test is its program.
type sandbox struct {
	*System
	memory memory
	guest  engine.Guest
}

var byName = func() map[string]engine.HostFunc {
	all := map[string]engine.HostFunc{}
	for _, f := range Funcs() {
		all[f.Name] = f
	}
	return all
}()

func newSandbox(t testing.TB, cfg Config) *sandbox {
	t.Helper()
	b := &sandbox{System: new(System), memory: make(memory, 64<<10)}
	b.guest.System = b.System
	b.guest.Bind(func() []byte { return b.memory })
	b.Reset(cfg)
	t.Cleanup(b.Close)
	return b
}

// end returns the error that ends the guest's call, if any, and the result.
func (b *sandbox) end(ctx context.Context, name string, params ...uint64) (errno, error) {
	f := byName[name]
	stack := append(make([]uint64, 0, 10), params...)
	if len(stack) == 0 {
		stack = stack[:1]
	}
	err := f.Func(ctx, &b.guest, stack)
	return errno(stack[0]), err
}

// call returns the result of a call that must not end the guest's.
func (b *sandbox) call(t testing.TB, name string, params ...uint64) errno {
	t.Helper()
	if len(params) != len(byName[name].Params) {
		t.Fatalf("%s: %d parameters", name, len(params))
	}
	result, err := b.end(t.Context(), name, params...)
	if err != nil {
		t.Fatalf("%s ended the call: %v", name, err)
	}
	return result
}

// want calls and compares the result.
func (b *sandbox) want(t testing.TB, want errno, name string, params ...uint64) {
	t.Helper()
	if got := b.call(t, name, params...); got != want {
		t.Fatalf("%s%v: got %v, want %v", name, params, got, want)
	}
}

// Where the tests put things in memory.
const (
	atResult = 64
	atList   = 1024
	atPath   = 4096
	atData   = 16 << 10
)

func (b *sandbox) u32(at int) uint32 { return le.Uint32(b.memory[at:]) }
func (b *sandbox) u64(at int) uint64 { return le.Uint64(b.memory[at:]) }

// put writes a text and returns where and how long it is.
func (b *sandbox) put(at int, text string) (ptr, n uint64) {
	return uint64(at), uint64(copy(b.memory[at:], text))
}

// buffers lists buffers that lie one behind the other from atData on.
func (b *sandbox) buffers(sizes ...int) (list, count uint64) {
	at := atData
	for i, n := range sizes {
		le.PutUint32(b.memory[atList+8*i:], uint32(at))
		le.PutUint32(b.memory[atList+8*i+4:], uint32(n))
		at += n
	}
	return atList, uint64(len(sizes))
}

// write writes a text by fd_write and returns how much was taken.
func (b *sandbox) write(t testing.TB, fd uint64, text string) (int, errno) {
	t.Helper()
	b.put(atData, text)
	list, count := b.buffers(len(text))
	result := b.call(t, "fd_write", fd, list, count, atResult)
	return int(b.u32(atResult)), result
}

// open opens a path for reading, following links.
func (b *sandbox) open(t testing.TB, dir uint64, path string) (uint64, errno) {
	t.Helper()
	ptr, n := b.put(atPath, path)
	result := b.call(t, "path_open", dir, lookupFollow, ptr, n, 0, rightRead, 0, 0, atResult)
	return uint64(b.u32(atResult)), result
}

// mustOpen is open for what is there.
func (b *sandbox) mustOpen(t testing.TB, path string) uint64 {
	t.Helper()
	fd, result := b.open(t, 3, path)
	if result != 0 {
		t.Fatalf("open %q: %v", path, result)
	}
	return fd
}

// read reads up to n bytes by fd_read.
func (b *sandbox) read(t testing.TB, fd uint64, n int) (string, errno) {
	t.Helper()
	list, count := b.buffers(n)
	result := b.call(t, "fd_read", fd, list, count, atResult)
	if result != 0 {
		return "", result
	}
	return string(b.memory[atData:][:b.u32(atResult)]), 0
}

var modified = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// files is a small tree.
func files() fstest.MapFS {
	return fstest.MapFS{
		"a.txt":     {Data: []byte("hello, world"), ModTime: modified},
		"empty":     {},
		"sub/b.txt": {Data: []byte("b"), ModTime: modified},
		"sub/c.txt": {Data: []byte("c")},
		"link":      {Data: []byte("sub/b.txt"), Mode: fs.ModeSymlink},
		"absolute":  {Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink},
	}
}

// counting is a tree that counts its open files.
type counting struct {
	fs.FS
	open *int
}

func (c counting) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	*c.open++
	if dir, ok := f.(fs.ReadDirFile); ok {
		return countedDir{dir, c.open}, nil
	}
	return counted{f, c.open}, nil
}

type counted struct {
	fs.File
	open *int
}

func (c counted) Close() error { *c.open--; return c.File.Close() }

type countedDir struct {
	fs.ReadDirFile
	open *int
}

func (c countedDir) Close() error { *c.open--; return c.ReadDirFile.Close() }

// ended is a context that has ended.
func ended(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

var errGivenUp = errors.New("the call was given up")
