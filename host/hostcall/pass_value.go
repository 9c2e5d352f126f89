package hostcall

import (
	"context"
	"slices"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// pass_value passes a value as the next argument of the next call. Arguments are passed one after the other, in their
// order, and submit, actor_create or actor_call takes them all, whether it succeeds or not.
//
// Parameters:
//   - ptr, size: the value's CBOR, at most MaxInlineBytes: a longer one is put and passed by pass_ref
//   - handles, n: handles of what the value contains, in the order of the positions in its tags. The guest keeps them,
//     and may release them at once
//
// Result: 0.
//
// Errors:
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: a handle is an argument's
//   - LimitExceeded: the value is longer than MaxInlineBytes; or the arguments passed so far are more than MaxArgs, than
//     MaxPassedBytes bytes, or contain more than MaxLinks links
//   - ObjectStoreFull: there is no room for it
//   - PermissionDenied: the caller may not call
//
// When put, pass_value or pass_ref fails, what was passed so far is given up: a call is submitted whole or not at all,
// and a guest that abandons one leaves nothing behind for the next.
func (s *Session) passValue(_ context.Context, g *engine.Guest, p params) (int64, error) {
	from := s.takeSource(p.u32(0), p.u32(1))
	err := s.roomToPass()
	var v spec.Value
	if err == nil {
		left := space{spec.MaxInlineBytes, spec.MaxLinks - len(s.passed.links), "MaxInlineBytes"}
		if more := int64(MaxPassedBytes - s.passed.bytes); more < left.bytes {
			left.bytes, left.limit = more, "MaxPassedBytes"
		}
		v, err = s.readValue(g, from, p.u32(2), p.u32(3), left)
	}
	if err != nil {
		s.forgetPassed()
		return 0, err
	}
	s.passed.add(spec.ValueArg(v), v.Links...)
	s.passed.holds += valueBytes(len(v.Data), len(v.Links))
	s.countIn(v.Links)
	return 0, nil
}

// roomToPass fails unless one more argument can be passed.
func (s *Session) roomToPass() error {
	if s.caller.Tasks == nil && s.caller.Actors == nil {
		return denied("to pass an argument")
	}
	if len(s.passed.args) >= spec.MaxArgs {
		return spec.Errorf("", spec.LimitExceeded, "", "a call has at most %d arguments (MaxArgs)", spec.MaxArgs)
	}
	return nil
}

func (l *passed) add(a spec.Arg, links ...spec.Link) {
	l.args = append(l.args, a)
	l.bytes += len(a.Value.Data)
	l.links = append(l.links, links...)
}

// takePassed returns the arguments for a call, which may keep them and reserves for what it keeps. What is counted for
// them stays counted until forgetPassed.
func (s *Session) takePassed() []spec.Arg {
	var args []spec.Arg
	if len(s.passed.args) > 0 {
		args = slices.Clone(s.passed.args) // no larger than need be: a task keeps them while it waits
	}
	s.drop(s.passed.holds)
	s.passed.holds = 0
	return args
}

// keepArgs and keepLinks are how many arguments and links a session keeps room for from one call to the next.
const (
	keepArgs  = 16
	keepLinks = 256
)

// forgetPassed gives up what was passed and releases what was counted for it.
func (s *Session) forgetPassed() {
	args, links := s.passed.args, s.passed.links
	s.drop(s.passed.holds)
	s.passed = passed{}
	if cap(args) <= keepArgs {
		clear(args)
		s.passed.args = args[:0]
	}
	if cap(links) <= keepLinks {
		s.passed.links = links[:0]
	}
	s.countOut(links)
}
