package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// yield gives one more result of a generator, which whoever called it may take at once. A generator that runs again after a
// crash yields everything from the beginning; what was given before is passed over. Where the call's options bound how many
// results may wait, it waits until one is taken. A generator gives no result by ret.
//
// Parameters:
//   - ptr, size: the value's CBOR, at most MaxValueBytes
//   - handles, n: handles of what the value contains, in the order of the positions in its tags, at most MaxLinks. The
//     guest keeps them
//
// Result: 0.
//
// Errors:
//   - NotFound: no call is being served
//   - InvalidArgument: the call is of no generator, or a handle is an argument's
//   - TaskCancelled: nobody takes results any more: return
//   - ObjectStoreFull: there is no room for it
//   - ReferenceCounting: there is no such handle
//   - LimitExceeded: it is too long, contains too many, or there are too many results
//
// When the call's own end comes while it waits, it never returns.
func (s *Session) yield(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	from := s.takeSource(p.u32(0), p.u32(1))
	if err := s.served(); err != nil {
		return 0, err
	}
	if s.caller.Streams == nil {
		return 0, denied("yield")
	}
	v, err := s.readValue(g, from, p.u32(2), p.u32(3), space{spec.MaxValueBytes, spec.MaxLinks, "MaxValueBytes"})
	if err != nil {
		return 0, err
	}
	defer s.drop(valueBytes(len(v.Data), len(v.Links))) // the object reserves its own
	return 0, s.caller.Streams.Yield(ctx, v)
}
