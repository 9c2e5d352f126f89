//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"context"
	"unsafe"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// instance is a running module, alone in its store.
type instance struct {
	code  *code
	store *wt.Store
	made  *wt.Instance
	guest *engine.Guest

	memory *wt.Memory     // nil if there is none
	base   unsafe.Pointer // of memory; it never moves
	view   []byte         // memory as it was since the guest last ran; nil: not looked at

	ctx    context.Context // of the call that runs
	err    error           // of the host function that ended the call
	values []uint64        // room for the parameters and the result of the next host function
}

// adoptMemory takes memory 0 from its export.
func (i *instance) adoptMemory(x *wt.Extern) {
	i.memory = x.Memory()
	x.Close()
	i.base = i.memory.Data(i.store)
}

// Memory asks for the length anew when the guest has run, for it may have grown.
func (i *instance) Memory() []byte {
	if i.memory == nil {
		return nil
	}
	if i.view == nil {
		i.view = unsafe.Slice((*byte)(i.base), i.memory.DataSize(i.store))
	}
	return i.view
}

func (i *instance) Grow(size uint64) bool {
	have := uint64(len(i.Memory()))
	if i.memory == nil || size <= have {
		return i.memory != nil
	}
	i.view = nil
	_, err := i.memory.Grow(i.store, (size-have)/wasmPage)
	return err == nil
}

// wasmPage is the unit of a memory's size, in bytes.
const wasmPage = 64 << 10

func (i *instance) Close() error {
	i.view = nil
	i.store.Close()
	return nil
}

func (i *instance) Func(name string) engine.Func {
	t, ok := i.code.surface.funcs[name]
	if !ok {
		return nil
	}
	x := i.made.GetExport(i.store, name)
	defer x.Close()
	return &function{instance: i, f: x.Func(), FuncType: t, args: make([]any, len(t.Params))}
}

// function is an exported function.
type function struct {
	wasmbin.FuncType
	instance *instance
	f        *wt.Func
	args     []any // of the next call
}

func (f *function) Call(ctx context.Context, stack []uint64) error {
	for k, t := range f.Params {
		f.args[k] = goValue(t, stack[k])
	}
	i := f.instance
	outer := i.ctx // of the call that this one is made from within, if any
	i.ctx = ctx
	result, err := f.f.Call(i.store, f.args...)
	i.ctx = outer
	i.view = nil
	if err != nil {
		return i.failure("call", spec.System, err)
	}
	switch r := result.(type) {
	case nil:
	case []wt.Val:
		for k, v := range r {
			stack[k] = bits(v.Get())
		}
	default:
		stack[0] = bits(r)
	}
	return nil
}

// failure says why a call failed: what the host function returned, or how the guest trapped. What is neither is
// wasmtime's own failure, of the given kind.
func (i *instance) failure(op string, kind spec.Kind, err error) error {
	host := i.err
	i.err = nil
	t, trapped := err.(*wt.Trap)
	if trapped {
		defer t.Close()
	} else {
		err = owned(err)
	}
	switch {
	case host != nil:
		return host
	case trapped:
		return trap(t)
	default:
		return &spec.Error{Op: op, Kind: kind, Err: err}
	}
}

func (i *instance) Global(name string) engine.Global {
	t, ok := i.code.surface.globals[name]
	if !ok {
		return nil
	}
	x := i.made.GetExport(i.store, name)
	defer x.Close()
	return &global{store: i.store, t: t, g: x.Global()}
}

// global is an exported mutable global.
type global struct {
	store *wt.Store
	t     wasmbin.ValType
	g     *wt.Global
}

func (g *global) Get() uint64 { return bits(g.g.Get(g.store).Get()) }

func (g *global) Set(v uint64) {
	if err := g.g.Set(g.store, wasmValue(g.t, v)); err != nil {
		panic(err) // it is mutable and of this type: the module says so
	}
}
