package wal

import (
	"encoding/binary"
	"hash/crc32"
)

// version is that of the form that doc.go shows.
const version = 1

const (
	magic       = "raywasml"
	purposeSize = 16
	segmentHead = len(magic) + 4 + purposeSize + 8 + 8 + 8 + 4
	batchHead   = 8 + 8 + 4 + 8 + 4
	recordHead  = 4 * 4
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// sealed appends the checksum of b to it, and opened takes it off if it is right.
func sealed(b []byte) []byte { return le.AppendUint32(b, checksum(b)) }

func opened(b []byte) ([]byte, bool) {
	body := b[:len(b)-4]
	return body, checksum(body) == le.Uint32(b[len(b)-4:])
}

// head is what a segment says of itself.
type head struct {
	version       uint32
	purpose       [purposeSize]byte
	number, first uint64 // first is the number of its first batch
	salt          uint64
}

func (h head) encode() []byte {
	b := append(make([]byte, 0, segmentHead), magic...)
	b = append(le.AppendUint32(b, h.version), h.purpose[:]...)
	return sealed(le.AppendUint64(le.AppendUint64(le.AppendUint64(b, h.number), h.first), h.salt))
}

// decodeHead reads a segment's head of which nothing is known but its length.
func decodeHead(b []byte) (h head, ok bool) {
	body, ok := opened(b)
	if !ok || string(body[:len(magic)]) != magic {
		return h, false
	}
	body = body[len(magic):]
	h.version = le.Uint32(body)
	copy(h.purpose[:], body[4:])
	body = body[4+purposeSize:]
	h.number, h.first, h.salt = le.Uint64(body), le.Uint64(body[8:]), le.Uint64(body[16:])
	return h, true
}

// batch is the head of a batch.
type batch struct {
	number  uint64
	records uint32
	length  uint64
}

func (b batch) encode(to []byte, salt uint64) []byte {
	at := len(to)
	to = le.AppendUint64(le.AppendUint64(to, salt), b.number)
	to = le.AppendUint64(le.AppendUint32(to, b.records), b.length)
	return le.AppendUint32(to, checksum(to[at:]))
}

// decodeBatch reads a batch's head of which nothing is known but its length.
func decodeBatch(b []byte, salt uint64) (batch, bool) {
	body, ok := opened(b)
	if !ok || le.Uint64(body) != salt {
		return batch{}, false
	}
	return batch{number: le.Uint64(body[8:]), records: le.Uint32(body[16:]), length: le.Uint64(body[20:])}, true
}

// Record is what is appended: meta is read when the log is opened, body when somebody asks for it.
type Record struct {
	Meta, Body []byte
}

// size is what the record takes in a segment.
func (r Record) size() int64 { return int64(recordHead) + int64(len(r.Meta)) + int64(len(r.Body)) }

// encodeHead appends the record up to its body.
func (r Record) encodeHead(to []byte) []byte {
	at := len(to)
	to = le.AppendUint32(le.AppendUint32(to, uint32(len(r.Meta))), uint32(len(r.Body)))
	sum := crc32.Update(checksum(to[at:]), castagnoli, r.Meta)
	to = le.AppendUint32(le.AppendUint32(to, sum), checksum(r.Body))
	return append(to, r.Meta...)
}

// lengths reads a record's head: how long it says that meta and body are.
func lengths(b []byte) (meta, body int64) { return int64(le.Uint32(b)), int64(le.Uint32(b[4:])) }

// goodMeta and goodBody check meta and body against the record's head.
func goodMeta(head, meta []byte) bool {
	return crc32.Update(checksum(head[:8]), castagnoli, meta) == le.Uint32(head[8:])
}

func goodBody(head, body []byte) bool { return checksum(body) == le.Uint32(head[12:]) }
