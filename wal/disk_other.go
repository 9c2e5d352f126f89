//go:build !unix && !windows

package wal

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked")

// lock cannot take a file here.
func lock(*os.File) error { return errors.ErrUnsupported }

// SyncDir does nothing here.
func SyncDir(string) error { return nil }

func isFull(error) bool { return false }
