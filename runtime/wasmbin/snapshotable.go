package wasmbin

import "fmt"

// tableChanges are the instructions after which tables and element segments
// are no longer what instantiation made them.
var tableChanges = []struct {
	op   Op
	name string
}{
	{OpTableSet, "table.set"},
	{OpTableGrow, "table.grow"},
	{OpTableCopy, "table.copy"},
	{OpTableInit, "table.init"},
	{OpTableFill, "table.fill"},
	{OpElemDrop, "elem.drop"},
}

// Snapshotable says why memory 0 and the numeric mutable globals are not all
// the state of an instance, one reason a line, or nothing if they are. A
// module with a reason runs without images and checkpoints.
//
// The state of an instance (specification 4.2.6) is its memories, globals,
// tables and which segments it dropped. A dropped data segment is the one
// thing let pass: a module that drops one never reads it again, unless it
// means to trap. A data segment with an offset that only the engine knows
// would be written over the image at each start. A host that re-enters the guest while an image is taken, or
// keeps references to it, is the host's business.
func (m *Module) Snapshotable() (reasons []string) {
	add := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	for i := range m.Imports {
		im := &m.Imports[i]
		switch {
		case im.Kind == KindMemory:
			add("the memory %s.%s is imported", im.Module, im.Name)
		case im.Kind == KindTable:
			add("the table %s.%s is imported", im.Module, im.Name)
		case im.Kind == KindGlobal && im.Global.Mutable:
			add("the mutable global %s.%s is imported", im.Module, im.Name)
		}
	}
	if n := m.imported[KindMemory] + len(m.Memories); n > 1 {
		add("there are %d memories", n)
	}
	for i, mem := range m.Memories {
		if mem.Shared {
			add("memory %d is shared between threads", i)
		}
		if mem.Memory64 {
			add("memory %d has 64-bit addresses", i)
		}
	}
	for i, g := range m.Globals {
		if g.Mutable && !g.Type.IsNumeric() {
			add("global %d is mutable and of type %v", m.imported[KindGlobal]+i, g.Type)
		}
	}
	for i := range m.Data {
		if d := &m.Data[i]; d.Mode == Active && d.Memory == 0 && !d.detachable() {
			add("the offset of data segment %d is not a constant", i)
		}
	}
	for _, c := range tableChanges {
		if m.uses[c.op] {
			add("the code has a %s instruction", c.name)
		}
	}
	return reasons
}
