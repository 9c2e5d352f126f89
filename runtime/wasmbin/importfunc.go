package wasmbin

import "strings"

// importFunc imports a function after the others. The own functions' indexes
// are all raised by one, everywhere but in the bodies: the caller rewrites
// those. It returns the index of the new import.
func (m *Module) importFunc(module, name string, t FuncType) uint32 {
	index := uint32(m.imported[KindFunc])
	m.Imports = append(m.Imports, Import{Module: module, Name: name, Kind: KindFunc, Type: m.addType(t)})
	m.changed(secImport)
	m.imported[KindFunc]++

	if m.Start != nil && *m.Start >= index {
		start := *m.Start + 1
		m.Start = &start
		m.changed(secStart)
	}
	for i := range m.Exports {
		if e := &m.Exports[i]; e.Kind == KindFunc && e.Index >= index {
			e.Index++
		}
	}
	m.changed(secExport)
	for i := range m.Globals {
		m.Globals[i].Init = m.Globals[i].Init.shiftFuncs(index)
	}
	m.changed(secGlobal)
	for i := range m.Tables {
		m.Tables[i].Init = m.Tables[i].Init.shiftFuncs(index)
	}
	m.changed(secTable)
	for i := range m.Elements {
		m.Elements[i].shiftFuncs(index)
	}
	m.changed(secElement)
	refs := make(map[uint32]bool, len(m.refs))
	for f := range m.refs {
		if f >= index {
			f++
		}
		refs[f] = true
	}
	m.refs = refs
	m.shiftNames(index)
	m.dropPositions()
	return index
}

// shiftFuncs raises the functions of e at or above from by one.
func (e *Element) shiftFuncs(from uint32) {
	for i := range e.Funcs {
		if e.Funcs[i] >= from {
			e.Funcs[i]++
		}
	}
	for i := range e.Exprs {
		e.Exprs[i] = e.Exprs[i].shiftFuncs(from)
	}
}

// shiftFuncs returns e with the functions at or above from raised by one. The
// bytes of e stay as they are.
func (e Expr) shiftFuncs(from uint32) Expr {
	var out code
	done := 0
	w := walkCode(e, 0)
	for in := (Instr{}); w.Next(&in); {
		if in.Op == OpRefFunc && in.Index >= from {
			out = append(out, e[done:in.Start]...)
			out.op(OpRefFunc, in.Index+1)
			done = in.End
		}
	}
	if done == 0 {
		return e
	}
	return append(Expr(out), e[done:]...)
}

// shiftNames raises the functions at or above from by one in the name section.
func (m *Module) shiftNames(from uint32) {
	c := m.custom(nameSection)
	if c == nil {
		return
	}
	r := reader{b: c.Data}
	out := make([]byte, 0, len(c.Data)+len(c.Data)/8)
	for r.left() > 0 {
		start := r.pos
		id := r.byte("number of the subsection")
		s := r.sub(int(r.u32("size of the subsection")), "the subsection")
		if id < subFuncs || id > subLabels {
			out = append(out, c.Data[start:r.pos]...)
			continue
		}
		n := s.u32("number of functions")
		sub := appendU32(make([]byte, 0, len(s.b)+int(n)), n)
		for range n {
			f := s.u32("function")
			if f >= from {
				f++
			}
			named := s.pos
			if id == subFuncs {
				s.skipName()
			} else {
				s.skipNameMap()
			}
			sub = append(appendU32(sub, f), s.b[named:s.pos]...)
		}
		out = appendSection(out, sectionID(id), sub)
	}
	c.Data = out
	m.changedCustom(func(c *Custom) bool { return c.Name == nameSection }, false)
}

// skipName passes over a name.
func (r *reader) skipName() { r.bytes(int(r.u32("length of a name")), "a name") }

// dropPositions drops the custom sections that hold positions in the code or
// indexes of functions and that are not rewritten here: debug information,
// source maps, relocations, hints. Wrong ones would be worse than none.
func (m *Module) dropPositions() {
	m.changedCustom(func(c *Custom) bool {
		switch {
		case strings.HasPrefix(c.Name, ".debug_"), strings.HasPrefix(c.Name, "reloc."),
			strings.HasPrefix(c.Name, "metadata.code."), c.Name == "linking",
			c.Name == "sourceMappingURL", c.Name == "external_debug_info":
			return true
		}
		return false
	}, true)
}

// changedCustom notes that the custom sections that is picks must be written
// anew, or dropped.
func (m *Module) changedCustom(is func(*Custom) bool, drop bool) {
	for i := range m.sections {
		s := &m.sections[i]
		if s.id != secCustom || s.custom < 0 || !is(&m.Customs[s.custom]) {
			continue
		}
		s.raw = nil
		if drop {
			s.custom = -1
		}
	}
}
