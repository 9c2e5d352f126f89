//go:build !linux

package spill

import "os"

// preallocate does nothing here.
func preallocate(*os.File, int64) error { return nil }
