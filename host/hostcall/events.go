package hostcall

import (
	"context"
	"encoding/binary"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// events reads what has happened that calls of this actor wait for; ray_resume got the number of events there are.
//
//	ptr [ kind u32 | number u32 ][ kind u32 | number u32 ]...
//
// kind 1: the wait with that token is over. kind 2: the call of that number is cancelled; it still ends by done.
//
// Parameters:
//   - ptr, cap: where the events are written, of cap bytes: as many whole events as fit. The rest is left for the next call
//
// Result: the number of bytes written.
//
// Errors:
//   - Unsupported: the sandbox serves one call at a time
func (s *Session) events(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.concurrent == nil {
		return 0, s.alone("events")
	}
	c := s.concurrent
	n := min(len(c.events), int(min(p.u32(1), spec.MaxFormBytes)/eventBytes))
	out, err := view(g, p.u32(0), uint32(n*eventBytes))
	if err != nil {
		return 0, err
	}
	for i, ev := range c.events[:n] {
		binary.LittleEndian.PutUint32(out[i*eventBytes:], uint32(ev.Kind))
		binary.LittleEndian.PutUint32(out[i*eventBytes+4:], ev.Number)
	}
	c.events = c.events[n:]
	return int64(n * eventBytes), nil
}
