package hostcall

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// await is wait for an actor with concurrent calls: it begins to wait and returns at once. When the wait is over, ray_resume
// is called and events tells the token. Then get with timeout 0 reads the objects.
//
// Parameters:
//   - handles, n: handles of objects, at most MaxWaited; none: only the time is waited for
//   - count: how many to wait for, 1 to n; 0: all of them, or the first that holds an error
//   - timeout: in nanoseconds; negative: none
//   - token: what events gives back. The host does not look at it
//
// Result: 0: the wait has begun; 1: what it is for is there already, and no event comes.
//
// Errors:
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: the count is more than n; it waits for nothing and for ever; a handle is an actor's or an argument's
//   - LimitExceeded: more than MaxWaited
//   - ObjectStoreFull: there is no room for the wait
//   - Unsupported: the sandbox serves one call at a time
func (s *Session) await(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.concurrent == nil {
		return 0, s.alone("await")
	}
	n, count, timeout := p.u32(1), p.u32(2), time.Duration(p.i64(3))
	if count > n || n == 0 && timeout < 0 {
		return 0, spec.Errorf("", spec.InvalidArgument, "", "to wait for %d of %d refs for %v: there are too few, or nothing would end it", count, n, timeout)
	}
	if err := s.readRefs(g, p.u32(0), n); err != nil {
		return 0, err
	}
	defer s.forgetRefs()
	there, err := s.concurrent.waits.Await(s.ids, int(count), timeout, p.u32(4))
	if there {
		return 1, err
	}
	return 0, err
}
