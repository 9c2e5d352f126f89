package wasmbin

import "errors"

// Names of the globals of type i32 that VirtualGrowth adds. All count pages of
// 64 KiB.
const (
	// PagesExport is the size of the memory as the guest believes it to be. It
	// is state of the guest.
	PagesExport = privatePrefix + "pages"
	// PageLimitExport is the size the guest may grow its memory to. It begins
	// with the declared maximum; a host sets it lower.
	PageLimitExport = privatePrefix + "page_limit"
	// RefusedExport is by how many pages the guest wanted to grow its memory
	// when that was last refused, as an unsigned number; zero if it never was.
	// A host sets it to zero before a call, and if the call then fails, it can
	// tell a guest that ran out of memory from others.
	RefusedExport = privatePrefix + "refused"
)

// VirtualGrowth makes memory growth a matter of a global, so that it can be
// undone and limited: engines cannot shrink a memory, but a host can set a
// global back. A host that makes the real memory longer than the declared
// minimum when it instantiates the module saves the guest the growing, too.
//
// What changes: memory.size reads the global PagesExport, which begins with
// the declared minimum. memory.grow calls a private function that raises it as
// far as PageLimitExport allows, makes the real memory longer if need be, and
// answers as the instruction would. The declared maximum is removed, as
// PageLimitExport stands for it.
//
// Why it is sound: the two instructions are the only ones that read or change
// the size, and by the specification memory.grow may fail at any size. One
// thing does differ: an access between the believed and the real size reads or
// writes instead of trapping. It stays inside the guest's own memory, and a
// host that resets what was touched resets that too.
func (m *Module) VirtualGrowth() error {
	if m.imported[KindMemory] > 0 || len(m.Memories) != 1 || m.Memories[0].Shared || m.Memories[0].Memory64 {
		return errors.New("wasm: virtual growth needs exactly one memory, own, not shared and of 32-bit addresses")
	}
	mem := &m.Memories[0]
	limit := uint32(maxPages32)
	if mem.HasMax {
		limit = uint32(mem.Max)
	}
	var g growth
	var err error
	if g.size, err = m.exportGlobal(PagesExport, I32, appendConst32(nil, uint32(mem.Min))); err != nil {
		return err
	}
	if g.limit, err = m.exportHostGlobal(PageLimitExport, I32, appendConst32(nil, limit)); err != nil {
		return err
	}
	if g.refused, err = m.exportHostGlobal(RefusedExport, I32, appendConst32(nil, 0)); err != nil {
		return err
	}
	mem.HasMax, mem.Max = false, 0
	m.changed(secMemory)
	if !m.uses[OpMemoryGrow] && !m.uses[OpMemorySize] {
		return nil
	}
	grow := m.addFunc(FuncType{Params: []ValType{I32}, Results: []ValType{I32}}, []ValType{I32}, g.body())
	m.uses[OpMemoryGrow] = true
	for i := range m.Bodies {
		if m.Bodies[i].sizes {
			m.Bodies[i].virtualGrowth(g.size, grow)
		}
	}
	return nil
}

// growth is the globals that VirtualGrowth adds.
type growth struct{ size, limit, refused uint32 }

// body is memory.grow(delta) on the globals:
//
//	if size > limit || delta > limit-size { refused = delta; return -1 }
//	wanted = size + delta
//	if wanted > memory.size && memory.grow(wanted - memory.size) == -1 { refused = delta; return -1 }
//	size = wanted
//	return wanted - delta
func (g *growth) body() code {
	const delta, wanted = 0, 1 // a parameter and a local
	var c code
	refuse := func() {
		c.block(OpIf)
		c.op(OpLocalGet, delta).op(OpGlobalSet, g.refused)
		c.const32(^uint32(0)).op(OpReturn)
		c.op(OpEnd)
	}
	c.op(OpGlobalGet, g.size).op(OpGlobalGet, g.limit).op(OpI32GtU)
	c.op(OpLocalGet, delta).op(OpGlobalGet, g.limit).op(OpGlobalGet, g.size).op(OpI32Sub).op(OpI32GtU)
	c.op(OpI32Or)
	refuse()
	c.op(OpGlobalGet, g.size).op(OpLocalGet, delta).op(OpI32Add).op(OpLocalTee, wanted)
	c.op(OpMemorySize, 0).op(OpI32GtU).block(OpIf)
	c.op(OpLocalGet, wanted).op(OpMemorySize, 0).op(OpI32Sub).op(OpMemoryGrow, 0)
	c.const32(^uint32(0)).op(OpI32Eq)
	refuse()
	c.op(OpEnd)
	c.op(OpLocalGet, wanted).op(OpGlobalSet, g.size)
	c.op(OpLocalGet, wanted).op(OpLocalGet, delta).op(OpI32Sub)
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
