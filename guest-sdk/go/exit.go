package ray

import (
	"runtime"

	"github.com/raywasm/raywasm/spec"
)

// How an actor ends gracefully: by itself, or at somebody's word, with something to do before.

// Shutdowner is an actor's state that has something to do before the actor ends gracefully: when its last handle is gone,
// when it calls [ExitActor], and after [Handle.Terminate]; not when it is killed, crashes or its job ends. It has 30
// seconds. An error is only logged.
type Shutdowner interface{ RayShutdown() error }

// exiting is what ExitActor panics with.
type exiting struct{}

// ExitActor ends the actor whose method calls it, and the method: it does not return. The actor does not restart. The call
// and those that wait fail with [ActorDied]; concurrent calls that run end first. Outside an actor it panics with an error.
func ExitActor() {
	lock()
	err := check(hostActorExit(), "exit actor")
	mu.Unlock()
	if err != nil {
		panic(err)
	}
	panic(exiting{})
}

// Terminate ends the actor gracefully and returns at once: the actor serves the calls that it has, later ones fail with
// [ActorDied].
func (h Handle[T]) Terminate() error {
	id, err := h.h.use("terminate", "actor handle")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(h)
	return check(hostActorTerminate(id), "terminate")
}

// shutDown runs the actor's hook for the host.
func shutDown() int32 {
	const op = "shut down"
	defer func() {
		if p := recover(); p != nil {
			fail(panicked(op, p))
		}
	}()
	state, ok := actor.(Shutdowner)
	if !ok {
		return fail(spec.Errorf(op, spec.System, "", "%s has nothing to do", typeOf(actor)))
	}
	if err := state.RayShutdown(); err != nil {
		return fail(failure(op, err))
	}
	return 0
}
