package wasmbin

import "slices"

// The tests' assembler: just enough to write modules down by hand. A guest is
// built by methods that return indexes; code is bytes put together by the
// functions below.

// guest is a module under construction.
type guest struct {
	types   [][]byte
	imports [][]byte
	funcs   []uint32
	tables  [][]byte
	mems    [][]byte
	tags    [][]byte
	globals [][]byte
	exports [][]byte
	start   *uint32
	elems   [][]byte
	bodies  [][]byte
	data    [][]byte
	count   bool // write a data count section
	nfuncs  uint32
	customs [][]byte
}

func types(ts ...ValType) []ValType { return ts }

func vec(items ...[]byte) []byte {
	return append(appendU32(nil, uint32(len(items))), slices.Concat(items...)...)
}

func valTypeVec(ts []ValType) []byte {
	b := appendU32(nil, uint32(len(ts)))
	for _, t := range ts {
		b = appendValType(b, t)
	}
	return b
}

func (g *guest) typ(params, results []ValType) uint32 {
	t := slices.Concat([]byte{formFunc}, valTypeVec(params), valTypeVec(results))
	if i := slices.IndexFunc(g.types, func(u []byte) bool { return slices.Equal(t, u) }); i >= 0 {
		return uint32(i)
	}
	g.types = append(g.types, t)
	return uint32(len(g.types) - 1)
}

// imp imports a function; imports come before functions.
func (g *guest) imp(module, name string, params, results []ValType) uint32 {
	b := append(appendName(appendName(nil, module), name), byte(KindFunc))
	g.imports = append(g.imports, appendU32(b, g.typ(params, results)))
	g.nfuncs++
	return g.nfuncs - 1
}

// fn adds a function; code is without its final end.
func (g *guest) fn(params, results, locals []ValType, code ...[]byte) uint32 {
	g.funcs = append(g.funcs, g.typ(params, results))
	body := appendU32(nil, uint32(len(locals)))
	for _, t := range locals {
		body = appendValType(append(body, 1), t)
	}
	body = append(append(body, slices.Concat(code...)...), byte(OpEnd))
	g.bodies = append(g.bodies, append(appendU32(nil, uint32(len(body))), body...))
	g.nfuncs++
	return g.nfuncs - 1
}

func (g *guest) export(name string, k Kind, i uint32) *guest {
	g.exports = append(g.exports, appendU32(append(appendName(nil, name), byte(k)), i))
	return g
}

func (g *guest) memory(min, max uint64) *guest {
	g.mems = append(g.mems, appendMemoryType(nil, MemoryType{Size: Size{Min: min, Max: max, HasMax: max > 0}}))
	return g
}

func (g *guest) table(t ValType, min, max uint64) *guest {
	g.tables = append(g.tables, appendTableType(nil, TableType{Type: t, Size: Size{Min: min, Max: max, HasMax: max > 0}}))
	return g
}

func (g *guest) global(t ValType, mutable bool, init ...[]byte) uint32 {
	b := appendGlobalType(nil, GlobalType{Type: t, Mutable: mutable})
	g.globals = append(g.globals, append(append(b, slices.Concat(init...)...), byte(OpEnd)))
	return uint32(len(g.globals) - 1)
}

// elem adds an active segment of functions at offset of table 0.
func (g *guest) elem(offset int32, funcs ...uint32) *guest {
	b := append(slices.Concat([]byte{0}, i32(offset)), byte(OpEnd))
	b = appendU32(b, uint32(len(funcs)))
	for _, f := range funcs {
		b = appendU32(b, f)
	}
	g.elems = append(g.elems, b)
	return g
}

// bytes adds an active data segment at offset.
func (g *guest) bytes(offset int32, s string) *guest {
	b := append(slices.Concat([]byte{dataActive}, i32(offset)), byte(OpEnd))
	g.data = append(g.data, appendName(b, s))
	return g
}

// passive adds a passive data segment.
func (g *guest) passive(s string) *guest {
	g.data = append(g.data, appendName([]byte{dataPassive}, s))
	g.count = true
	return g
}

func (g *guest) custom(name, content string) *guest {
	g.customs = append(g.customs, append(appendName(nil, name), content...))
	return g
}

// wasm returns the module.
func (g *guest) wasm() []byte {
	out := slices.Clone(header)
	add := func(id sectionID, items [][]byte) {
		if len(items) > 0 {
			out = appendSection(out, id, vec(items...))
		}
	}
	add(secType, g.types)
	add(secImport, g.imports)
	if len(g.funcs) > 0 {
		b := appendU32(nil, uint32(len(g.funcs)))
		for _, t := range g.funcs {
			b = appendU32(b, t)
		}
		out = appendSection(out, secFunction, b)
	}
	add(secTable, g.tables)
	add(secMemory, g.mems)
	add(secTag, g.tags)
	add(secGlobal, g.globals)
	add(secExport, g.exports)
	if g.start != nil {
		out = appendSection(out, secStart, appendU32(nil, *g.start))
	}
	add(secElement, g.elems)
	if g.count {
		out = appendSection(out, secDataCount, appendU32(nil, uint32(len(g.data))))
	}
	add(secCode, g.bodies)
	add(secData, g.data)
	for _, c := range g.customs {
		out = appendSection(out, secCustom, c)
	}
	return out
}

// op writes an instruction with index immediates.
func op(o Op, indexes ...uint32) []byte {
	var b []byte
	if o > 0xff {
		b = appendU32([]byte{byte(o >> 8)}, uint32(o&0xff))
	} else {
		b = []byte{byte(o)}
	}
	for _, i := range indexes {
		b = appendU32(b, i)
	}
	return b
}

func i32(v int32) []byte { return appendS64([]byte{byte(OpI32Const)}, int64(v)) }
func i64(v int64) []byte { return appendS64([]byte{byte(OpI64Const)}, v) }

// blk writes a block, loop or if without results around code.
func blk(o Op, code ...[]byte) []byte {
	return slices.Concat([]byte{byte(o), 0x40}, slices.Concat(code...), []byte{byte(OpEnd)})
}

// blkT is blk with a result of type t.
func blkT(o Op, t ValType, code ...[]byte) []byte {
	return slices.Concat([]byte{byte(o), byte(t)}, slices.Concat(code...), []byte{byte(OpEnd)})
}
