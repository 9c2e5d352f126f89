package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// submit calls a function with the arguments that were passed, and returns at once: the function runs elsewhere, when its
// arguments are there and there are resources for it.
//
//	out
//	 ▼
//	[ xx xx xx xx | yy yy yy yy ]   n 2: a handle for each of the first two results
//
// Parameters:
//   - function, function_size: its name, as the module describes it
//   - options, options_size: the CBOR of TaskOptions, laid over those of the function; size 0 for none
//   - out, n: where the handles of the first n results are written; at most MaxReturns. Refs of results beyond are given
//     back at once; what is beyond the results is left as it is
//
// Result: the number of results of the call. An error of the function itself is found by get.
//
// Errors:
//   - FunctionNotFound: the module has no such function
//   - InvalidArgument: the name, the options or n are malformed
//   - LimitExceeded: the sandbox would have more than MaxHandles handles, or the job more than MaxPendingTasks calls
//     that have not finished
//   - ObjectStoreFull: there is no room for what the host has to keep
//   - PermissionDenied: the caller may not call
//
// The passed arguments are taken in any case.
func (s *Session) submit(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	defer s.forgetPassed()
	if s.caller.Tasks == nil {
		return 0, denied("submit")
	}
	call, err := s.readCall(g, p, 0)
	if err != nil {
		return 0, err
	}
	ids, err := s.caller.Tasks.Submit(ctx, call)
	if err != nil {
		return 0, err
	}
	return s.giveResults(g, ids, p, 4)
}

// readCall reads a call from six parameters: its name, its options, and the room for its results, which must be there
// before anything is submitted.
func (s *Session) readCall(g *engine.Guest, p params, at int) (call spec.Call, err error) {
	if call.Function, err = s.readName(g, p.u32(at), p.u32(at+1), 1, "name of the function or method"); err != nil {
		return call, err
	}
	if call.Options, err = readOptions[spec.TaskOptions](g, p.u32(at+2), p.u32(at+3)); err != nil {
		return call, err
	}
	n := p.u32(at + 5)
	if _, err := handleList(g, p.u32(at+4), n, spec.MaxReturns, "results (MaxReturns)"); err != nil {
		return call, err
	}
	if err := s.roomFor(int(n)); err != nil {
		return call, err
	}
	call.Args = s.takePassed()
	return call, nil
}

// giveResults gives handles of the results for which readCall found room.
func (s *Session) giveResults(g *engine.Guest, ids []spec.ObjectID, p params, at int) (int64, error) {
	room := int(p.u32(at + 1))
	out, err := view(g, p.u32(at), uint32(min(room, len(ids)))*handleBytes)
	if err != nil {
		room = 0
	}
	for i, id := range ids {
		if i < room {
			setHandle(out, i, s.handles.give(spec.ObjectLink(id)))
		} else {
			s.countOutOne(spec.ObjectLink(id))
		}
	}
	return int64(len(ids)), err
}
