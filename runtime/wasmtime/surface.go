//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"fmt"
	"math"
	"slices"

	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// surface is what a module shows to a host. It is read by package wasmbin, for wasmtime's C API ends the process when
// it is asked for a type it has no number for.
type surface struct {
	funcs   map[string]wasmbin.FuncType // of numeric types
	globals map[string]wasmbin.ValType  // mutable and numeric
	memory  struct {
		name     string // "": there is none
		min, max uint64 // pages of 64 KiB
	}
}

// pageBytes is the unit of memory sizes (specification 2.3.8).
const pageBytes = 64 << 10

// unlimited: how large a module may be was decided when it was admitted.
var unlimited = wasmbin.Limits{
	ModuleBytes: math.MaxInt, Types: math.MaxInt, Params: math.MaxInt, Imports: math.MaxInt, Functions: math.MaxInt,
	Tables: math.MaxInt, TableEntries: math.MaxInt, Memories: math.MaxInt, Tags: math.MaxInt, Globals: math.MaxInt,
	Exports: math.MaxInt, Elements: math.MaxInt, ElementEntries: math.MaxInt, DataSegments: math.MaxInt,
	CustomSections: math.MaxInt, BodyBytes: math.MaxInt, Locals: math.MaxInt, BranchTargets: math.MaxInt, Nesting: math.MaxInt,
}

// survey reads a module's surface and checks that this engine can link it.
func (e *wasmtimeEngine) survey(wasm []byte) (*surface, error) {
	const op = "compile"
	m, err := wasmbin.ParseLimits(wasm, unlimited)
	if err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.InvalidModule, Err: err}
	}
	for _, im := range m.Imports {
		if err := e.checkImport(m, im); err != nil {
			return nil, &spec.Error{Op: op, Kind: spec.UnknownImport, ID: "import " + im.Module + "." + im.Name, Err: err}
		}
	}
	s := &surface{funcs: make(map[string]wasmbin.FuncType), globals: make(map[string]wasmbin.ValType)}
	for _, x := range m.Exports {
		switch x.Kind {
		case wasmbin.KindFunc:
			if t, ok := m.FuncType(x.Index); ok && numeric(t.Params) && numeric(t.Results) {
				s.funcs[x.Name] = t
			}
		case wasmbin.KindGlobal:
			if t, ok := m.GlobalType(x.Index); ok && t.Mutable && t.Type.IsNumeric() {
				s.globals[x.Name] = t.Type
			}
		case wasmbin.KindMemory:
			s.memory.name = x.Name
		}
	}
	if len(m.Memories) == 0 {
		return s, nil
	}
	if s.memory.name == "" {
		return nil, spec.Errorf(op, spec.InvalidModule, "", "its memory is not exported, so there is no way to it")
	}
	s.memory.min, s.memory.max = m.Memories[0].Min, reservation/pageBytes
	if m.Memories[0].HasMax {
		s.memory.max = m.Memories[0].Max
	}
	return s, nil
}

func numeric(types []wasmbin.ValType) bool {
	return !slices.ContainsFunc(types, func(t wasmbin.ValType) bool { return !t.IsNumeric() })
}

func (e *wasmtimeEngine) checkImport(m *wasmbin.Module, im wasmbin.Import) error {
	if im.Kind != wasmbin.KindFunc {
		return fmt.Errorf("it is a %s, and only functions are offered", im.Kind)
	}
	have, ok := e.imports[importName{im.Module, im.Name}]
	if !ok {
		return fmt.Errorf("there is no such function")
	}
	if want := m.Types[im.Type]; !slices.Equal(have.Params, want.Params) || !slices.Equal(have.Results, want.Results) {
		return fmt.Errorf("the module wants it from %v to %v, and it is from %v to %v", want.Params, want.Results, have.Params, have.Results)
	}
	return nil
}
