//go:build wasip1

package ray

import "runtime"

// mutex is a lock among goroutines of a guest. They share one thread and change only where one waits, so a flag will do; a
// sync.Mutex costs several times as much, which tasks of a few microseconds feel.
type mutex struct{ held bool }

func (m *mutex) Lock() {
	for m.held {
		runtime.Gosched()
	}
	m.held = true
}

func (m *mutex) Unlock() { m.held = false }
