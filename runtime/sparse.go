package wasmrt

import (
	"encoding/binary"
	"errors"
)

// Pages that a small guest has changed are mostly zeros: a few variables, the end of a stack. Their sparse form leaves the
// zeros out. It is a list of pieces, each a number of zeros, a number of bytes, and these bytes; both numbers are of the form
// of encoding/binary's Uvarint and multiples of 8.

// appendSparse appends the sparse form of the parts, one after another, each of whole words of 8 bytes.
func appendSparse(b []byte, parts [][]byte) []byte {
	zeros, begin := 0, 0
	for _, part := range parts {
		for at := 0; at < len(part); {
			for at < len(part) && binary.LittleEndian.Uint64(part[at:]) == 0 {
				at += 8
				zeros += 8
			}
			for begin = at; at < len(part) && binary.LittleEndian.Uint64(part[at:]) != 0; {
				at += 8
			}
			if begin == at {
				continue
			}
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(zeros)), uint64(at-begin))
			b = append(b, part[begin:at]...)
			zeros = 0
		}
	}
	return b
}

var errSparse = errors.New("its data have no sparse form")

// readSparse returns the bytes of a sparse form of which nothing is known but that there should be so many.
func readSparse(b []byte, total int) ([]byte, error) {
	out := make([]byte, total)
	for at := 0; len(b) > 0; {
		zeros, n := binary.Uvarint(b)
		if n <= 0 || zeros > uint64(total-at) {
			return nil, errSparse
		}
		at, b = at+int(zeros), b[n:]
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(total-at) || length > uint64(len(b)-n) {
			return nil, errSparse
		}
		at, b = at+copy(out[at:], b[n:n+int(length)]), b[n+int(length):]
	}
	return out, nil
}
