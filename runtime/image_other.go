//go:build !linux

package wasmrt

// storeImage keeps a copy of the bytes.
func storeImage(img *image, memory []byte) error {
	img.bytes = append([]byte(nil), memory...)
	return nil
}

func (img *image) free() { img.bytes = nil }
