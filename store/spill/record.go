package spill

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/raywasm/raywasm/spec"
)

const (
	magic      = "raywasm\x02"
	headerSize = 64
	headBody   = len(magic) + len(spec.ObjectID{}) + 8 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header returns the header of an object's record.
func header(id spec.ObjectID, data []byte) []byte {
	h := append(make([]byte, 0, headerSize), magic...)
	h = append(h, id[:]...)
	h = binary.LittleEndian.AppendUint64(h, uint64(len(data)))
	h = binary.LittleEndian.AppendUint32(h, crc32.Checksum(data, castagnoli))
	h = binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	return h[:headerSize]
}

// check says what is wrong with a record, "" if nothing is.
func check(h []byte, id spec.ObjectID, data []byte) string {
	switch {
	case len(h) != headerSize || string(h[:len(magic)]) != magic:
		return "there is no record"
	case crc32.Checksum(h[:headBody], castagnoli) != binary.LittleEndian.Uint32(h[headBody:]):
		return "the checksum of its header is wrong"
	case spec.ObjectID(h[len(magic):len(magic)+len(id)]) != id:
		return "it is another object's"
	case binary.LittleEndian.Uint64(h[len(magic)+len(id):]) != uint64(len(data)):
		return "its length is wrong"
	case crc32.Checksum(data, castagnoli) != binary.LittleEndian.Uint32(h[headBody-4:]):
		return "its checksum is wrong"
	}
	return ""
}
