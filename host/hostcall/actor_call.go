package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
)

// actor_call calls a method of an actor with the arguments that were passed, and returns at once. Calls of one caller run
// in the order they were made.
//
// Parameters:
//   - actor: a handle of the actor
//   - method, method_size: the name of the method, without its class
//   - options, options_size: the CBOR of TaskOptions, laid over those of the method; size 0 for none
//   - out, n: where the handles of the first n results are written, as for submit
//
// Result: the number of results of the call. An error of the method, and the actor's death, are found by get.
//
// Errors:
//   - FunctionNotFound: the class has no such method
//   - ActorDied: the actor is gone
//   - ReferenceCounting: there is no such handle
//   - InvalidArgument: it is not an actor's handle; or the name, the options or n are malformed
//   - LimitExceeded: the sandbox would have more than MaxHandles handles, or the job more than MaxPendingTasks calls
//     that have not finished
//   - ObjectStoreFull: there is no room for what the host has to keep
//   - PermissionDenied: the caller may not use actors
//
// The passed arguments are taken in any case.
func (s *Session) actorCall(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	defer s.forgetPassed()
	if s.caller.Actors == nil {
		return 0, denied("actor_call")
	}
	id, err := s.actor(p.u32(0))
	if err != nil {
		return 0, err
	}
	call, err := s.readCall(g, p, 1)
	if err != nil {
		return 0, err
	}
	ids, err := s.caller.Actors.Call(ctx, id, call)
	if err != nil {
		return 0, err
	}
	return s.giveResults(g, ids, p, 5)
}
