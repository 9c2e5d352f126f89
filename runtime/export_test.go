package wasmrt

import (
	"context"
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

// Turns is how guests take turns.
type Turns = turns

// Next waits for a turn, or until ctx has ended.
func (t *turns) Next(ctx context.Context) { t.next(ctx) }

// Long reports whether turns are long.
func (t *turns) Long() bool { return t.last.Load() >= int64(longTurn) }
