//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"fmt"
	"runtime/debug"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// link offers a host function to all modules. FuncNew and not FuncWrap, which calls by reflection and takes three times
// as long.
func (e *wasmtimeEngine) link(h engine.HostFunc) error {
	if !numeric(h.Params) || !numeric(h.Results) || len(h.Results) > 1 {
		return fmt.Errorf("a host function takes numbers and returns at most one, this is from %v to %v", h.Params, h.Results)
	}
	t := wt.NewFuncType(valTypes(h.Params), valTypes(h.Results)) // not closed: every call looks at it
	err := e.linker.FuncNew(h.Module, h.Name, t, func(caller *wt.Caller, args []wt.Val) ([]wt.Val, *wt.Trap) {
		i := caller.Data().(*instance)
		return i.serve(&h, caller, args)
	})
	if err != nil {
		return owned(err)
	}
	e.imports[importName{h.Module, h.Name}] = wasmbin.FuncType{Params: h.Params, Results: h.Results}
	return nil
}

// serve runs a host function for the guest. A trap has no room for a Go error: that waits in the instance for the end of
// the call, which the trap brings about.
func (i *instance) serve(h *engine.HostFunc, caller *wt.Caller, args []wt.Val) ([]wt.Val, *wt.Trap) {
	i.view = nil
	if i.memory == nil && i.code.surface.memory.name != "" { // a start function's call
		i.adoptMemory(caller.GetExport(i.code.surface.memory.name))
	}
	stack := append(i.values[:0], make([]uint64, max(len(h.Params), len(h.Results)))...)
	i.values = nil // taken: the host function may call the guest
	defer func() { i.values = stack }()
	for k, a := range args {
		stack[k] = bits(a.Get())
	}
	if err := i.run(h, stack); err != nil {
		i.err = err
		return nil, wt.NewTrap("a host function failed")
	}
	if len(h.Results) == 0 {
		return nil, nil
	}
	return []wt.Val{wasmValue(h.Results[0], stack[0])}, nil
}

// run runs a host function, whose panic is an error too.
func (i *instance) run(h *engine.HostFunc, stack []uint64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			cause, ok := p.(error)
			if !ok {
				cause = fmt.Errorf("%v", p)
			}
			err = spec.Errorf("serve the guest", spec.System, h.Module+"."+h.Name, "the host function panicked: %w\n%s", cause, debug.Stack())
		}
	}()
	return h.Func(i.ctx, i.guest, stack)
}
