package wasmrt

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"runtime"
	"sync"
)

// headBytes is how much of an executable is looked at: the linker puts the build ID into the first few kilobytes.
const headBytes = 64 << 10

// marks are how a Go build ID begins: in ELF a note of type 4 by the owner "Go", elsewhere a comment at the start of the
// code (cmd/internal/buildid).
var marks = [][]byte{[]byte("\x04\x00\x00\x00Go\x00\x00"), []byte("\xff Go build ID: \"")}

// buildID tells this program from every other build of it, by what was compiled into it; "" if that cannot be known. It
// is the SHA-256 of the head of the executable, in which the Go linker left a build ID: a hash over all that went in.
var buildID = sync.OnceValue(func() string {
	path := "/proc/self/exe" // what runs, even if there is something else under its name by now
	if runtime.GOOS != "linux" {
		var err error
		if path, err = os.Executable(); err != nil {
			return ""
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, headBytes))
	if err != nil {
		return ""
	}
	return headID(head)
})

// headID returns the identity of an executable that begins with head, "" if there is no build ID in it.
func headID(head []byte) string {
	for _, mark := range marks {
		if bytes.Contains(head, mark) {
			sum := sha256.Sum256(head)
			return string(sum[:])
		}
	}
	return ""
}
