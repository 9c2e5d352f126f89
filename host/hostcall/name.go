package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// name hands out the name of what is to run: "add" for a function, "Counter" for a class whose constructor it is,
// "Counter.Inc" for a method.
//
//	ptr
//	 ▼
//	[ 'C' 'o' 'u' 'n' 't' 'e' 'r' '.' 'I' 'n' 'c' | ... ]
//	  └──────────── the result, 11 ────────────┘   └─ up to cap: untouched
//
// Parameters:
//   - ptr, cap: where it is written, if it fits into cap bytes
//
// Result: the length of the name in bytes, 1 to MaxNameBytes.
//
// Errors:
//   - NotFound: no call is being served; a driver has none
func (s *Session) name(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if err := s.served(); err != nil {
		return 0, err
	}
	return pull(g, p.u32(0), p.u32(1), s.function)
}
