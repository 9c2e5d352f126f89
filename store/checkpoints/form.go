package checkpoints

import (
	"encoding/binary"

	"github.com/raywasm/raywasm/spec"
)

// kind says what a record of the log is.
type kind byte

const (
	kindCheckpoint kind = 1 // body: the checkpoint
	kindCall       kind = 2 // body: the call
	kindDeletion   kind = 3 // no body
)

var le = binary.LittleEndian

// metaSize is what a record's meta has: kind 1 | actor 16 | position 8.
const metaSize = 1 + len(spec.ActorID{}) + 8

func meta(k kind, actor spec.ActorID, position uint64) []byte {
	b := append(make([]byte, 0, metaSize), byte(k))
	return le.AppendUint64(append(b, actor[:]...), position)
}

func decodeMeta(b []byte) (k kind, actor spec.ActorID, position uint64, ok bool) {
	if len(b) != metaSize {
		return 0, actor, 0, false
	}
	copy(actor[:], b[1:])
	return kind(b[0]), actor, le.Uint64(b[metaSize-8:]), true
}

// encode returns the call's form: caller 24 | number 8 | whether there is a result 1 | length of method 4 | of args 4 |
// method | args | result.
func (c Call) encode() []byte {
	b := make([]byte, 0, callHead+len(c.Method)+len(c.Args)+len(c.Result))
	b = le.AppendUint64(append(b, c.Caller[:]...), c.Seq)
	has := byte(0)
	if c.Result != nil {
		has = 1
	}
	b = append(b, has)
	b = le.AppendUint32(le.AppendUint32(b, uint32(len(c.Method))), uint32(len(c.Args)))
	return append(append(append(b, c.Method...), c.Args...), c.Result...)
}

const callHead = len(spec.TaskID{}) + 8 + 1 + 4 + 4

// decodeCall reads a call of which nothing is known. Its bytes are those of b.
func decodeCall(b []byte) (c Call, ok bool) {
	if len(b) < callHead {
		return c, false
	}
	copy(c.Caller[:], b)
	h := b[len(c.Caller):callHead]
	c.Seq = le.Uint64(h)
	has, method, args := h[8], uint64(le.Uint32(h[9:])), uint64(le.Uint32(h[13:]))
	b = b[callHead:]
	if method+args > uint64(len(b)) || has > 1 || has == 0 && method+args != uint64(len(b)) {
		return c, false
	}
	c.Method, c.Args = string(b[:method]), b[method:method+args:method+args]
	if has == 1 {
		c.Result = b[method+args:]
	}
	return c, true
}
