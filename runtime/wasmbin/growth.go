package wasmbin

import "fmt"

// VirtualGrowth makes memory growth a matter of a global, so that it can be
// undone: engines cannot shrink a memory, but a host can set a global back.
//
// What changes: memory 0 has capPages pages of 64 KiB (fewer if it is declared
// with a lower maximum) from the start and never grows. A private global of
// type i32, which ExportState exports as state, holds the size the guest
// believes in. memory.size reads it; memory.grow calls a private function that
// raises it as far as the cap and answers as the instruction would.
//
// Why it is sound: the two instructions are the only ones that read or change
// the size, and by the specification memory.grow may fail at any size. One
// thing does differ: an access between the believed size and the cap reads
// zeros, or writes, instead of a trap. It stays inside the guest's own memory,
// and a host that resets pages by what was touched resets those too.
//
// Memory that is never touched costs address space only, if the host's
// allocator reserves and does not fill.
func (m *Module) VirtualGrowth(capPages uint32) error {
	if m.imported[KindMemory] > 0 || len(m.Memories) != 1 || m.Memories[0].Shared || m.Memories[0].Memory64 {
		return fmt.Errorf("wasm: virtual growth needs exactly one memory, own, not shared and of 32-bit addresses")
	}
	mem := &m.Memories[0]
	pages := uint64(capPages)
	if mem.HasMax {
		pages = min(pages, mem.Max)
	}
	if pages < mem.Min || pages > maxPages32 {
		return fmt.Errorf("wasm: the memory begins with %d pages and cannot have %d", mem.Min, pages)
	}
	size := m.addGlobal(I32, append(appendConst32(nil, uint32(mem.Min)), byte(OpEnd)))
	mem.Min = pages
	m.changed(secMemory)
	if !m.uses[OpMemoryGrow] && !m.uses[OpMemorySize] {
		return nil
	}
	grow := m.addFunc(FuncType{Params: []ValType{I32}, Results: []ValType{I32}}, nil, growBody(size, uint32(pages)))
	delete(m.uses, OpMemoryGrow)
	delete(m.uses, OpMemorySize)
	for i := range m.Bodies {
		if m.Bodies[i].sizes {
			m.Bodies[i].virtualGrowth(size, grow)
		}
	}
	return nil
}

// growBody is memory.grow on the global size, below pages:
//
//	if delta > pages - size { return -1 }
//	size += delta
//	return size - delta
func growBody(size, pages uint32) []byte {
	var c code
	c.op(OpLocalGet, 0)
	c.const32(pages)
	c.op(OpGlobalGet, size).op(OpI32Sub)
	c.op(OpI32GtU).block(OpIf)
	c.const32(^uint32(0)).op(OpReturn)
	c.op(OpEnd)
	c.op(OpGlobalGet, size).op(OpLocalGet, 0).op(OpI32Add).op(OpGlobalSet, size)
	c.op(OpGlobalGet, size).op(OpLocalGet, 0).op(OpI32Sub)
	return c
}

// virtualGrowth replaces memory.size and memory.grow in b.
func (b *Body) virtualGrowth(size, grow uint32) {
	e := bodyEdit{body: b}
	w := b.Walk()
	for in := (Instr{}); w.Next(&in); {
		switch in.Op {
		case OpMemorySize:
			e.upTo(in.Start).op(OpGlobalGet, size)
			e.done = in.End
		case OpMemoryGrow:
			e.upTo(in.Start).op(OpCall, grow)
			e.done = in.End
		}
	}
	e.finish()
}
