package spill

import (
	"context"
	"errors"
	"io"
)

// Target is a place for files. It is safe for concurrent use.
type Target interface {
	// Write makes a file of the n bytes that r gives, whole or not at all. Errors: spec.OutOfDisk when the place is too full;
	// those of r; others.
	Write(ctx context.Context, name string, r io.Reader, n int64) error
	// Open returns n bytes of the file, from off on, to be read and closed. Where the file ends before, so do they. Errors,
	// of Open or of the first Read: ErrGone when there is no such file; others.
	Open(ctx context.Context, name string, off, n int64) (io.ReadCloser, error)
	// Remove removes the file; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// Close removes what is left.
	Close() error
}

// ErrGone is what reading a file ends with that is not there.
var ErrGone = errors.New("the file is gone")
