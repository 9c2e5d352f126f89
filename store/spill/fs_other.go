//go:build !unix

package spill

import (
	"errors"
	"os"
)

// Full does not know here.
func (OS) Full(string) (used float64, size int64, err error) { return 0, 0, nil }

// lock cannot take a directory here.
func lock(string, bool) (*os.File, error) { return nil, errors.ErrUnsupported }
