//go:build !wasip1

package ray

import "sync"

// mutex is a sync.Mutex where goroutines have threads of their own. See lock_wasip1.go.
type mutex = sync.Mutex
