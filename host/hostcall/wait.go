package hostcall

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// wait waits until count of the objects are there, failed ones among them. While it waits, the task's CPU is lent to
// others. It reads no value: see get.
//
//	handles [ 05 00 00 00 | 09 00 00 00 | 0a 00 00 00 ]   n 3, count 2
//	ready   [ 01 | 00 | 01 ]                              the result, 2
//
// Parameters:
//   - handles, n: handles of objects, at most MaxWaited
//   - count: how many to wait for, 1 to n
//   - timeout: in nanoseconds; negative: none, 0: only look
//   - ready: n bytes, to which 1 is written for an object that is there, and 0 for another
//
// Result: the number of objects that are there: fewer than count after a timeout, which is no error, and more if they
// happen to be.
//
// Errors:
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: the count is not 1 to n, or a handle is an actor's or an argument's
//   - LimitExceeded: more than MaxWaited
//   - ObjectStoreFull: there is no room for the list
//   - PermissionDenied: the caller may not wait
//
// When the call's own end comes while it waits (cancelled, deadline, end of the job), it never returns.
func (s *Session) wait(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Objects == nil {
		return 0, denied("wait")
	}
	n, count, ready := p.u32(1), p.u32(2), p.u32(4)
	if count < 1 || count > n {
		return 0, spec.Errorf("", spec.InvalidArgument, "", "to wait for %d of %d refs: the count is from 1 to the number of refs", count, n)
	}
	if err := s.readRefs(g, p.u32(0), n); err != nil {
		return 0, err
	}
	defer s.forgetRefs()
	if _, err := view(g, ready, n); err != nil { // before it waits for nothing
		return 0, err
	}
	there, err := s.caller.Objects.Wait(ctx, s.ids, int(count), time.Duration(p.i64(3)))
	if err != nil {
		return 0, err
	}
	out, err := view(g, ready, n)
	if err != nil {
		return 0, err
	}
	found := int64(0)
	for i, is := range there {
		out[i] = 0
		if is {
			out[i] = 1
			found++
		}
	}
	return found, nil
}
