package wasi

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"time"
)

// System is the WASI state of one sandbox. Reset makes it ready for use; before, a guest finds nothing open.
// It belongs to one goroutine at a time.
type System struct {
	config  Config
	fds     []descriptor // the index is the number that the guest knows it by
	listed  int          // directory entries held, at most maxListed
	written int64        // bytes written to stdout and stderr, at most maxOutput
	tail    tail         // the end of what was written to stderr
	pinned  bool         // to moment
	moment  Moment
	slept   int64         // nanoseconds that the frozen or pinned clocks have moved
	waited  time.Duration // what the current host call has waited, for Guest.Waited
	entropy rand.ChaCha8  // the stream of a frozen or pinned system
	served  []byte        // what it gave
}

// Config says what a guest gets. The zero value gives it nothing but clocks and entropy.
type Config struct {
	// Args are the command line, the program's name first. Env is the environment, each entry "K=V".
	// Both must stay as they are until the next Reset.
	Args, Env []string
	// Stdout and Stderr get what the guest writes, as it writes it. nil: it is dropped.
	// An error of theirs is the guest's EIO.
	Stdout, Stderr io.Writer
	// Files is the tree that the guest may read, as "/". nil: there is none. For files of the host's disk it is the FS
	// of an os.Root: a path can never leave it. A file that does not implement io.Seeker or io.ReaderAt can only be
	// read from beginning to end; links are known if it implements fs.ReadLinkFS.
	Files fs.FS
	// Frozen makes the guest's run repeatable, for taking images: the clocks stand still and the entropy is a fixed
	// stream. A guest that sleeps goes on at once, and the clocks move by as long as it wanted to sleep.
	Frozen bool
	// MonotonicOffset is added to the host's monotonic clock, in nanoseconds, at least 0: with the right one, the
	// clock of a guest that comes from another process never goes back. A frozen clock has none.
	//
	//	max(0, monotonic clock where it was saved - wasi.HostMonotonic())
	MonotonicOffset int64
}

// Reset makes the system ready for the next call of its sandbox: what was open is closed, and the guest finds the
// standard streams and, if there are Files, their root. It does not allocate but the first time.
func (s *System) Reset(cfg Config) {
	s.Close()
	s.config = cfg
	s.fds = append(slices.Grow(s.fds, 4), descriptor{kind: stdin}, descriptor{kind: stdout}, descriptor{kind: stderr})
	if cfg.Files != nil {
		s.fds = append(s.fds, descriptor{kind: directory, preopen: true, path: "."})
	}
	s.written = 0
	s.tail.clear()
	s.pinned, s.slept = false, 0
	s.served = nil
	if cfg.Frozen {
		s.entropy.Seed(frozenSeed)
	}
}

// Close closes what is open and lets go of the configuration. What the last call left to be read, StderrTail and
// Served, stays until Reset.
func (s *System) Close() {
	for fd := range s.fds {
		s.close(&s.fds[fd])
	}
	s.fds = s.fds[:0]
	s.config = Config{}
}

// SetMonotonicOffset changes Config.MonotonicOffset.
func (s *System) SetMonotonicOffset(offset int64) { s.config.MonotonicOffset = offset }

// OpenFiles returns how many descriptors the guest has opened and not closed.
func (s *System) OpenFiles() (n int) {
	for fd := range s.fds {
		if d := &s.fds[fd]; (d.kind == file || d.kind == directory) && !d.preopen {
			n++
		}
	}
	return n
}
