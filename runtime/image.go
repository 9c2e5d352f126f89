package wasmrt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/raywasm/raywasm/spec"
)

// image is what all sandboxes of a module start from: its memory and mutable globals after initialisation. It is never
// changed, but for where its memories are best placed.
type image struct {
	fd      int    // of the sealed memory; Linux only
	bytes   []byte // the memory, read-only; empty if the module has none
	globals []uint64
	reseeds []reseed      // where the guest's generators keep their seeds
	place   atomic.Uint64 // where its memories begin, as alignment_linux.go has it, plus one; 0: not known yet
	digest  func() spec.Digest
}

// newImage makes an image of globals and of a memory of size bytes, which is zero outside of the runs. Offsets and lengths
// of runs are multiples of pageSize.
func newImage(code spec.Digest, size uint64, runs iter.Seq2[int, []byte], globals []uint64) (*image, error) {
	img := &image{globals: globals}
	if err := storeImage(img, size, runs); err != nil {
		return nil, err
	}
	img.digest = sync.OnceValue(func() spec.Digest { return img.sum(code) })
	return img, nil
}

// size returns the memory's size in bytes.
func (img *image) size() uint64 { return uint64(len(img.bytes)) }

// sum is the SHA-256 of: the digest of the code, the globals, the size of the memory, and each run of pages that are not
// all zeros with its offset.
func (img *image) sum(code spec.Digest) spec.Digest {
	h := sha256.New()
	number := func(n uint64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], n)
		h.Write(b[:])
	}
	h.Write(code[:])
	number(uint64(len(img.globals)))
	for _, g := range img.globals {
		number(g)
	}
	number(img.size())
	for off, run := range nonZeroRuns(img.bytes) {
		number(uint64(off))
		number(uint64(len(run)))
		h.Write(run)
	}
	return spec.Digest(h.Sum(nil))
}

// nonZeroRuns yields the runs of pages of memory that are not all zeros, with their offsets.
func nonZeroRuns(memory []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		begin := -1
		for off := 0; off < len(memory); off += pageSize {
			page := memory[off:min(off+pageSize, len(memory))]
			zero := bytes.Equal(page, zeroPage[:len(page)])
			switch {
			case !zero && begin < 0:
				begin = off
			case zero && begin >= 0:
				if !yield(begin, memory[begin:off]) {
					return
				}
				begin = -1
			}
		}
		if begin >= 0 {
			yield(begin, memory[begin:])
		}
	}
}

// pageSize is the size in bytes of the pages that are compared and copied: amd64's and the usual one of arm64.
const pageSize = 4 * spec.KiB

var zeroPage [pageSize]byte
