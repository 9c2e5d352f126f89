package ray

import (
	"encoding/binary"
	"fmt"

	"github.com/raywasm/raywasm/spec"
)

// shape says in a few words what a CBOR item is, for the person whose program did not expect it: "a text of 5 bytes",
// "an array of 3".
func shape(b []byte) string {
	if len(b) == 0 {
		return "nothing"
	}
	major, info := b[0]>>5, b[0]&0x1f
	n, ok := uint64(info), true
	var head [8]byte
	if info >= 24 {
		width := 1 << (info - 24)
		if ok = info < 28 && len(b) > width; ok {
			copy(head[8-width:], b[1:])
			n = binary.BigEndian.Uint64(head[:])
		}
	}
	if !ok {
		return "bytes that are not CBOR"
	}
	switch major {
	case 0:
		return fmt.Sprintf("the integer %d", n)
	case 1:
		if n < 1<<63 {
			return fmt.Sprintf("the integer %d", -1-int64(n))
		}
		return fmt.Sprintf("the integer -1-%d", n)
	case 2:
		return fmt.Sprintf("a byte string of %d bytes", n)
	case 3:
		return fmt.Sprintf("a text of %d bytes", n)
	case 4:
		return fmt.Sprintf("an array of %d", n)
	case 5:
		return fmt.Sprintf("a map of %d", n)
	case 6:
		switch n {
		case spec.TagRef:
			return "a ref"
		case spec.TagActor:
			return "an actor handle"
		case spec.TagArrow:
			return "an Arrow stream"
		}
		return fmt.Sprintf("a value with tag %d", n)
	}
	switch info {
	case 20, 21:
		return "a bool"
	case 22, 23:
		return "null"
	case 25, 26, 27:
		return "a float"
	}
	return "a simple value"
}
