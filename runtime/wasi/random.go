package wasi

import (
	"context"
	"crypto/rand"
)

// frozenSeed begins the entropy of every frozen guest. It is no secret: whoever restores the image gives the guest's
// generators new seeds, which are found by Served.
var frozenSeed = [32]byte([]byte("raywasm: entropy of frozen image"))

// Served returns the entropy that the guest got since Reset while frozen, in order, its beginning if it was much.
// It is valid until the next Reset.
func (s *System) Served() []byte { return s.served }

// randomGet writes random bytes.
//
//	buf     u32  where they go
//	buf_len u32  how many
//
// Errors: EFAULT. The call ends if ctx does.
func randomGet(ctx context.Context, s *System, m memory, p params) error {
	buf, err := m.view(p.u32(0), uint64(p.u32(1)))
	if err != nil {
		return err
	}
	for {
		chunk := buf[:min(len(buf), randomChunk)]
		s.random(chunk)
		buf = buf[len(chunk):]
		if len(buf) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// random fills buf: from the host, or from the stream of a frozen or pinned system.
func (s *System) random(buf []byte) {
	if !s.config.Frozen && !s.pinned {
		rand.Read(buf) // never fails
		return
	}
	s.entropy.Read(buf) // never fails
	if s.pinned {
		return
	}
	s.served = append(s.served, buf[:min(len(buf), maxServed-len(s.served))]...)
}
