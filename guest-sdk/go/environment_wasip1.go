//go:build wasip1

package ray

import (
	"os"
	"strings"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 args_sizes_get
//go:noescape
func wasiArgsSizes(count, bytes unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 args_get
//go:noescape
func wasiArgs(pointers, buf unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 environ_sizes_get
//go:noescape
func wasiEnvironSizes(count, bytes unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 environ_get
//go:noescape
func wasiEnviron(pointers, buf unsafe.Pointer) uint32

// environmentRead is false in every sandbox until its first call, since it is false in the module's image.
var environmentRead bool

// readArguments sets os.Args to what this sandbox has. Go's runtime has read them before the image was taken, when there
// were none.
func readArguments() {
	if args := wasiStrings(wasiArgsSizes, wasiArgs); len(args) > 0 {
		os.Args = args
	}
}

// worker is what os.Args is in a sandbox that serves calls: the image has it, so that a call need not ask.
var worker = []string{"main"}

// readEnvironment does the same for the environment.
func readEnvironment() {
	if environmentRead {
		return
	}
	environmentRead = true
	for _, kv := range wasiStrings(wasiEnvironSizes, wasiEnviron) {
		key, value, _ := strings.Cut(kv, "=")
		_ = os.Setenv(key, value) // fails for names that the host does not let through
	}
}

// told is where WASI tells number and size. Every task asks, and variables of wasiStrings would be on the heap.
var told struct{ count, bytes uint32 }

// wasiStrings reads a list of strings, each ended by NUL, of which WASI tells number and size first.
func wasiStrings(sizes, get func(_, _ unsafe.Pointer) uint32) []string {
	if sizes(unsafe.Pointer(&told.count), unsafe.Pointer(&told.bytes)) != 0 || told.count == 0 {
		return nil
	}
	pointers, buf := make([]uint32, told.count), make([]byte, told.bytes)
	if get(unsafe.Pointer(unsafe.SliceData(pointers)), unsafe.Pointer(unsafe.SliceData(buf))) != 0 {
		return nil
	}
	return strings.SplitN(strings.TrimSuffix(string(buf), "\x00"), "\x00", int(told.count))
}
