package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// ret gives a result of the call. A function with several results calls it once for each, in order; a constructor never
// does. ray_call then returns 0. ray_describe passes the module's description to it.
//
// Parameters:
//   - ptr, size: the value's CBOR
//   - handles, n: handles of what the value contains, in the order of the positions in its tags. The guest keeps them
//
// Result: 0.
//
// Errors:
//   - NotFound: no call is being served
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: a handle is an argument's
//   - LimitExceeded: more than MaxReturns results, than MaxResultBytes bytes or MaxLinks links in all of them, or than
//     MaxFormBytes in a description
//   - ObjectStoreFull: there is no room for it
func (s *Session) ret(_ context.Context, g *engine.Guest, p params) (int64, error) {
	from := s.takeSource(p.u32(0), p.u32(1))
	if err := s.served(); err != nil {
		return 0, err
	}
	if len(s.results) >= spec.MaxReturns {
		return 0, spec.Errorf("", spec.LimitExceeded, "", "a call has at most %d results (MaxReturns)", spec.MaxReturns)
	}
	left := space{MaxResultBytes - s.resultBytes, spec.MaxLinks - s.resultLinks, "MaxResultBytes"}
	if s.memory == nil { // the module describes itself
		left.bytes, left.limit = spec.MaxFormBytes-s.resultBytes, "MaxFormBytes"
	}
	v, err := s.readValue(g, from, p.u32(2), p.u32(3), left)
	if err != nil {
		return 0, err
	}
	s.resultHolds += valueBytes(len(v.Data), len(v.Links))
	s.countIn(v.Links)
	s.resultBytes += int64(len(v.Data))
	s.resultLinks += len(v.Links)
	if s.results == nil && s.concurrent == nil { // whose results would share the place
		s.results = s.oneResult[:0]
	}
	s.results = append(s.results, v)
	return 0, nil
}
