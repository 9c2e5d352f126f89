package engine

// Windows shows bytes of the host's in a guest's memory: a window is a run of it, of whole pages of 4 KiB, at an address of
// the host's choice, which is above all that the guest has grown its memory to and below its limit. As long as a window is
// open, the guest cannot grow to it. What a guest writes in a window is its own, but in one that is said to be writable.
// What was there before is gone, and zeros are there afterwards.
type Windows interface {
	// Open opens a window and returns its address. release is called once, when the window is no more; if Open fails it is
	// not called. What is shown must not change until then.
	//
	// Errors: spec.InvalidArgument for what has no bytes or begins within a page; spec.LimitExceeded beyond spec.MaxWindows;
	// spec.OutOfMemory if there is no room for it between what the guest has and its limit; spec.Unsupported if the guest
	// has no memory that can be limited.
	Open(show Shown, release func()) (at uint32, err error)
	// Turn makes an open window show something else of the same length. Errors: spec.NotFound; as Open. After an error the
	// window is as it was.
	Turn(at uint32, show Shown) error
	// Close closes the window at that address. Errors: spec.NotFound.
	Close(at uint32) error
}

// Shown is what a window shows.
type Shown struct {
	// Bytes are copied into the window, unless they lie in a file that can be mapped. nil: zeros, Size of them.
	Bytes []byte
	Size  uint64
	// FD is a file in which they lie, -1 if there is none, and Off where, a multiple of 4096. What the file has up to the end
	// of the last page is shown, too.
	FD  int
	Off int64
	// Write: what the guest writes goes to the file.
	Write bool
}

// Len returns how many bytes are shown.
func (s Shown) Len() uint64 {
	if s.Bytes != nil {
		return uint64(len(s.Bytes))
	}
	return s.Size
}
