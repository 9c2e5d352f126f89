package hostcall

import (
	"context"
	"slices"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// get waits until every one of the objects is there. Their values can then be read by size, read and links of the same
// handles, until these are released. While it waits, the task's CPU is lent to others.
//
// Parameters:
//   - handles, n: handles of objects, at most MaxWaited. One may occur twice
//   - timeout: in nanoseconds; negative: none, 0: only look
//
// Result: 0.
//
// Errors:
//   - the error of the first of the objects, in their order, that holds one: the kind and the form of the task that
//     should have made it
//   - GetTimeout: the time has passed and not all are there
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: a handle is an actor's or an argument's
//   - LimitExceeded: more than MaxWaited
//   - ObjectStoreFull: there is no room for the list
//   - PermissionDenied: the caller may not get
//
// When the call's own end comes while it waits (cancelled, deadline, end of the job), it never returns.
func (s *Session) get(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Objects == nil {
		return 0, denied("get")
	}
	if err := s.readRefs(g, p.u32(0), p.u32(1)); err != nil {
		return 0, err
	}
	defer s.forgetRefs()
	if len(s.ids) == 0 {
		return 0, nil
	}
	values := make([]spec.Value, len(s.ids))
	if err := s.caller.Objects.Get(ctx, s.ids, time.Duration(p.i64(2)), values); err != nil {
		return 0, err
	}
	for i, v := range values {
		at := s.handles.at(s.waiting[i])
		at.value, at.ready = v, true
	}
	return 0, nil
}

// readRefs reads a list of handles of objects into s.waiting and their ids into s.ids, until forgetRefs.
func (s *Session) readRefs(g *engine.Guest, ptr, n uint32) error {
	in, err := handleList(g, ptr, n, MaxWaited, "refs to wait for (MaxWaited)")
	if err != nil {
		return err
	}
	s.forgetRefs()
	if err := s.hold(WaitedBytes * int64(n)); err != nil {
		return err
	}
	s.waitHolds = WaitedBytes * int64(n)
	s.waiting, s.ids = slices.Grow(s.waiting, int(n)), slices.Grow(s.ids, int(n))
	for i := range int(n) {
		handle := handleAt(in, i)
		at, err := s.object(handle)
		if err != nil {
			s.forgetRefs()
			return err
		}
		s.waiting, s.ids = append(s.waiting, handle), append(s.ids, at.link.Object)
	}
	return nil
}

// keepRefs is how many refs a session keeps room for from one wait to the next.
const keepRefs = 1024

func (s *Session) forgetRefs() {
	if cap(s.ids) > keepRefs {
		s.waiting, s.ids = nil, nil
	}
	s.waiting, s.ids = s.waiting[:0], s.ids[:0]
	s.drop(s.waitHolds)
	s.waitHolds = 0
}
