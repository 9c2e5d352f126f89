//go:build !wasip1

package ray

import "context"

// running is one call. Off WebAssembly nobody runs calls at once.
type running struct {
	number uint32
	ctx    context.Context
}

func currentCall() *running { return nil }
