package engine

// Windows shows shared memory in a guest's own: a window is a run of its pages over which bytes of a file are mapped,
// copy on write. What the guest writes there is its own. A window ends with Unmap, or with the guest's call.
type Windows interface {
	// Map opens a window at an address of the guest's memory, of whole pages of 4 KiB, on n bytes of a file from off on, a
	// multiple of 4096. What the file has up to the end of the last page is shown, too. The file's bytes must not change
	// until release is called, once, when the window is no more; if Map fails it is not called.
	//
	// Errors: spec.InvalidArgument for what is not whole pages, outside of the memory, or over another window;
	// spec.LimitExceeded beyond spec.MaxWindows; spec.OutOfMemory.
	Map(at, n uint64, fd int, off int64, release func()) error
	// Unmap closes the window at that address: what the memory was before there was a guest is there again. Errors:
	// spec.NotFound.
	Unmap(at uint64) error
}
