//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"context"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// code is a compiled module.
type code struct {
	engine  *wasmtimeEngine
	module  *wt.Module
	surface *surface
}

func (c *code) Close() error {
	c.module.Close()
	return nil
}

// A second fence around what the declarations of an admitted module already bound: one instance of it, with as many
// tables as Parse admits and as many entries in each. A memory's fence is its reservation.
const (
	fenceInstances    = 1
	fenceMemories     = 1
	fenceTables       = wasmbin.DefaultTables
	fenceTableEntries = wasmbin.DefaultTableEntries
	fenceMemoryBytes  = reservation
)

func (c *code) Instantiate(ctx context.Context, guest *engine.Guest, memory engine.Memory) (engine.Instance, error) {
	i := &instance{code: c, guest: guest, ctx: ctx}
	i.store = wt.NewStoreWithData(c.engine.engine, i)
	i.store.Limiter(fenceMemoryBytes, fenceTableEntries, fenceInstances, fenceTables, fenceMemories)
	guest.Bind(i.Memory)
	if err := i.begin(memory); err != nil {
		i.store.Close()
		guest.Bind(nil)
		return nil, err
	}
	i.ctx = nil
	return i, nil
}

// begin makes the instance, which runs the start function, and its memory as long as it is to be.
func (i *instance) begin(memory engine.Memory) error {
	made, err := i.code.engine.linker.Instantiate(i.store, i.code.module)
	if err != nil {
		return i.failure("instantiate", spec.OutOfMemory, err)
	}
	i.made, i.view = made, nil
	m := &i.code.surface.memory
	if m.name == "" {
		return nil
	}
	if i.memory == nil {
		i.adoptMemory(made.GetExport(i.store, m.name))
	}
	wanted := min((memory.Size(m.min*pageBytes)+pageBytes-1)/pageBytes, m.max)
	have := i.memory.Size(i.store)
	if wanted <= have {
		return nil
	}
	if _, err := i.memory.Grow(i.store, wanted-have); err != nil {
		return &spec.Error{Op: "instantiate", Kind: spec.OutOfMemory, Err: owned(err)}
	}
	return nil
}
