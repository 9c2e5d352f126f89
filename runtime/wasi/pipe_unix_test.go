//go:build unix

package wasi

import (
	"path/filepath"
	"syscall"
	"testing"
)

// Opening a pipe that nobody writes to would never return.
func TestPipesAreNotOpened(t *testing.T) {
	files, dir := rooted(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newSandbox(t, Config{Files: files})
	if _, e := b.open(t, 3, "pipe"); e != eacces {
		t.Errorf("opened a pipe: %v", e)
	}
	ptr, n := b.put(atPath, "pipe")
	b.want(t, 0, "path_filestat_get", 3, 0, ptr, n, atResult)
	if kind := filetype(b.memory[atResult+16]); kind != typeUnknown {
		t.Errorf("the pipe is %d", kind)
	}
}
