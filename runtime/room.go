package wasmrt

import (
	"github.com/raywasm/raywasm/spec"
)

const (
	// wasmPage is the unit of memory sizes (specification 2.3.8).
	wasmPage = 64 * spec.KiB
	// headroom is the room that a sandbox's memory has beyond its image from the start, in bytes, so that growth is
	// mostly a matter of a global, which a reset puts back.
	headroom = 16 * spec.MiB
	// scanGrown is how much longer than that a sandbox's memory may have become for all of it to be looked at, in bytes: an
	// engine cannot shrink a memory. What is beyond is given up at once.
	scanGrown = 64 * spec.MiB
	// maxDirtyRegions and maxDirtyPages are how many runs of changed pages, and how many pages, are copied back one by
	// one. With more, dropping all private copies at once is cheaper.
	maxDirtyRegions = 128
	maxDirtyPages   = 256
)

// A room is where the memory of one instance lies. It implements engine.Memory.
//
//	|<- image, copy on write ->|<- headroom, zeros ->|<- reserved, no access ...         ->|
//	base                       image.size            length                                limit
//
// Image and headroom are one mapping of the image's file, which has a hole for the headroom: with two mappings a scan for
// changed pages takes twice as long.
// The length is what the engine believes the memory to be; the guest believes in the global of wasmbin.VirtualGrowth,
// which is smaller. A guest can touch what it has not grown to: it finds zeros there, and a reset takes away what it
// wrote.

// roundUp returns n rounded up to whole pages of WebAssembly.
func roundUp(n uint64) uint64 { return (n + wasmPage - 1) / wasmPage * wasmPage }
