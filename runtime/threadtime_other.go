//go:build !linux

package wasmrt

import "time"

// threadTime is not known here.
func threadTime() time.Duration { return unknownTime }
