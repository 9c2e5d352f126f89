package wasmbin

// nameSection is the name of the custom section that holds names.
const nameSection = "name"

// Subsections of the name section (specification 7.4.1, and the extended-names
// proposal for labels).
const (
	subModule = 0
	subFuncs  = 1
	subLocals = 2
	subLabels = 3
)

// Names is what the name section says.
type Names struct {
	Module string
	// Funcs maps indexes of functions, imported and own, to names.
	Funcs map[uint32]string
}

// Names decodes the name section. A module without one has no names.
func (m *Module) Names() Names {
	c := m.custom(nameSection)
	if c == nil {
		return Names{}
	}
	names, _ := decodeNames(c.Data, 0) // Parse has checked it
	return names
}

// custom returns the first custom section called name, or nil.
func (m *Module) custom(name string) *Custom {
	for i := range m.Customs {
		if m.Customs[i].Name == name {
			return &m.Customs[i]
		}
	}
	return nil
}

// decodeNames reads the name section in b, which stands at offset base.
func decodeNames(b []byte, base int) (n Names, err *ParseError) {
	r := reader{b: b, base: base, section: nameSection}
	for r.err == nil && r.left() > 0 {
		id := r.byte("number of the subsection")
		s := r.sub(int(min(r.u32("size of the subsection"), 1<<31-1)), "the subsection")
		switch id {
		case subModule:
			n.Module = s.name("module name")
		case subFuncs:
			n.Funcs = s.nameMap()
		case subLocals, subLabels:
			for range s.count(s.left(), "functions with names") {
				s.u32("function")
				s.skipNameMap()
			}
		default:
			s.pos = len(s.b)
		}
		s.done()
		r.err = s.err
	}
	return n, r.err
}

// nameMap reads a vector of indexes and names (specification 7.4.1.1).
func (r *reader) nameMap() map[uint32]string {
	n := r.count(r.left()/2, "names")
	names := make(map[uint32]string, n)
	for range n {
		i := r.u32("index")
		names[i] = r.name("name")
	}
	return names
}

// skipNameMap checks what nameMap reads.
func (r *reader) skipNameMap() {
	for range r.count(r.left()/2, "names") {
		r.u32("index")
		r.name("name")
	}
}
