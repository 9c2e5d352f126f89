package spill

import (
	"io"
	"os"
)

// FS is what a directory needs of the file system: the seam below which tests break things.
type FS interface {
	Create(path string) (io.WriteCloser, error)
	Open(path string) (ReadAtCloser, error)
	Remove(path string) error
	// Full returns which part of the file system of a directory is in use, and its size in bytes.
	Full(dir string) (used float64, size int64, err error)
}

// ReadAtCloser is an open file.
type ReadAtCloser interface {
	io.ReaderAt
	io.Closer
}

// OS is the system's own file system.
type OS struct{}

// Create makes a file, only for this user.
func (OS) Create(path string) (io.WriteCloser, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Open opens a file to be read.
func (OS) Open(path string) (ReadAtCloser, error) { return os.Open(path) }

// Remove removes a file.
func (OS) Remove(path string) error { return os.Remove(path) }
