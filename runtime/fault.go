package wasmrt

import (
	"context"
	"errors"
	"fmt"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasi"
	"github.com/raywasm/raywasm/spec"
)

// failure turns what a call ended with into an error that says what happened: what the guest did, or why the host ended
// it.
func (s *Sandbox) failure(op string, err error) error {
	e := &spec.Error{Op: op, ID: s.label(), Err: err}
	fault := &spec.Fault{Stderr: s.instance.system.StderrTail()}
	trap, exit := (*engine.Trap)(nil), (*wasi.Exit)(nil)
	switch {
	case errors.As(err, &exit):
		code := int32(exit.Code)
		e.Kind, fault.Exit = spec.GuestExit, &code
		fault.Type, fault.Message = "exit", fmt.Sprintf("the guest ended itself with status %d", code)
	case errors.As(err, &trap):
		e.Kind, fault.Type, fault.Message, fault.Stack = spec.GuestTrap, "trap", trap.Error(), trap.Stack
		if trap.Code == engine.TrapStackOverflow || s.instance.tooDeep() {
			e.Kind, fault.Message = spec.StackOverflow, "the guest called too deep: a recursion without end, or one of more than "+spec.FormatBytes(StackBytes)+" of stack"
		}
	default:
		e.Kind = endedBy(e.Err)
		return e
	}
	if wanted := s.instance.wanted(); wanted > 0 && e.Kind != spec.StackOverflow {
		e.Kind = spec.OutOfMemory
		fault.Message = fmt.Sprintf("the guest wanted %s more memory than its limit of %s: %s", spec.FormatBytes(wanted), spec.FormatBytes(int64(s.instance.limit)*wasmPage), fault.Message)
	}
	e.Err = fault
	return e
}

// endedBy returns the kind of an end that the host brought about: because a context ended, or a host function had to.
func endedBy(cause error) spec.Kind {
	switch {
	case errors.Is(cause, context.DeadlineExceeded):
		return spec.DeadlineExceeded
	case errors.Is(cause, context.Canceled):
		return spec.TaskCancelled
	}
	return spec.KindOf(cause)
}

// tooDeep reports whether the guest was stopped by the limit on its stack.
func (i *instance) tooDeep() bool { return i.depth != nil && uint32(i.depth.Get()) > StackBytes }

// wanted returns by how many bytes the guest wanted to grow its memory when that was last refused; 0 if it never was.
func (i *instance) wanted() int64 {
	if i.refused == nil {
		return 0
	}
	return int64(uint32(i.refused.Get())) * wasmPage
}
