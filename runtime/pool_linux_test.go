package wasmrt_test

import (
	"os"
	"strings"
	"testing"
)

// imagesOpen returns how many images this process has mapped or open.
func imagesOpen(t *testing.T) (n int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	const name = "memfd:raywasm-image"
	n = strings.Count(string(maps), name)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		// The descriptor that read the directory is closed by now.
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.Contains(target, name) {
			n++
		}
	}
	return n
}
