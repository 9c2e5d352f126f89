package wasmrt

import (
	"encoding/binary"
	"hash/crc32"
)

// Checksummed puts the right checksum at the end of a checkpoint, so that fuzzing gets behind it.
func Checksummed(b []byte) []byte {
	if len(b) < 4 {
		return b
	}
	b = append([]byte(nil), b...)
	binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
	return b
}

// MaxIdle is how many instances wait for their next sandbox.
const MaxIdle = maxIdle

// MaxRooms is how many rooms wait for a new instance.
const MaxRooms = maxRooms

// The janitor comes every RoundTime, and frees what it has found idle for more than IdleRounds.
const (
	RoundTime  = roundTime
	IdleRounds = idleRounds
)
