//go:build wasip1

package ray

import "unsafe"

// A goroutine's label is a pointer that the goroutines it starts inherit. Package runtime/pprof keeps its own there: to
// import it for this would add a third of a megabyte to every guest.

//go:linkname runtimeSetLabel runtime/pprof.runtime_setProfLabel
func runtimeSetLabel(unsafe.Pointer)

//go:linkname runtimeGetLabel runtime/pprof.runtime_getProfLabel
func runtimeGetLabel() unsafe.Pointer

// setLabel says that this goroutine, and those it starts, belong to a call.
func setLabel(c *running) { runtimeSetLabel(unsafe.Pointer(c)) }

// currentCall returns the call that this goroutine belongs to, nil for none.
func currentCall() *running {
	if !concurrency.on { // somebody else may use labels
		return nil
	}
	return (*running)(runtimeGetLabel())
}
