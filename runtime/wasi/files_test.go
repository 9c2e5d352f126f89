package wasi

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestRead(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	fd := b.mustOpen(t, "a.txt")
	list, count := b.buffers(2, 0, 3)
	b.want(t, 0, "fd_read", fd, list, count, atResult)
	if got := string(b.memory[atData:][:b.u32(atResult)]); got != "hello" {
		t.Errorf("read %q", got)
	}
	b.want(t, 0, "fd_tell", fd, atResult)
	if at := b.u64(atResult); at != 5 {
		t.Errorf("at %d", at)
	}
	list, count = b.buffers(3, 50)
	b.want(t, 0, "fd_pread", fd, list, count, 7, atResult)
	if got := string(b.memory[atData:][:b.u32(atResult)]); got != "world" {
		t.Errorf("read %q", got)
	}
	minus5 := int64(-5)
	b.want(t, 0, "fd_seek", fd, uint64(minus5), 2, atResult)
	if at := b.u64(atResult); at != 7 {
		t.Errorf("at %d", at)
	}
	for _, want := range []string{"world", "", ""} {
		if got, e := b.read(t, fd, 100); got != want || e != 0 {
			t.Errorf("read %q, %v; want %q", got, e, want)
		}
	}
	b.want(t, einval, "fd_seek", fd, uint64(1<<63), 0, atResult)
	b.want(t, einval, "fd_seek", fd, 0, 3, atResult)
	b.want(t, einval, "fd_pread", fd, list, count, 1<<63, atResult)
	b.want(t, einval, "fd_pread", fd, list, count, math.MaxInt64, atResult)

	if got, e := b.read(t, 0, 10); got != "" || e != 0 {
		t.Errorf("stdin: %q, %v", got, e)
	}
	b.want(t, espipe, "fd_pread", 0, list, count, 0, atResult)
	for fd, want := range map[uint64]errno{1: ebadf, 3: eisdir, 77: ebadf} {
		if _, e := b.read(t, fd, 1); e != want {
			t.Errorf("read from %d: %v, want %v", fd, e, want)
		}
	}
	b.want(t, espipe, "fd_seek", 1, 0, 0, atResult)
	b.want(t, 0, "fd_seek", 3, 0, 0, atResult)
	b.want(t, einval, "fd_seek", 3, 1, 0, atResult)
}

func TestFileThatOnlyReads(t *testing.T) {
	open := 0
	b := newSandbox(t, Config{Files: counting{files(), &open}})
	fd := b.mustOpen(t, "a.txt")
	list, count := b.buffers(1)
	b.want(t, espipe, "fd_pread", fd, list, count, 0, atResult)
	b.want(t, espipe, "fd_seek", fd, 0, 0, atResult)
	b.want(t, espipe, "fd_tell", fd, atResult)
	if got, e := b.read(t, fd, 5); got != "hello" || e != 0 {
		t.Errorf("%q, %v", got, e)
	}
}

func TestReadingOverTheListOfBuffers(t *testing.T) {
	data := strings.Repeat("\xff", 64)
	b := newSandbox(t, Config{Files: fstest.MapFS{"f": {Data: []byte(data)}}})
	fd := b.mustOpen(t, "f")
	for i, buffer := range [][2]uint32{{atList + 8, 8}, {atData, 8}} {
		le.PutUint32(b.memory[atList+8*i:], buffer[0])
		le.PutUint32(b.memory[atList+8*i+4:], buffer[1])
	}
	b.want(t, 0, "fd_read", fd, atList, 2, atResult)
	if n := b.u32(atResult); n != 8 {
		t.Errorf("read %d bytes", n)
	}
}

func TestDescriptors(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	fd := b.mustOpen(t, "a.txt")
	for fd, want := range map[uint64]filetype{0: typeUnknown, 1: typeCharacterDevice, 2: typeCharacterDevice,
		3: typeDirectory, fd: typeRegularFile} {
		b.want(t, 0, "fd_fdstat_set_flags", fd, 4)
		b.want(t, 0, "fd_fdstat_get", fd, atResult)
		if got := filetype(b.memory[atResult]); got != want || b.memory[atResult+2] != 4 {
			t.Errorf("%d is %d with flags %d, want %d", fd, got, b.memory[atResult+2], want)
		}
		b.want(t, 0, "fd_filestat_get", fd, atResult)
		if got := filetype(b.memory[atResult+16]); got != want {
			t.Errorf("%d is %d, want %d", fd, got, want)
		}
		b.want(t, einval, "fd_fdstat_set_flags", fd, 1<<5)
		b.want(t, enotsup, "fd_fdstat_set_rights", fd, 0, 0)
		b.want(t, 0, "fd_sync", fd)
		b.want(t, 0, "fd_datasync", fd)
	}
	b.want(t, 0, "fd_advise", fd, 0, 0, 5)
	b.want(t, einval, "fd_advise", fd, 0, 0, 6)
	b.want(t, espipe, "fd_advise", 1, 0, 0, 0)

	b.want(t, enotsup, "fd_renumber", fd, 3)
	b.want(t, enotsup, "fd_renumber", 3, fd)
	b.want(t, ebadf, "fd_renumber", fd, 9)
	b.want(t, 0, "fd_renumber", fd, fd)
	b.want(t, 0, "fd_renumber", fd, 0)
	if got, e := b.read(t, 0, 5); got != "hello" || e != 0 {
		t.Errorf("%q, %v", got, e)
	}
	b.want(t, ebadf, "fd_close", fd)
	if again := b.mustOpen(t, "empty"); again != fd {
		t.Errorf("opened %d, want the lowest free one, %d", again, fd)
	}
}

func TestOpenFilesAreBounded(t *testing.T) {
	open := 0
	b := newSandbox(t, Config{Files: counting{files(), &open}})
	for i := 4; i < maxOpen; i++ {
		b.mustOpen(t, "a.txt")
	}
	if _, e := b.open(t, 3, "a.txt"); e != emfile || open != maxOpen-4 {
		t.Errorf("%v with %d files open", e, open)
	}
	b.want(t, 0, "fd_close", 100)
	if fd := b.mustOpen(t, "a.txt"); fd != 100 {
		t.Errorf("opened %d", fd)
	}
}

func TestPreopen(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	b.want(t, 0, "fd_prestat_get", 3, atResult)
	if kind, n := b.u32(atResult), b.u32(atResult+4); kind != 0 || n != 1 {
		t.Errorf("type %d, %d bytes", kind, n)
	}
	b.want(t, 0, "fd_prestat_dir_name", 3, atData, 1)
	if b.memory[atData] != '/' {
		t.Errorf("name %q", b.memory[atData])
	}
	b.want(t, enametoolong, "fd_prestat_dir_name", 3, atData, 0)
	for _, fd := range []uint64{0, 2, 4, b.mustOpen(t, "sub")} {
		b.want(t, ebadf, "fd_prestat_get", fd, atResult)
		b.want(t, ebadf, "fd_prestat_dir_name", fd, atData, 1)
	}
	b.Reset(Config{})
	b.want(t, ebadf, "fd_prestat_get", 3, atResult)
}

func TestFilestat(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	stat := func(path string, flags uint64) (filetype, uint64, uint64) {
		ptr, n := b.put(atPath, path)
		b.want(t, 0, "path_filestat_get", 3, flags, ptr, n, atResult)
		for _, at := range []int{40, 48} {
			if b.u64(atResult+at) != b.u64(atResult+56) {
				t.Errorf("%s: the times differ", path)
			}
		}
		return filetype(b.memory[atResult+16]), b.u64(atResult + 32), b.u64(atResult + 56)
	}
	if kind, size, when := stat("a.txt", 0); kind != typeRegularFile || size != 12 || when != uint64(modified.UnixNano()) {
		t.Errorf("a.txt: %d, %d bytes, %d", kind, size, when)
	}
	if _, _, when := stat("empty", 0); when != 0 {
		t.Errorf("a file without a time has %d", when)
	}
	if kind, _, _ := stat("sub/", 0); kind != typeDirectory {
		t.Errorf("sub: %d", kind)
	}
	if kind, _, _ := stat("link", 0); kind != typeSymbolicLink {
		t.Errorf("link: %d", kind)
	}
	if kind, size, _ := stat("link", lookupFollow); kind != typeRegularFile || size != 1 {
		t.Errorf("what link leads to: %d, %d bytes", kind, size)
	}
	ptr, n := b.put(atPath, "a.txt/")
	b.want(t, enotdir, "path_filestat_get", 3, 0, ptr, n, atResult)
}

func TestReadlink(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	ptr, n := b.put(atPath, "link")
	b.want(t, 0, "path_readlink", 3, ptr, n, atData, 100, atResult)
	if got := string(b.memory[atData:][:b.u32(atResult)]); got != "sub/b.txt" {
		t.Errorf("%q", got)
	}
	b.want(t, 0, "path_readlink", 3, ptr, n, atData, 3, atResult)
	if got := b.u32(atResult); got != 3 {
		t.Errorf("%d bytes of 3", got)
	}
	for path, want := range map[string]errno{"absolute": enotcapable, "a.txt": einval, "none": enoent, "link/": einval} {
		ptr, n := b.put(atPath, path)
		b.want(t, want, "path_readlink", 3, ptr, n, atData, 100, atResult)
	}
}

// list reads a directory in pieces of size bytes, as wasi-libc does.
func (b *sandbox) list(t *testing.T, fd uint64, size int) []string {
	t.Helper()
	var names []string
	for cookie := uint64(0); ; {
		b.want(t, 0, "fd_readdir", fd, atData, uint64(size), cookie, atResult)
		used := int(b.u32(atResult))
		buf := b.memory[atData:][:used]
		before := cookie
		for len(buf) >= entryBytes {
			n := int(le.Uint32(buf[16:]))
			if len(buf) < entryBytes+n {
				break
			}
			cookie = le.Uint64(buf)
			names = append(names, fmt.Sprintf("%s:%d", buf[entryBytes:][:n], buf[20]))
			buf = buf[entryBytes+n:]
		}
		if used < size {
			return names
		}
		if cookie == before {
			t.Fatal("no entry fits")
		}
	}
}

func TestReaddir(t *testing.T) {
	tree := files()
	b := newSandbox(t, Config{Files: tree})
	want := ".:3 ..:3 a.txt:4 absolute:7 empty:4 link:7 sub:3"
	for _, size := range []int{40, 41, 64, 100, 4096} {
		if got := strings.Join(b.list(t, 3, size), " "); got != want {
			t.Errorf("in pieces of %d: %s", size, got)
		}
	}
	if b.listed != 7 {
		t.Errorf("%d entries are held", b.listed)
	}

	delete(tree, "a.txt")
	tree["aa"] = &fstest.MapFile{}
	b.want(t, 0, "fd_readdir", 3, atData, 4096, 2, atResult)
	if got := string(b.memory[atData+entryBytes:][:5]); got != "a.txt" {
		t.Errorf("the list changed while it was read: %q", got)
	}
	if got := b.list(t, 3, 4096); got[2] != "aa:4" {
		t.Errorf("the list is old: %v", got)
	}
	b.want(t, 0, "fd_readdir", 3, atData, 4096, 1<<63, atResult)
	if n := b.u32(atResult); n != 0 {
		t.Errorf("%d bytes beyond the end", n)
	}
	b.want(t, enotdir, "fd_readdir", b.mustOpen(t, "empty"), atData, 4096, 0, atResult)
}

func TestListsAreBounded(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	b.listed = maxListed - 7
	sub := b.mustOpen(t, "sub")
	b.want(t, 0, "fd_readdir", 3, atData, 4096, 0, atResult)
	b.want(t, eoverflow, "fd_readdir", sub, atData, 4096, 0, atResult)
	b.want(t, 0, "fd_close", 3)
	b.want(t, 0, "fd_readdir", sub, atData, 4096, 0, atResult)
	b.listed = 0 // what the test added
	b.fds[sub].list = nil
}

func TestInodesTellFilesApart(t *testing.T) {
	seen := map[uint64]string{}
	for _, path := range []string{".", "a.txt", "empty", "sub", "sub/b.txt", "sub/c.txt"} {
		if other, ok := seen[inode(path)]; ok {
			t.Errorf("%s and %s have the same", path, other)
		}
		seen[inode(path)] = path
	}
	b := newSandbox(t, Config{Files: files()})
	sub := b.mustOpen(t, "sub")
	b.want(t, 0, "fd_readdir", sub, atData, 4096, 2, atResult)
	if got := b.u64(atData + 8); seen[got] != "sub/b.txt" {
		t.Errorf("the entry b.txt has the inode of %q", seen[got])
	}
	b.want(t, 0, "fd_filestat_get", b.mustOpen(t, "sub/b.txt"), atResult)
	if got := b.u64(atResult + 8); seen[got] != "sub/b.txt" {
		t.Errorf("the open b.txt has the inode of %q", seen[got])
	}
}

func TestNothingCanBeChanged(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	fd := b.mustOpen(t, "a.txt")
	ptr, n := b.put(atPath, "a.txt")
	b.want(t, erofs, "fd_allocate", fd, 0, 1)
	b.want(t, erofs, "fd_filestat_set_size", fd, 0)
	b.want(t, erofs, "fd_filestat_set_times", fd, 0, 0, 0)
	b.want(t, erofs, "path_create_directory", 3, ptr, n)
	b.want(t, erofs, "path_filestat_set_times", 3, 0, ptr, n, 0, 0, 0)
	b.want(t, erofs, "path_link", 3, 0, ptr, n, 3, ptr, n)
	b.want(t, erofs, "path_remove_directory", 3, ptr, n)
	b.want(t, erofs, "path_rename", 3, ptr, n, 3, ptr, n)
	b.want(t, erofs, "path_symlink", ptr, n, 3, ptr, n)
	b.want(t, erofs, "path_unlink_file", 3, ptr, n)

	b.want(t, ebadf, "fd_allocate", 50, 0, 1)
	b.want(t, enotdir, "path_unlink_file", fd, ptr, n)
	b.want(t, ebadf, "path_unlink_file", 50, ptr, n)
	b.want(t, ebadf, "path_symlink", ptr, n, 50, ptr, n)

	for _, oflags := range []uint64{openCreate, openExclusive, openTruncate, openCreate | openTruncate} {
		b.want(t, erofs, "path_open", 3, 0, ptr, n, oflags, rightRead, 0, 0, atResult)
	}
	b.want(t, erofs, "path_open", 3, 0, ptr, n, 0, rightRead|rightWrite, 0, 0, atResult)
	b.want(t, einval, "path_open", 3, 0, ptr, n, 16, rightRead, 0, 0, atResult)
	b.want(t, einval, "path_open", 3, 0, ptr, n, 0, rightRead, 0, 1<<5, atResult)
}

// rooted makes a directory with links that lead out of it, and returns it as the FS of an os.Root.
func rooted(t testing.TB) (fs.FS, string) {
	t.Helper()
	outside := t.TempDir()
	dir := filepath.Join(outside, "root")
	secret := filepath.Join(outside, "secret")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub", "deep"), 0o700),
		os.WriteFile(secret, []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(dir, "a.txt"), []byte("hello"), 0o600),
		os.WriteFile(filepath.Join(dir, "sub", "b.txt"), []byte("b"), 0o600),
		os.Symlink("sub/b.txt", filepath.Join(dir, "in")),
		os.Symlink("sub", filepath.Join(dir, "dir")),
		os.Symlink("../a.txt", filepath.Join(dir, "sub", "back")),
		os.Symlink("../secret", filepath.Join(dir, "out")),
		os.Symlink("../../secret", filepath.Join(dir, "sub", "out")),
		os.Symlink(secret, filepath.Join(dir, "absolute")),
		os.Symlink("..", filepath.Join(dir, "up")),
		os.Symlink("loop", filepath.Join(dir, "loop")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root.FS(), dir
}

func TestPathsStayInside(t *testing.T) {
	files, _ := rooted(t)
	b := newSandbox(t, Config{Files: files})
	sub := b.mustOpen(t, "sub")
	for _, c := range []struct {
		dir  uint64
		path string
		want errno
	}{
		{3, "a.txt", 0},
		{3, "./sub//b.txt", 0},
		{3, "sub/../a.txt", 0},
		{3, "in", 0},
		{3, "dir/b.txt", 0},
		{3, "sub/back", 0},
		{3, "sub/", 0},
		{3, ".", 0},
		{sub, "b.txt", 0},
		{sub, "deep/..", 0},

		{3, "out", enotcapable},
		{3, "sub/out", enotcapable},
		{3, "dir/out", enotcapable},
		{3, "absolute", enotcapable},
		{3, "up", enotcapable},
		{3, "up/secret", enotcapable},
		{3, "..", enotcapable},
		{3, "../secret", enotcapable},
		{3, "sub/../../secret", enotcapable},
		{3, "../root/a.txt", enotcapable},
		{3, "/a.txt", enotcapable},
		{3, "//", enotcapable},
		{sub, "../a.txt", enotcapable},
		{sub, "deep/../../a.txt", enotcapable},

		{3, "none", enoent},
		{3, "dangling", enoent},
		{3, "", enoent},
		{3, "loop", eloop},
		{3, "a.txt/", enotdir},
		{3, "a.txt/.", enotdir},
		{3, "a.txt/b", enotdir},
		{3, "a\x00b", eilseq},
		{3, "\xff", eilseq},
		{3, strings.Repeat("x", 300), enametoolong},
		{3, strings.Repeat("x/", maxPath/2) + "x", enametoolong},
		{1, "a.txt", enotdir},
		{77, "a.txt", ebadf},
	} {
		if _, got := b.open(t, c.dir, c.path); got != c.want {
			t.Errorf("open %.40q at %d: %v, want %v", c.path, c.dir, got, c.want)
		}
		ptr, n := b.put(atPath, c.path)
		if got := b.call(t, "path_filestat_get", c.dir, lookupFollow, ptr, n, atResult); got != c.want {
			t.Errorf("stat %.40q at %d: %v, want %v", c.path, c.dir, got, c.want)
		}
	}

	ptr, n := b.put(atPath, "in")
	b.want(t, eloop, "path_open", 3, 0, ptr, n, 0, rightRead, 0, 0, atResult)
	ptr, n = b.put(atPath, "a.txt")
	b.want(t, enotdir, "path_open", 3, 0, ptr, n, openDirectory, rightRead, 0, 0, atResult)
	ptr, n = b.put(atPath, "out")
	b.want(t, 0, "path_filestat_get", 3, 0, ptr, n, atResult)
	if kind := filetype(b.memory[atResult+16]); kind != typeSymbolicLink {
		t.Errorf("out is %d", kind)
	}
	ptr, n = b.put(atPath, "absolute")
	b.want(t, enotcapable, "path_readlink", 3, ptr, n, atData, 100, atResult)
}

func TestDirectoriesOfTheDisk(t *testing.T) {
	files, dir := rooted(t)
	for i := range 500 {
		if err := os.WriteFile(filepath.Join(dir, "sub", "deep", fmt.Sprintf("file%03d", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := newSandbox(t, Config{Files: files})
	names := b.list(t, b.mustOpen(t, "sub/deep"), 512)
	if len(names) != 502 || names[2] != "file000:4" || names[501] != "file499:4" {
		t.Errorf("%d names: %v", len(names), names)
	}
}
