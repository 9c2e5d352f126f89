package wasmbin

// decode reads the content of one section into the module (specification 5.5).
func (p *parser) decode(id sectionID) {
	switch id {
	case secCustom:
		p.customSection()
	case secType:
		p.typeSection()
	case secImport:
		p.importSection()
	case secFunction:
		p.functionSection()
	case secTable:
		p.tableSection()
	case secMemory:
		p.memorySection()
	case secTag:
		p.tagSection()
	case secGlobal:
		p.globalSection()
	case secExport:
		p.exportSection()
	case secStart:
		p.startSection()
	case secElement:
		p.elementSection()
	case secDataCount:
		n := p.u32("number of data segments")
		p.m.DataCount = &n
	case secCode:
		p.codeSection()
	case secData:
		p.dataSection()
	}
}

func (p *parser) customSection() {
	c := Custom{Name: p.name("name of the section")}
	c.Data = p.bytes(p.left(), "the section")
	if len(p.m.Customs) == p.limits.CustomSections {
		p.failAt(0, "over the limit of %d custom sections", p.limits.CustomSections)
	}
	if p.err != nil {
		return
	}
	if c.Name == nameSection {
		if p.m.custom(nameSection) != nil {
			p.failAt(0, "there is a second name section")
			return
		}
		if _, err := decodeNames(c.Data, p.base+len(p.b)-len(c.Data)); err != nil {
			p.err = err
			return
		}
	}
	p.m.Customs = append(p.m.Customs, c)
}

// Forms of a type (specification 5.3.7 and 5.3.9). A recursion group of
// function types is all that engines without garbage collection know.
const (
	formFunc = 0x60
	formRec  = 0x4e
)

func (p *parser) typeSection() {
	p.m.typeVec = uint32(p.count(p.limits.Types, "types"))
	p.m.typeRaw = p.b[p.pos:]
	p.m.Types = make([]FuncType, 0, p.m.typeVec)
	for range p.m.typeVec {
		known := len(p.m.Types) + 1
		form := p.byte("form of the type")
		group := 1
		if form == formRec {
			group = p.count(p.limits.Types-len(p.m.Types), "types of the recursion group")
			known = len(p.m.Types) + group
		}
		for range group {
			if form == formRec {
				p.funcType(p.byte("form of the type"), known)
			} else {
				p.funcType(form, known-1)
			}
		}
		if len(p.m.Types) > p.limits.Types {
			p.failAt(p.pos, "over the limit of %d types", p.limits.Types)
		}
		if p.err != nil {
			return
		}
	}
}

// funcType reads a function type after its form. References in it may name
// the first known types.
func (p *parser) funcType(form byte, known int) {
	if form != formFunc && p.err == nil {
		p.failAt(p.pos-1, "form %#x of a type is not supported; %#x (function) is", form, formFunc)
	}
	p.m.Types = append(p.m.Types, FuncType{
		Params:  p.valTypes(known, "parameters"),
		Results: p.valTypes(known, "results"),
	})
}

func (p *parser) valTypes(known int, what string) []ValType {
	n := p.count(p.limits.Params, what)
	if n == 0 {
		return nil
	}
	types := make([]ValType, n)
	for i := range types {
		types[i] = p.valType(known)
	}
	return types
}

// valType reads a value type that may name the first known types.
func (r *reader) valType(known int) ValType {
	at := r.pos
	switch t := ValType(r.byte("value type")); t {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef:
		return t
	case refNullable, refNonNullable:
		return t | ValType(r.heapType(known))<<8
	default:
		r.failAt(at, "%#x is not a value type", byte(t))
		return 0
	}
}

// heapType reads a heap type that may name the first known types.
func (r *reader) heapType(known int) int64 {
	at := r.pos
	ht := r.signed(33, "heap type")
	if ht >= int64(known) || ht < 0 && ht != heapFunc && ht != heapExtern && ht != heapExn {
		r.failAt(at, "heap type %d is not known", ht)
	}
	return ht
}

// refType reads a value type that must be a reference.
func (p *parser) refType() ValType {
	at := p.pos
	t := p.valType(len(p.m.Types))
	if p.err == nil && !t.IsRef() {
		p.failAt(at, "%v is not a reference type", t)
	}
	return t
}

func (p *parser) importSection() {
	n := p.count(p.limits.Imports, "imports")
	p.m.Imports = make([]Import, n)
	for i := range p.m.Imports {
		im := &p.m.Imports[i]
		im.Module = p.name("module name")
		im.Name = p.name("import name")
		at := p.pos
		switch im.Kind = Kind(p.byte("kind of the import")); im.Kind {
		case KindFunc:
			im.Type = p.index(len(p.m.Types), "type")
		case KindTable:
			im.Table = p.tableType()
		case KindMemory:
			im.Memory = p.memoryType()
		case KindGlobal:
			im.Global = p.globalType()
		case KindTag:
			im.Type = p.tagType()
		default:
			p.failAt(at, "%#x is not a kind of import", byte(im.Kind))
		}
		if p.err != nil {
			return
		}
		p.m.imported[im.Kind]++
	}
	for k, limit := range [numKinds]int{
		p.limits.Functions, p.limits.Tables, p.limits.Memories, p.limits.Globals, p.limits.Tags,
	} {
		if n := p.m.imported[k]; n > limit {
			p.failAt(p.pos, "%d imports of kind %v are over the limit of %d", n, Kind(k), limit)
		}
	}
}

func (p *parser) functionSection() {
	p.m.Functions = make([]uint32, p.count(p.limits.Functions-p.m.imported[KindFunc], "functions"))
	for i := range p.m.Functions {
		p.m.Functions[i] = p.index(len(p.m.Types), "type")
	}
}

// tableInit announces a table with an initial value (specification 5.5.7).
const tableInit = 0x40

func (p *parser) tableSection() {
	n := p.count(p.limits.Tables-p.m.imported[KindTable], "tables")
	p.m.Tables = make([]Table, n)
	for i := range p.m.Tables {
		t := &p.m.Tables[i]
		withInit := p.left() > 0 && p.b[p.pos] == tableInit
		if withInit {
			p.pos++
			if at := p.pos; p.byte("reserved byte") != 0 {
				p.failAt(at, "the reserved byte of a table is not zero")
			}
		}
		t.TableType = p.tableType()
		if withInit {
			t.Init = p.expr(p.m.imported[KindGlobal])
		}
	}
}

func (p *parser) memorySection() {
	n := p.count(p.limits.Memories-p.m.imported[KindMemory], "memories")
	p.m.Memories = make([]MemoryType, n)
	for i := range p.m.Memories {
		p.m.Memories[i] = p.memoryType()
	}
}

// Flags of a size range (specification 5.3.8).
const (
	sizeHasMax = 1 << iota
	sizeShared
	size64
)

// size reads a size range, in which no number may be over limit.
func (p *parser) size(limit, limit64 uint64) (s Size, flags byte) {
	at := p.pos
	if flags = p.byte("flags of the size"); flags > sizeHasMax|sizeShared|size64 {
		p.failAt(at, "flags %#x of a size are not known", flags)
	}
	bits := 32
	if flags&size64 != 0 {
		bits, limit = 64, limit64
	}
	s.Min = p.unsigned(bits, "smallest size")
	s.Max = s.Min
	if s.HasMax = flags&sizeHasMax != 0; s.HasMax {
		s.Max = p.unsigned(bits, "largest size")
	}
	switch {
	case s.Min > s.Max:
		p.failAt(at, "the smallest size %d is over the largest, %d", s.Min, s.Max)
	case s.Max > limit:
		p.failAt(at, "size %d is over %d", s.Max, limit)
	}
	if !s.HasMax {
		s.Max = 0
	}
	return s, flags
}

// Largest sizes of memories, in pages of 64 KiB (specification 3.2.15).
const (
	maxPages32 = 1 << 16
	maxPages64 = 1 << 48
)

func (p *parser) memoryType() MemoryType {
	at := p.pos
	s, flags := p.size(maxPages32, maxPages64)
	if flags&(sizeShared|sizeHasMax) == sizeShared {
		p.failAt(at, "a shared memory needs a largest size")
	}
	return MemoryType{Size: s, Shared: flags&sizeShared != 0, Memory64: flags&size64 != 0}
}

func (p *parser) tableType() TableType {
	t := TableType{Type: p.refType()}
	at := p.pos
	var flags byte
	t.Size, flags = p.size(1<<32-1, 1<<64-1)
	t.Table64 = flags&size64 != 0
	switch {
	case flags&sizeShared != 0:
		p.failAt(at, "a table cannot be shared")
	case t.Min > uint64(p.limits.TableEntries):
		p.failAt(at, "a table of %d entries is over the limit of %d", t.Min, p.limits.TableEntries)
	}
	return t
}

func (p *parser) tagSection() {
	p.m.Tags = make([]uint32, p.count(p.limits.Tags-p.m.imported[KindTag], "tags"))
	for i := range p.m.Tags {
		p.m.Tags[i] = p.tagType()
	}
}

func (p *parser) tagType() uint32 {
	at := p.pos
	if p.byte("attribute of the tag") != 0 {
		p.failAt(at, "the attribute of a tag is not zero (exception)")
	}
	return p.index(len(p.m.Types), "type")
}

func (p *parser) globalSection() {
	imported := p.m.imported[KindGlobal]
	n := p.count(p.limits.Globals-imported, "globals")
	p.m.Globals = make([]Global, n)
	for i := range p.m.Globals {
		g := &p.m.Globals[i]
		g.GlobalType = p.globalType()
		g.Init = p.expr(imported + i)
	}
}

func (p *parser) globalType() GlobalType {
	t := GlobalType{Type: p.valType(len(p.m.Types))}
	at := p.pos
	mutable := p.byte("mutability")
	if mutable > 1 {
		p.failAt(at, "mutability %#x is neither 0 nor 1", mutable)
	}
	t.Mutable = mutable == 1
	return t
}

func (p *parser) exportSection() {
	m := p.m
	spaces := [numKinds]int{
		m.NumFuncs(),
		m.imported[KindTable] + len(m.Tables),
		m.imported[KindMemory] + len(m.Memories),
		m.imported[KindGlobal] + len(m.Globals),
		m.imported[KindTag] + len(m.Tags),
	}
	n := p.count(p.limits.Exports, "exports")
	m.Exports = make([]Export, n)
	seen := make(map[string]struct{}, n)
	for i := range m.Exports {
		e := &m.Exports[i]
		at := p.pos
		e.Name = p.name("export name")
		if e.Kind = Kind(p.byte("kind of the export")); e.Kind >= numKinds {
			p.failAt(p.pos-1, "%#x is not a kind of export", byte(e.Kind))
			return
		}
		e.Index = p.index(spaces[e.Kind], e.Kind.String())
		if _, twice := seen[e.Name]; twice {
			p.failAt(at, "there are two exports called %q", e.Name)
		}
		seen[e.Name] = struct{}{}
	}
}

func (p *parser) startSection() {
	at := p.pos
	start := p.index(p.m.NumFuncs(), "function")
	if p.err != nil {
		return
	}
	if t, _ := p.m.FuncType(start); len(t.Params)+len(t.Results) > 0 {
		p.failAt(at, "the start function %d takes or returns something", start)
	}
	p.m.Start = &start
}

// Bits of the form of an element segment (specification 5.5.12).
const (
	elemNotActive = 1 << iota // passive or declarative
	elemExplicit              // active: has a table index; else: declarative
	elemExprs                 // entries are expressions
	elemForms     = 1 << 3
)

func (p *parser) elementSection() {
	tables := p.m.imported[KindTable] + len(p.m.Tables)
	globals := p.m.imported[KindGlobal] + len(p.m.Globals)
	n := p.count(p.limits.Elements, "element segments")
	p.m.Elements = make([]Element, n)
	for i := range p.m.Elements {
		e := &p.m.Elements[i]
		at := p.pos
		if e.form = p.u32("form of the segment"); e.form >= elemForms {
			p.failAt(at, "form %d of an element segment is not known", e.form)
			return
		}
		e.Type = FuncRef
		switch {
		case e.form&elemNotActive == 0:
			if e.form&elemExplicit != 0 {
				e.Table = p.index(tables, "table")
			} else if tables == 0 {
				p.failAt(at, "an active element segment needs a table")
			}
			e.Offset = p.expr(globals)
		case e.form&elemExplicit != 0:
			e.Mode = Declarative
		default:
			e.Mode = Passive
		}
		if e.form&(elemNotActive|elemExplicit) != 0 {
			p.elemType(e)
		}
		p.elemEntries(e, globals)
		if p.err != nil {
			return
		}
	}
}

// elemType reads what the entries are, where the form says it.
func (p *parser) elemType(e *Element) {
	if e.form&elemExprs != 0 {
		e.Type = p.refType()
		return
	}
	if at := p.pos; p.byte("kind of the elements") != 0 {
		p.failAt(at, "the kind of the elements is not zero (functions)")
	}
}

func (p *parser) elemEntries(e *Element, globals int) {
	n := p.count(p.limits.ElementEntries-p.entries, "entries of element segments")
	p.entries += n
	if e.form&elemExprs == 0 {
		e.Funcs = make([]uint32, n)
		for i := range e.Funcs {
			e.Funcs[i] = p.index(p.m.NumFuncs(), "function")
		}
		return
	}
	e.Exprs = make([]Expr, n)
	for i := range e.Exprs {
		e.Exprs[i] = p.expr(globals)
	}
}

func (p *parser) codeSection() {
	n := p.count(len(p.m.Functions), "bodies")
	p.m.Bodies = make([]Body, n)
	for i := range p.m.Bodies {
		at := p.pos
		size := p.u32("size of the body")
		if int64(size) > int64(p.limits.BodyBytes) {
			p.failAt(at, "a body of %d bytes is over the limit of %d", size, p.limits.BodyBytes)
			return
		}
		r := p.sub(int(size), "the body")
		p.m.Bodies[i] = p.body(&r, p.m.Types[p.m.Functions[i]])
		if p.err = r.err; p.err != nil {
			return
		}
	}
}

// body reads the local declarations of a body and leaves its code for later.
func (p *parser) body(r *reader, t FuncType) Body {
	at := r.pos
	locals := uint64(len(t.Params))
	for range r.count(p.limits.Locals, "groups of locals") {
		locals += uint64(r.u32("number of locals"))
		r.valType(len(p.m.Types))
	}
	if locals > uint64(p.limits.Locals) {
		r.failAt(at, "%d locals are over the limit of %d", locals, p.limits.Locals)
	}
	return Body{Raw: r.b, Locals: uint32(locals) - uint32(len(t.Params)), code: r.pos, offset: r.base}
}

// Forms of a data segment (specification 5.5.14).
const (
	dataActive = iota
	dataPassive
	dataActiveMemory
)

func (p *parser) dataSection() {
	memories := p.m.imported[KindMemory] + len(p.m.Memories)
	globals := p.m.imported[KindGlobal] + len(p.m.Globals)
	n := p.count(p.limits.DataSegments, "data segments")
	p.m.Data = make([]Data, n)
	for i := range p.m.Data {
		d := &p.m.Data[i]
		at := p.pos
		switch form := p.u32("form of the segment"); form {
		case dataActive, dataActiveMemory:
			if form == dataActiveMemory {
				d.Memory = p.index(memories, "memory")
			} else if memories == 0 {
				p.failAt(at, "an active data segment needs a memory")
			}
			d.Offset = p.expr(globals)
		case dataPassive:
			d.Mode = Passive
		default:
			p.failAt(at, "form %d of a data segment is not known", form)
		}
		size := p.u32("size of the segment")
		d.Init = p.bytes(int(min(size, 1<<31-1)), "the segment")
		if p.err != nil {
			return
		}
	}
}
