package wasmbin

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// everything returns a module with every section and every form of segment.
func everything() *guest {
	g := &guest{}
	h := g.imp("env", "host", types(I32), types(I32))
	g.imports = append(g.imports,
		slices.Concat(appendName(nil, "env"), appendName(nil, "g"), []byte{byte(KindGlobal), byte(I32), 0}))
	g.memory(1, 4)
	g.table(FuncRef, 8, 16)
	g.global(I32, true, i32(7))
	g.global(I64, true, i64(-7))
	g.global(F64, false, []byte{byte(OpF64Const), 0, 0, 0, 0, 0, 0, 0xf0, 0x3f})
	f := g.fn(types(I32, I64), types(I32), types(F32, V128), op(OpLocalGet, 0), op(OpCall, h))
	g.global(FuncRef, false, op(OpRefFunc, f))
	void := g.fn(nil, nil, nil)
	g.start = &void
	g.export("f", KindFunc, f).export("memory", KindMemory, 0).export("g", KindGlobal, 1)
	end := []byte{byte(OpEnd)}
	ref := slices.Concat(op(OpRefFunc, f), end)
	null := []byte{byte(OpRefNull), byte(FuncRef), byte(OpEnd)}
	at := slices.Concat(i32(0), end)
	g.elem(1, f, void)
	g.elems = append(g.elems,
		slices.Concat([]byte{1, 0}, vec([]byte{byte(f)})),
		slices.Concat([]byte{2, 0}, at, []byte{0}, vec([]byte{byte(void)})),
		slices.Concat([]byte{3, 0}, vec([]byte{byte(f)})),
		slices.Concat([]byte{4}, at, vec(ref, null)),
		slices.Concat([]byte{5, byte(FuncRef)}, vec(ref)),
		slices.Concat([]byte{6, 0}, at, []byte{byte(FuncRef)}, vec(null)),
		slices.Concat([]byte{7, byte(FuncRef)}, vec(ref)))
	g.bytes(16, "hello").passive("later")
	g.custom("name", string(slices.Concat(
		appendSection(nil, subModule, appendName(nil, "everything")),
		appendSection(nil, subFuncs, vec(appendName([]byte{byte(h)}, "host"), appendName([]byte{byte(f)}, "f"))),
		appendSection(nil, subLocals, vec(slices.Concat([]byte{byte(f)}, vec(appendName([]byte{0}, "x"))))))))
	return g.custom("producers", "us")
}

func TestParseReadsEverySection(t *testing.T) {
	m, err := Parse(everything().wasm())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"types", len(m.Types), 3}, {"imports", len(m.Imports), 2}, {"functions", m.NumFuncs(), 3},
		{"tables", len(m.Tables), 1}, {"memories", len(m.Memories), 1}, {"globals", len(m.Globals), 4},
		{"exports", len(m.Exports), 3}, {"elements", len(m.Elements), 8}, {"bodies", len(m.Bodies), 2},
		{"data", len(m.Data), 2}, {"customs", len(m.Customs), 2}, {"locals", int(m.Bodies[0].Locals), 2},
	} {
		if c.got != c.want {
			t.Errorf("%d %s, want %d", c.got, c.what, c.want)
		}
	}
	f, ok := m.ExportedFunc("f")
	if !ok || f != 1 {
		t.Errorf("ExportedFunc(f) = %d, %v", f, ok)
	}
	if _, ok := m.ExportedFunc("memory"); ok {
		t.Error("a memory is taken for a function")
	}
	if ft, ok := m.FuncType(f); !ok || !slices.Equal(ft.Params, types(I32, I64)) {
		t.Errorf("FuncType(%d) = %v, %v", f, ft, ok)
	}
	if ft, ok := m.FuncType(0); !ok || !slices.Equal(ft.Params, types(I32)) {
		t.Errorf("FuncType(0) = %v, %v", ft, ok)
	}
	if _, ok := m.FuncType(3); ok {
		t.Error("function 3 exists")
	}
	if n := m.Names(); n.Module != "everything" || n.Funcs[f] != "f" {
		t.Errorf("names are %v", n)
	}
	if d := m.Data[0]; d.Mode != Active || string(d.Init) != "hello" {
		t.Errorf("data segment 0 is %v", d)
	}
}

func TestEncodeIsByteForByte(t *testing.T) {
	plain := everything().wasm()
	// A size written in five bytes, and a custom section first.
	odd := slices.Concat(header, []byte{0, 0x82, 0x80, 0x80, 0x80, 0x00, 1, 'x'}, plain[len(header):])
	for name, b := range map[string][]byte{"plain": plain, "odd": odd, "empty": header} {
		m, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := m.Encode(); !bytes.Equal(got, b) {
			t.Errorf("%s: got\n%x want\n%x", name, got, b)
		}
	}
}

// The assembler writes numbers as short as possible, as Encode does, so
// writing every section anew must change nothing either.
func TestEncodeAnewIsByteForByte(t *testing.T) {
	b := everything().wasm()
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slices.Clone(m.sections) {
		if s.id != secCustom {
			m.changed(s.id)
		}
	}
	if got := m.Encode(); !bytes.Equal(got, b) {
		t.Errorf("got\n%x want\n%x", got, b)
	}
}

func TestParseRefuses(t *testing.T) {
	code := func(code ...[]byte) []byte {
		g := &guest{}
		g.memory(1, 1)
		g.fn(nil, nil, nil, code...)
		return g.wasm()
	}
	sec := func(id sectionID, content ...byte) []byte {
		return appendSection(slices.Clone(header), id, content)
	}
	for _, c := range []struct {
		name    string
		wasm    []byte
		section string
		says    string
	}{
		{"nothing", nil, "module", "no WebAssembly core module"},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), "module", "no WebAssembly core module"},
		{"an unknown section", sec(14), "module", "unknown section number 14"},
		{"a section past the end", append(slices.Clone(header), 1, 9, 0), "type", "9 bytes, but only 1"},
		{"a size of six bytes", append(slices.Clone(header), 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0), "type", "does not fit in 32 bits"},
		{"sections out of order", append(sec(secFunction, 0), sec(secType, 0)[8:]...), "type", "before the function section"},
		{"a section twice", append(sec(secType, 0), sec(secType, 0)[8:]...), "type", "and once"},
		{"left over bytes", sec(secType, 0, 0), "type", "1 bytes too many"},
		{"a count no section could hold", sec(secType, 0xff, 0x7f), "type", "cannot fit"},
		{"a count over the limit", sec(secType, 0xff, 0xff, 0xff, 0xff, 0x0f), "type", "over the limit of 20000"},
		{"a struct type", sec(secType, 1, 0x5f, 0), "type", "form 0x5f"},
		{"a value type", sec(secType, 1, 0x60, 1, 0x01, 0), "type", "0x1 is not a value type"},
		{"a type not yet known", sec(secType, 1, 0x60, 1, 0x63, 0, 0), "type", "heap type 0"},
		{"a bad import kind", sec(secImport, 1, 0, 0, 9), "import", "not a kind of import"},
		{"a bad import name", sec(secImport, 1, 1, 0xff, 0, 0, 0), "import", "not UTF-8"},
		{"a function of no type", sec(secFunction, 1, 0), "function", "type 0 is out of range: there are 0"},
		{"a table too large", sec(secTable, 1, 0x70, 0, 0x80, 0x80, 0x80, 0x01), "table", "over the limit of 1048576"},
		{"a memory too large", sec(secMemory, 1, 0, 0x81, 0x80, 0x04), "memory", "over 65536"},
		{"a memory upside down", sec(secMemory, 1, 1, 2, 1), "memory", "smallest size 2 is over the largest, 1"},
		{"a shared memory without end", sec(secMemory, 1, 2, 1), "memory", "needs a largest size"},
		{"an init that calls", sec(secGlobal, 1, 0x7f, 0, 0x10, 0, 0x0b), "global", "not allowed in a constant expression"},
		{"an init without end", sec(secGlobal, 1, 0x7f, 0, 0x41, 0), "global", "has no end"},
		{"an export of nothing", sec(secExport, 1, 0, 0, 0), "export", "func 0 is out of range"},
		{"a start of nothing", sec(secStart, 0), "start", "function 0 is out of range"},
		{"a segment without table", sec(secElement, 1, 0, 0x41, 0, 0x0b, 0), "element", "needs a table"},
		{"a segment without memory", sec(secData, 1, 0, 0x41, 0, 0x0b, 0), "data", "needs a memory"},
		{"a missing code section", append(sec(secType, 1, 0x60, 0, 0), sec(secFunction, 1, 0)[8:]...), "module", "1 functions are declared, but there are 0 bodies"},
		{"a data count that lies", sec(secDataCount, 3), "module", "3 data segments are declared, but there are 0"},
		{"a name section that lies", sec(secCustom, append(appendName(nil, "name"), 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f)...), "name", "over the limit"},
		{"an unknown opcode", code([]byte{0xff}), "code", "opcode 0xff is not known"},
		{"an unknown vector opcode", code([]byte{0xfd, 0x9a, 0x01}), "code", "opcode 0xfd9a is not known"},
		{"a vector opcode in disguise", code([]byte{0xfd, 0x8b, 0x00, 0, 0}), "code", "more bytes than it needs"},
		{"a relaxed vector opcode", code([]byte{0xfd, 0x80, 0x02}), "code", "0x100 is not known"},
		{"a select of two", code([]byte{0x1c, 2, 0x7f, 0x7f}), "code", "must name one"},
		{"a wide memory index", code([]byte{0x3f, 0x80, 0}), "code", "more than one byte"},
		{"a branch too far", code(op(OpBr, 1)), "code", "label 1 is out of range"},
		{"an else alone", code(blk(OpBlock, op(OpElse))), "code", "outside an if"},
		{"code after the end", code(op(OpEnd), op(OpNop)), "code", "after the end"},
		{"an open block", code([]byte{byte(OpBlock), 0x40}), "code", "1 blocks open"},
		{"a call of nothing", code(op(OpCall, 1)), "code", "function 1 is out of range"},
		{"a local of nothing", code(op(OpLocalGet, 0)), "code", "local 0 is out of range"},
		{"a constant too wide", code([]byte{0x41, 0xff, 0xff, 0xff, 0xff, 0x1f}), "code", "does not fit in 32 bits"},
		{"a second memory", code([]byte{0x41, 0, 0x28, 0x42, 1, 0, 0x1a}), "code", "memory 1 is out of range"},
		{"memory.init without count", code(op(OpMemoryInit, 0, 0)), "code", "needs a data count section"},
	} {
		_, err := Parse(c.wasm)
		var pe *ParseError
		if !errors.As(err, &pe) {
			t.Errorf("%s: error is %v", c.name, err)
			continue
		}
		if pe.Section != c.section || !strings.Contains(pe.Message, c.says) {
			t.Errorf("%s: error is %q, want one of section %q that says %q", c.name, pe, c.section, c.says)
		}
	}
}

func TestParseErrorSaysWhere(t *testing.T) {
	g := &guest{}
	g.fn(nil, nil, nil, op(OpNop), []byte{0x27})
	b := g.wasm()
	_, err := Parse(b)
	var pe *ParseError
	if !errors.As(err, &pe) || b[pe.Offset] != 0x27 {
		t.Errorf("error is %v, want the offset of byte 0x27", err)
	}
}

func TestParseObeysLimits(t *testing.T) {
	b := everything().wasm()
	for name, zero := range map[string]func(*Limits){
		"bytes":     func(l *Limits) { l.ModuleBytes = len(b) - 1 },
		"types":     func(l *Limits) { l.Types = 2 },
		"params":    func(l *Limits) { l.Params = 1 },
		"imports":   func(l *Limits) { l.Imports = 1 },
		"functions": func(l *Limits) { l.Functions = 2 },
		"tables":    func(l *Limits) { l.Tables = 0 },
		"entries":   func(l *Limits) { l.TableEntries = 7 },
		"memories":  func(l *Limits) { l.Memories = 0 },
		"globals":   func(l *Limits) { l.Globals = 4 },
		"exports":   func(l *Limits) { l.Exports = 2 },
		"elements":  func(l *Limits) { l.Elements = 7 },
		"elem refs": func(l *Limits) { l.ElementEntries = 9 },
		"data":      func(l *Limits) { l.DataSegments = 1 },
		"customs":   func(l *Limits) { l.CustomSections = 1 },
		"body":      func(l *Limits) { l.BodyBytes = 5 },
		"locals":    func(l *Limits) { l.Locals = 3 },
	} {
		l := DefaultLimits()
		zero(&l)
		if _, err := ParseLimits(b, l); err == nil || !strings.Contains(err.Error(), "over the limit") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	deep := &guest{}
	deep.fn(nil, nil, nil, blk(OpBlock, blk(OpBlock, blk(OpBlock))), i32(0), []byte{byte(OpBrTable), 1, 0, 0})
	for name, zero := range map[string]func(*Limits){
		"nesting": func(l *Limits) { l.Nesting = 2 },
		"targets": func(l *Limits) { l.BranchTargets = 0 },
	} {
		l := DefaultLimits()
		zero(&l)
		if _, err := ParseLimits(deep.wasm(), l); err == nil || !strings.Contains(err.Error(), "over the limit") &&
			!strings.Contains(err.Error(), "than the limit") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}
