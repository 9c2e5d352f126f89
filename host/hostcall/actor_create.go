package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// actor_create makes an actor of a class, with the arguments that were passed for its constructor, and returns at once.
// With the option get_if_exists it returns the living actor of that name, if there is one.
//
// Parameters:
//   - class, class_size: the name of the class, as the module describes it
//   - options, options_size: the CBOR of ActorOptions, laid over those of the class; size 0 for none
//
// Result: a handle of the actor, to be released. An error of the constructor is found by the calls of its methods. An
// actor without handles ends, unless it is detached.
//
// Errors:
//   - FunctionNotFound: the module has no such class
//   - AlreadyExists: the name is taken
//   - InvalidArgument: the name or the options are malformed
//   - LimitExceeded: the sandbox would have more than MaxHandles handles, or the job more than MaxActors actors
//   - ObjectStoreFull: there is no room for what the host has to keep
//   - PermissionDenied: the caller may not use actors
//
// The passed arguments are taken in any case.
func (s *Session) actorCreate(ctx context.Context, g *engine.Guest, p params) (int64, error) {
	defer s.forgetPassed()
	if s.caller.Actors == nil {
		return 0, denied("actor_create")
	}
	class, err := s.readName(g, p.u32(0), p.u32(1), 1, "name of the class")
	if err != nil {
		return 0, err
	}
	opts, err := readOptions[spec.ActorOptions](g, p.u32(2), p.u32(3))
	if err != nil {
		return 0, err
	}
	if err := s.roomFor(1); err != nil {
		return 0, err
	}
	id, err := s.caller.Actors.Create(ctx, class, s.takePassed(), opts)
	if err != nil {
		return 0, err
	}
	return int64(s.handles.give(spec.ActorLink(id))), nil
}
