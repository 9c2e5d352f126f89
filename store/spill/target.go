package spill

import (
	"context"
	"errors"
)

// Target is a place for files. It is safe for concurrent use.
type Target interface {
	// Write makes a file of the pieces, whole or not at all. Errors: spec.OutOfDisk when the place is too full; others.
	Write(ctx context.Context, name string, pieces [][]byte) error
	// Read fills to from the file, beginning at off. Errors: ErrShort when the file ends before; ErrGone when there is no
	// such file; others.
	Read(ctx context.Context, name string, off int64, to []byte) error
	// Remove removes the file; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// Close removes what is left.
	Close() error
}

// What a Target's Read ends with when the bytes will never come.
var (
	ErrShort = errors.New("the file is cut short")
	ErrGone  = errors.New("the file is gone")
)
