package wasmbin

import "fmt"

// State names the exports through which a host reads and writes all that an
// instance keeps between calls: memory 0 and the mutable globals.
type State struct {
	// Memory is the name memory 0 is exported as, or "" if there is none.
	Memory string
	// Globals holds the mutable globals in the order of their indexes.
	Globals []StateGlobal
}

// StateGlobal is a mutable global and the name it is exported as.
type StateGlobal struct {
	Name string
	Type ValType
}

// ExportState exports every own mutable global of a numeric type as
// "__ray_g0", "__ray_g1" and so on, and memory 0 as "__ray_memory"; what is
// exported already keeps its name.
//
// What changes: entries are added to the export section. Nothing refers to
// exports by position, so all else keeps its meaning; a guest cannot see its
// own exports. An instance that has run nothing yet has in these globals the
// initial values that the module declares.
//
// Globals that other passes added for the host's use alone (the budget, the
// depth, the limit of pages) are no state of the guest and are left out. Run
// this pass after VirtualGrowth, which adds a global of the guest. It does not
// ask whether memory and globals are all the state there is; Snapshotable does.
func (m *Module) ExportState() (State, error) {
	if err := m.checkPrivate(); err != nil {
		return State{}, err
	}
	var s State
	for i, g := range m.Globals {
		index := uint32(m.imported[KindGlobal] + i)
		if !g.Mutable || !g.Type.IsNumeric() || m.hostOnly[index] {
			continue
		}
		name, err := m.nameExport(KindGlobal, index, fmt.Sprintf("g%d", len(s.Globals)))
		if err != nil {
			return State{}, err
		}
		s.Globals = append(s.Globals, StateGlobal{Name: name, Type: g.Type})
	}
	if m.imported[KindMemory]+len(m.Memories) == 0 {
		return s, nil
	}
	name, err := m.nameExport(KindMemory, 0, "memory")
	s.Memory = name
	return s, err
}

// nameExport returns the name an item is exported as. If there is none yet, it
// becomes the private one.
func (m *Module) nameExport(k Kind, index uint32, private string) (string, error) {
	for _, e := range m.Exports {
		if e.Kind == k && e.Index == index {
			return e.Name, nil
		}
	}
	name := privatePrefix + private
	return name, m.addExport(name, k, index)
}
