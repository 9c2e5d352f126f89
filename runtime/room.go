package wasmrt

import (
	"github.com/raywasm/raywasm/spec"
)

const (
	// wasmPage is the unit of memory sizes (specification 2.3.8).
	wasmPage = 64 * spec.KiB
	// headroom is how much more than its image is mapped for a sandbox from the start, in bytes, so that growth mostly needs no
	// system call.
	headroom = 16 * spec.MiB
	// scanGrown is how much longer than that a sandbox's memory may have become for all of it to be looked at, in bytes: an
	// engine cannot shrink a memory. What is beyond is given up at once.
	scanGrown = 64 * spec.MiB
	// maxDirtyRegions and maxDirtyPages are how many runs of changed pages, and how many pages, are copied back one by
	// one. With more, dropping all private copies at once is cheaper.
	maxDirtyRegions = 128
	maxDirtyPages   = 256
)

// roomBytes is the limit of the room of a memory of at most so many pages. There is no room of no bytes: that a guest could
// touch the page is not to say that it can grow to it.
func roomBytes(pages uint32) uint64 { return max(uint64(pages)*wasmPage, wasmPage) }

// A room is where the memory of one instance lies. It implements engine.Memory.
//
//	|<- image, copy on write ->|<- headroom, zeros              ->|<- reserved, no access ... ->|
//	base                       first      length                  opened                        limit
//
// Image and headroom are one mapping of the image's file, which has a hole for the headroom: with two mappings a scan for
// changed pages takes twice as long.
// The length is what the engine believes the memory to be, and it checks every access against it: nothing beyond is ever
// touched. It begins as the image's size. The guest believes in the global of wasmbin.VirtualGrowth, which a reset puts
// back, while the length stays what some guest has grown to. So a guest can touch what it has not grown to, if another one
// has: it finds zeros there, and a reset takes away what it wrote.

// roundUp returns n rounded up to whole pages of WebAssembly.
func roundUp(n uint64) uint64 { return (n + wasmPage - 1) / wasmPage * wasmPage }
