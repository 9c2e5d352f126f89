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
// nil for one that is not needed any more (specification 5.5).
func (m *Module) encodeSection(id sectionID) []byte {
	var b []byte
	switch id {
	case secType:
		return append(appendU32(b, m.typeVec), m.typeRaw...)
	case secImport:
		b = appendU32(b, uint32(len(m.Imports)))
		for i := range m.Imports {
			b = appendImport(b, &m.Imports[i])
		}
	case secFunction:
		b = appendU32(b, uint32(len(m.Functions)))
		for _, t := range m.Functions {
			b = appendU32(b, t)
		}
	case secTable:
		b = appendU32(b, uint32(len(m.Tables)))
		for _, t := range m.Tables {
			if t.Init != nil {
				b = append(b, tableInit, 0)
			}
			b = appendTableType(b, t.TableType)
			b = append(b, t.Init...)
		}
	case secMemory:
		b = appendU32(b, uint32(len(m.Memories)))
		for _, t := range m.Memories {
			b = appendMemoryType(b, t)
		}
	case secGlobal:
		b = appendU32(b, uint32(len(m.Globals)))
		for _, g := range m.Globals {
			b = appendGlobalType(b, g.GlobalType)
			b = append(b, g.Init...)
		}
	case secExport:
		b = appendU32(b, uint32(len(m.Exports)))
		for _, e := range m.Exports {
			b = append(appendName(b, e.Name), byte(e.Kind))
			b = appendU32(b, e.Index)
		}
	case secStart:
		if m.Start == nil {
			return nil
		}
		b = appendU32(b, *m.Start)
	case secElement:
		b = appendU32(b, uint32(len(m.Elements)))
		for i := range m.Elements {
			b = appendElement(b, &m.Elements[i])
		}
	case secDataCount:
		if m.DataCount == nil {
			return nil
		}
		b = appendU32(b, *m.DataCount)
	case secCode:
		b = make([]byte, 0, m.sizeHint())
		b = appendU32(b, uint32(len(m.Bodies)))
		for i := range m.Bodies {
			b = appendU32(b, uint32(len(m.Bodies[i].Raw)))
			b = append(b, m.Bodies[i].Raw...)
		}
	case secData:
		b = appendU32(b, uint32(len(m.Data)))
		for i := range m.Data {
			b = appendData(b, &m.Data[i])
		}
	}
	return b
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
	return appendU32(append(b, 0), im.Type) // KindTag
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
