package wasmbin

import "fmt"

// Module is a parsed module. Its fields are there to be read: only the passes
// of this package change a module, since they also note which sections Encode
// must write anew.
//
// Functions, tables, memories, tags and globals each have one index space, in
// which the imported ones come first. The slices below hold only the module's
// own; NumImported gives the shift.
type Module struct {
	Types     []FuncType
	Imports   []Import
	Functions []uint32 // type index of each own function; same length as Bodies
	Tables    []Table
	Memories  []MemoryType
	Tags      []uint32 // type index of each own tag
	Globals   []Global
	Exports   []Export
	Start     *uint32 // function index; nil if there is no start function
	Elements  []Element
	DataCount *uint32 // nil if there is no data count section
	Bodies    []Body
	Data      []Data
	Customs   []Custom

	imported [numKinds]int // imports of each kind
	sections []section     // as read, in file order
	typeRaw  []byte        // the vector of types without its count
	typeVec  uint32        // that count; a recursion group counts once

	uses     map[Op]bool     // which of the rarer instructions occur; see checkIndexes
	refs     map[uint32]bool // functions named by ref.func
	private  map[string]bool // names that passes have exported
	hostOnly map[uint32]bool // globals that passes have added and the guest has no use for
}

// Kind says what an import or export is (specification 5.5.5).
type Kind byte

const (
	KindFunc Kind = iota
	KindTable
	KindMemory
	KindGlobal
	KindTag
	numKinds = iota
)

// String returns the kind as the text format writes it.
func (k Kind) String() string {
	if k >= numKinds {
		return fmt.Sprintf("kind(%#x)", byte(k))
	}
	return [numKinds]string{"func", "table", "memory", "global", "tag"}[k]
}

// Import is one import. Kind says which of the type fields holds.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         uint32 // KindFunc, KindTag: index into Types
	Table        TableType
	Memory       MemoryType
	Global       GlobalType
}

// Table is an own table; Init is the initial value of its entries, or nil for
// null.
type Table struct {
	TableType
	Init Expr
}

// Global is an own global and its initial value.
type Global struct {
	GlobalType
	Init Expr
}

// Export is one export; Index is in the index space of its kind.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// Mode says when a segment is used (specification 2.5.7 and 2.5.8).
type Mode byte

const (
	Active      Mode = iota // at instantiation
	Passive                 // by memory.init or table.init
	Declarative             // never; only declares functions for ref.func
)

// Element is an element segment. Its entries are function indexes (Funcs) or
// constant expressions (Exprs), by the form the segment is written in.
type Element struct {
	Mode   Mode
	Table  uint32 // Active only
	Offset Expr   // Active only
	Type   ValType
	Funcs  []uint32
	Exprs  []Expr

	form uint32 // the flag word 0..7 of specification 5.5.12
}

// Data is a data segment.
type Data struct {
	Mode   Mode   // Active or Passive
	Memory uint32 // Active only
	Offset Expr   // Active only
	Init   []byte
}

// Body is the code of an own function: its local declarations and its
// instructions, as raw bytes.
type Body struct {
	// Raw is the entry of the code section without its size.
	Raw []byte
	// Locals counts the function's locals, parameters not included.
	Locals uint32

	code     int    // where in Raw the instructions begin
	offset   int    // where in the parsed module Raw began; for messages
	sizes    bool   // it has a memory.size or memory.grow
	branches uint32 // how many instructions join, part or leave the control flow

	calls  []int32 // where in the code its calls begin, unless it is edited
	edited bool    // a pass has changed the code
}

// Code returns the instructions, the final end included.
func (b *Body) Code() []byte { return b.Raw[b.code:] }

// Custom is a custom section.
type Custom struct {
	Name string
	Data []byte
}

// NumImported returns how many imports of kind k there are: the index of the
// first own item of that kind.
func (m *Module) NumImported(k Kind) int { return m.imported[k] }

// NumFuncs returns the size of the index space of functions.
func (m *Module) NumFuncs() int { return m.imported[KindFunc] + len(m.Functions) }

// FuncType returns the type of the function at index, imported or own.
func (m *Module) FuncType(index uint32) (FuncType, bool) {
	t, ok := m.funcTypeIndex(index)
	if !ok {
		return FuncType{}, false
	}
	return m.Types[t], true
}

// funcTypeIndex returns the type index of the function at index.
func (m *Module) funcTypeIndex(index uint32) (uint32, bool) {
	own := int(index) - m.imported[KindFunc]
	switch {
	case own >= len(m.Functions):
		return 0, false
	case own >= 0:
		return m.Functions[own], true
	}
	return m.nthImport(KindFunc, int(index)).Type, true
}

// GlobalType returns the type of the global at index, imported or own.
func (m *Module) GlobalType(index uint32) (GlobalType, bool) {
	own := int(index) - m.imported[KindGlobal]
	switch {
	case own >= len(m.Globals):
		return GlobalType{}, false
	case own >= 0:
		return m.Globals[own].GlobalType, true
	}
	return m.nthImport(KindGlobal, int(index)).Global, true
}

// hasTable64 says whether a table, imported or own, has 64-bit indexes.
func (m *Module) hasTable64() bool {
	for i := range m.Imports {
		if m.Imports[i].Table.Table64 {
			return true
		}
	}
	for i := range m.Tables {
		if m.Tables[i].Table64 {
			return true
		}
	}
	return false
}

// hasMemory64 says whether a memory, imported or own, has 64-bit addresses.
func (m *Module) hasMemory64() bool {
	for i := range m.Imports {
		if m.Imports[i].Memory.Memory64 {
			return true
		}
	}
	for _, mem := range m.Memories {
		if mem.Memory64 {
			return true
		}
	}
	return false
}

// nthImport returns the n-th import of kind k, which exists.
func (m *Module) nthImport(k Kind, n int) *Import {
	for i := range m.Imports {
		if m.Imports[i].Kind != k {
			continue
		}
		if n == 0 {
			return &m.Imports[i]
		}
		n--
	}
	panic("wasmbin: import index out of range")
}

// ExportedFunc returns the index of the function exported as name.
func (m *Module) ExportedFunc(name string) (index uint32, ok bool) {
	e, ok := m.export(name)
	return e.Index, ok && e.Kind == KindFunc
}

// export finds the export called name.
func (m *Module) export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// Branches returns how many instructions of the code join, part or leave the
// control flow: loops, ifs, elses and branches of all sorts, calls, and what
// engines execute by a call, such as memory.grow. Optimising compilers take
// quadratic time for them, or more.
func (b *Body) Branches() int { return int(b.branches) }
