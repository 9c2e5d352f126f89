package wasi

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

func TestErrorsOfFiles(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.ENOENT, "ENOENT"},
		{syscall.EACCES, "EACCES"},
		{syscall.EPERM, "EACCES"},
		{syscall.ENOTDIR, "ENOTDIR"},
		{syscall.EISDIR, "EISDIR"},
		{syscall.ELOOP, "ELOOP"},
		{syscall.ENAMETOOLONG, "ENAMETOOLONG"},
		{syscall.EMFILE, "ENFILE"},
		{syscall.EINVAL, "EINVAL"},
		{syscall.EIO, "EIO"},
		{fs.ErrNotExist, "ENOENT"},
		{fs.ErrClosed, "EBADF"},
		{fs.ErrExist, "EEXIST"},
		{fs.ErrInvalid, "EINVAL"},
		{errors.New("anything"), "EIO"},
		{espipe, "ESPIPE"},
	} {
		wrapped := fmt.Errorf("reading: %w", &fs.PathError{Op: "open", Path: "a", Err: c.err})
		if got := errnoOf(wrapped).Error(); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
	if got := errno(77).Error(); got != "errno 77" {
		t.Errorf("an unknown one is called %q", got)
	}
}

func TestFiletypes(t *testing.T) {
	for mode, want := range map[fs.FileMode]filetype{
		0o644:                               typeRegularFile,
		fs.ModeDir | 0o755:                  typeDirectory,
		fs.ModeSymlink:                      typeSymbolicLink,
		fs.ModeSocket:                       typeSocketStream,
		fs.ModeDevice:                       typeBlockDevice,
		fs.ModeDevice | fs.ModeCharDevice:   typeCharacterDevice,
		fs.ModeNamedPipe:                    typeUnknown,
		fs.ModeSetuid | fs.ModeSticky | 0o7: typeRegularFile,
	} {
		if got := filetypeOf(mode); got != want {
			t.Errorf("%v: %d, want %d", mode, got, want)
		}
	}
}
