package wasi

import (
	"context"
	"fmt"
)

// Exit is how a guest's call ends that calls proc_exit, even with code 0: find it by errors.As.
type Exit struct {
	Code uint32
}

func (e *Exit) Error() string { return fmt.Sprintf("the guest exited with code %d", e.Code) }

// procExit ends the guest's call with an *Exit.
//
//	code u32
func procExit(_ context.Context, _ *System, _ memory, p params) error {
	return &Exit{Code: p.u32(0)}
}

// procRaise would send a signal to the guest itself; there are none. Errors: ENOTSUP.
func procRaise(context.Context, *System, memory, params) error { return enotsup }

// schedYield lets other threads of the guest run; it has none.
func schedYield(context.Context, *System, memory, params) error { return nil }
