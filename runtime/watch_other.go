//go:build !linux

package wasmrt

// threadFaults is not known here, and nobody asks.
func threadFaults() int64 { return 0 }
