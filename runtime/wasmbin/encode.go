package wasmbin

// Encode returns the module as a binary. Sections that no pass has changed are
// copied as they were read, so a module fresh from Parse comes back byte for
// byte. The result shares no memory with the module.
func (m *Module) Encode() []byte {
	out := append(make([]byte, 0, m.sizeHint()), header...)
	for _, s := range m.sections {
		switch {
		case s.raw != nil:
			out = append(out, s.raw...)
		case s.id == secCustom:
			if s.custom >= 0 {
				c := &m.Customs[s.custom]
				content := append(appendName(nil, c.Name), c.Data...)
				out = appendSection(out, s.id, content)
			}
		default:
			if content := m.encodeSection(s.id); content != nil {
				out = appendSection(out, s.id, content)
			}
		}
	}
	return out
}

// sizeHint guesses the size of the encoded module, with room for what the
// passes add.
func (m *Module) sizeHint() int {
	n := 4096
	for _, s := range m.sections {
		n += len(s.raw)
	}
	for i := range m.Bodies {
		n += len(m.Bodies[i].Raw) + 5
	}
	for i := range m.Customs {
		n += len(m.Customs[i].Data)
	}
	return n
}

func appendSection(out []byte, id sectionID, content []byte) []byte {
	out = appendU32(append(out, byte(id)), uint32(len(content)))
	return append(out, content...)
}

// changed notes that section id must be written anew, and gives it a place if
// the module had none.
func (m *Module) changed(id sectionID) {
	at := len(m.sections)
	for i, s := range m.sections {
		if s.id == id {
			m.sections[i].raw = nil
			return
		}
		if s.id != secCustom && sectionOrder[s.id] > sectionOrder[id] {
			at = i
			break
		}
	}
	m.sections = append(m.sections, section{})
	copy(m.sections[at+1:], m.sections[at:])
	m.sections[at] = section{id: id}
}

// encodeSection writes the content of a section that a pass has changed, or
// nil for one that has become empty (specification 5.5).
func (m *Module) encodeSection(id sectionID) []byte {
	switch id {
	case secType:
		return append(appendU32(nil, m.typeVec), m.typeRaw...)
	case secStart:
		return optional(m.Start)
	case secDataCount:
		return optional(m.DataCount)
	}
	n, item := m.items(id)
	if n == 0 {
		return nil
	}
	var b []byte
	if id == secCode {
		b = make([]byte, 0, m.sizeHint())
	}
	b = appendU32(b, uint32(n))
	for i := range n {
		b = item(b, i)
	}
	return b
}

// optional writes a section of one number, or none.
func optional(v *uint32) []byte {
	if v == nil {
		return nil
	}
	return appendU32(nil, *v)
}

// items returns how many entries a section has and what appends the i-th.
func (m *Module) items(id sectionID) (n int, item func(b []byte, i int) []byte) {
	switch id {
	case secImport:
		return len(m.Imports), func(b []byte, i int) []byte { return appendImport(b, &m.Imports[i]) }
	case secFunction:
		return len(m.Functions), func(b []byte, i int) []byte { return appendU32(b, m.Functions[i]) }
	case secTable:
		return len(m.Tables), func(b []byte, i int) []byte { return appendTable(b, &m.Tables[i]) }
	case secMemory:
		return len(m.Memories), func(b []byte, i int) []byte { return appendMemoryType(b, m.Memories[i]) }
	case secTag:
		return len(m.Tags), func(b []byte, i int) []byte { return appendTagType(b, m.Tags[i]) }
	case secGlobal:
		return len(m.Globals), func(b []byte, i int) []byte {
			return append(appendGlobalType(b, m.Globals[i].GlobalType), m.Globals[i].Init...)
		}
	case secExport:
		return len(m.Exports), func(b []byte, i int) []byte {
			e := &m.Exports[i]
			return appendU32(append(appendName(b, e.Name), byte(e.Kind)), e.Index)
		}
	case secElement:
		return len(m.Elements), func(b []byte, i int) []byte { return appendElement(b, &m.Elements[i]) }
	case secCode:
		return len(m.Bodies), func(b []byte, i int) []byte {
			raw := m.Bodies[i].Raw
			return append(appendU32(b, uint32(len(raw))), raw...)
		}
	default: // secData
		return len(m.Data), func(b []byte, i int) []byte { return appendData(b, &m.Data[i]) }
	}
}

func appendValType(b []byte, t ValType) []byte {
	b = append(b, byte(t))
	if ht, explicit := t.heap(); explicit {
		b = appendS64(b, ht)
	}
	return b
}

func appendSize(b []byte, s Size, flags byte) []byte {
	if s.HasMax {
		flags |= sizeHasMax
	}
	b = appendU64(append(b, flags), s.Min)
	if s.HasMax {
		b = appendU64(b, s.Max)
	}
	return b
}

func appendTableType(b []byte, t TableType) []byte {
	var flags byte
	if t.Table64 {
		flags |= size64
	}
	return appendSize(appendValType(b, t.Type), t.Size, flags)
}

func appendTable(b []byte, t *Table) []byte {
	if t.Init != nil {
		b = append(b, tableInit, 0)
	}
	return append(appendTableType(b, t.TableType), t.Init...)
}

func appendTagType(b []byte, typeIndex uint32) []byte { return appendU32(append(b, 0), typeIndex) }

func appendMemoryType(b []byte, t MemoryType) []byte {
	var flags byte
	if t.Shared {
		flags |= sizeShared
	}
	if t.Memory64 {
		flags |= size64
	}
	return appendSize(b, t.Size, flags)
}

func appendGlobalType(b []byte, t GlobalType) []byte {
	b = appendValType(b, t.Type)
	if t.Mutable {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendImport(b []byte, im *Import) []byte {
	b = appendName(appendName(b, im.Module), im.Name)
	b = append(b, byte(im.Kind))
	switch im.Kind {
	case KindFunc:
		return appendU32(b, im.Type)
	case KindTable:
		return appendTableType(b, im.Table)
	case KindMemory:
		return appendMemoryType(b, im.Memory)
	case KindGlobal:
		return appendGlobalType(b, im.Global)
	}
	return appendTagType(b, im.Type) // KindTag
}

func appendElement(b []byte, e *Element) []byte {
	b = appendU32(b, e.form)
	if e.Mode == Active {
		if e.form&elemExplicit != 0 {
			b = appendU32(b, e.Table)
		}
		b = append(b, e.Offset...)
	}
	if e.form&elemExprs == 0 {
		if e.form&(elemNotActive|elemExplicit) != 0 {
			b = append(b, 0) // the kind of the entries: functions
		}
		b = appendU32(b, uint32(len(e.Funcs)))
		for _, f := range e.Funcs {
			b = appendU32(b, f)
		}
		return b
	}
	if e.form&(elemNotActive|elemExplicit) != 0 {
		b = appendValType(b, e.Type)
	}
	b = appendU32(b, uint32(len(e.Exprs)))
	for _, x := range e.Exprs {
		b = append(b, x...)
	}
	return b
}

func appendData(b []byte, d *Data) []byte {
	switch {
	case d.Mode == Passive:
		b = append(b, dataPassive)
	case d.Memory != 0:
		b = append(appendU32(append(b, dataActiveMemory), d.Memory), d.Offset...)
	default:
		b = append(append(b, dataActive), d.Offset...)
	}
	return append(appendU32(b, uint32(len(d.Init))), d.Init...)
}
