package wasmbin

// appendU32 appends v in the shortest unsigned LEB128 form.
func appendU32(b []byte, v uint32) []byte { return appendU64(b, uint64(v)) }

// appendU64 appends v in the shortest unsigned LEB128 form.
func appendU64(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// appendS64 appends v in the shortest signed LEB128 form.
func appendS64(b []byte, v int64) []byte {
	for v < -0x40 || v >= 0x40 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v&0x7f))
}

// appendName appends s as a vector of bytes.
func appendName(b []byte, s string) []byte {
	return append(appendU32(b, uint32(len(s))), s...)
}
