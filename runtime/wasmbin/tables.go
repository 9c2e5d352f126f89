package wasmbin

import "fmt"

// LimitTables makes maxEntries the most entries that any table of the module
// may grow to. It refuses a module with a table that begins with more. Tables
// that are imported have their limit from elsewhere.
//
// What changes: the declared maximum. Why it is sound: by the specification
// table.grow may fail at any size.
func (m *Module) LimitTables(maxEntries uint32) error {
	limit := uint64(maxEntries)
	for i, t := range m.Tables {
		if t.Min > limit {
			return fmt.Errorf("wasm: table %d begins with %d entries, over the limit of %d", m.imported[KindTable]+i, t.Min, limit)
		}
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		if !t.HasMax || t.Max > limit {
			t.HasMax, t.Max = true, limit
			m.changed(secTable)
		}
	}
	return nil
}
