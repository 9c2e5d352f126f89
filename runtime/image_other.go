//go:build !linux

package wasmrt

import "iter"

// storeImage keeps a copy of the memory.
func storeImage(img *image, size uint64, runs iter.Seq2[int, []byte]) error {
	img.bytes = make([]byte, size)
	for off, run := range runs {
		copy(img.bytes[off:], run)
	}
	return nil
}

func (img *image) free() { img.bytes = nil }
