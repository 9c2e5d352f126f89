package wasmbin

import "fmt"

// Resume turns the module into the variant that is started from an image: an
// instance of it begins with the memory and globals that a host puts there,
// not with those of a first start.
//
// What changes: the start function is dropped. Active data segments become
// empty passive ones if there is a data count section, so that the indexes in
// memory.init and data.drop stay good, and are dropped otherwise, since
// without that section neither instruction can occur (specification 5.5.16).
// Memory 0 begins with at least minPages pages of 64 KiB.
//
// Why it is sound: an active segment counts as dropped once the module has
// been instantiated, and a dropped segment behaves as an empty one
// (specification 4.7.2), so code that runs after instantiation sees no
// difference. Passive segments stay; that a guest dropped one before the image
// was taken is forgotten. Active element segments stay, as tables are not part
// of an image.
func (m *Module) Resume(minPages uint64) error {
	if err := m.raiseMemory(minPages); err != nil {
		return err
	}
	if m.Start != nil {
		m.Start = nil
		m.changed(secStart)
	}
	if len(m.Data) == 0 {
		return nil
	}
	m.changed(secData)
	if m.DataCount == nil {
		m.Data = nil
		return nil
	}
	for i := range m.Data {
		if m.Data[i].Mode == Active {
			m.Data[i] = Data{Mode: Passive}
		}
	}
	return nil
}

// raiseMemory makes memory 0 begin with at least pages pages.
func (m *Module) raiseMemory(pages uint64) error {
	if len(m.Memories) == 0 {
		if pages > 0 {
			return fmt.Errorf("wasm: the module has no memory of its own to begin with %d pages", pages)
		}
		return nil
	}
	mem := &m.Memories[0]
	switch {
	case pages <= mem.Min:
		return nil
	case mem.HasMax && pages > mem.Max, pages > maxPages32 && !mem.Memory64:
		return fmt.Errorf("wasm: the memory cannot begin with %d pages: it may have %d at most", pages, max(mem.Max, maxPages32))
	}
	mem.Min = pages
	m.changed(secMemory)
	return nil
}
