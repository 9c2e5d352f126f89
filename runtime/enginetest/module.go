package enginetest

import (
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// module is a module under construction, whose memory and globals engines have to show.
type module struct{ asm.Module }

// imp imports a function of module "env".
func (m *module) imp(name string, params, results []wasmbin.ValType) uint32 {
	return m.Import("env", name, params, results)
}

// global adds a global and exports it under its name.
func (m *module) global(name string, t wasmbin.ValType, mutable bool, init []byte) uint32 {
	g := m.Global(t, mutable, init)
	m.Export(name, wasmbin.KindGlobal, g)
	return g
}

// memory adds the memory, of min pages and at most max, and exports it as "memory".
func (m *module) memory(min, max uint32) {
	m.Memory(min, max)
	m.Export("memory", wasmbin.KindMemory, 0)
}
