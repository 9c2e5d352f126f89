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

// ExportState exports every own mutable global as "__ray_g0", "__ray_g1" and
// so on, and memory 0 as "__ray_memory" unless it is exported already.
//
// What changes: entries are added to the export section. Nothing refers to
// exports by position, so all else keeps its meaning; a guest cannot see its
// own exports.
//
// Globals that other passes added for the host's use alone (the budget, the
// depth) are no state of the guest and are left out. Run this pass after
// those that add globals of the guest (VirtualGrowth). It does not ask whether
// memory and globals are all the state there is; Snapshotable does.
func (m *Module) ExportState() (State, error) {
	if err := m.checkPrivate(); err != nil {
		return State{}, err
	}
	var s State
	for i, g := range m.Globals {
		index := uint32(m.imported[KindGlobal] + i)
		if !g.Mutable || m.hostOnly[index] {
			continue
		}
		name := fmt.Sprintf("%sg%d", privatePrefix, len(s.Globals))
		if err := m.addExport(name, KindGlobal, index); err != nil {
			return State{}, err
		}
		s.Globals = append(s.Globals, StateGlobal{Name: name, Type: g.Type})
	}
	if m.imported[KindMemory]+len(m.Memories) == 0 {
		return s, nil
	}
	for _, e := range m.Exports {
		if e.Kind == KindMemory && e.Index == 0 {
			s.Memory = e.Name
			return s, nil
		}
	}
	s.Memory = privatePrefix + "memory"
	return s, m.addExport(s.Memory, KindMemory, 0)
}
