package enginetest

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// module is a module under construction: just enough of an assembler to write the suite's guests down by hand.
// Functions, and whatever else has an index, are named by it; imported functions come first.
type module struct {
	types, imports, funcs, tables, memories, tags, globals, exports, elems, bodies, data [][]byte

	start *uint32
	count uint32 // functions so far
}

const (
	i32 = wasmbin.I32
	i64 = wasmbin.I64
	f32 = wasmbin.F32
	f64 = wasmbin.F64
)

func types(ts ...wasmbin.ValType) []wasmbin.ValType { return ts }

// typ returns the index of a function type.
func (m *module) typ(params, results []wasmbin.ValType) uint32 {
	t := []byte{0x60}
	for _, list := range [][]wasmbin.ValType{params, results} {
		t = appendU32(t, uint32(len(list)))
		for _, v := range list {
			t = append(t, byte(v))
		}
	}
	if i := slices.IndexFunc(m.types, func(u []byte) bool { return slices.Equal(t, u) }); i >= 0 {
		return uint32(i)
	}
	m.types = append(m.types, t)
	return uint32(len(m.types) - 1)
}

// imp imports a function of module "env".
func (m *module) imp(name string, params, results []wasmbin.ValType) uint32 {
	m.imports = append(m.imports, appendU32(append(names("env", name), byte(wasmbin.KindFunc)), m.typ(params, results)))
	m.count++
	return m.count - 1
}

// fn adds a function without locals; code is without its final end. It is exported if it has a name.
func (m *module) fn(name string, params, results []wasmbin.ValType, code ...[]byte) uint32 {
	m.funcs = append(m.funcs, appendU32(nil, m.typ(params, results)))
	body := append(append([]byte{0}, slices.Concat(code...)...), byte(wasmbin.OpEnd))
	m.bodies = append(m.bodies, append(appendU32(nil, uint32(len(body))), body...))
	if name != "" {
		m.export(name, wasmbin.KindFunc, m.count)
	}
	m.count++
	return m.count - 1
}

func (m *module) export(name string, kind wasmbin.Kind, index uint32) {
	m.exports = append(m.exports, appendU32(append(names(name), byte(kind)), index))
}

// global adds a global and exports it under its name.
func (m *module) global(name string, t wasmbin.ValType, mutable bool, init []byte) uint32 {
	b := []byte{byte(t), 0}
	if mutable {
		b[1] = 1
	}
	m.globals = append(m.globals, append(append(b, init...), byte(wasmbin.OpEnd)))
	m.export(name, wasmbin.KindGlobal, uint32(len(m.globals)-1))
	return uint32(len(m.globals) - 1)
}

// memory adds the memory, of min pages and at most max, and exports it as "memory".
func (m *module) memory(min, max uint32) {
	m.memories = append(m.memories, appendU32(appendU32([]byte{1}, min), max))
	m.export("memory", wasmbin.KindMemory, 0)
}

// bytes adds an active data segment.
func (m *module) bytes(offset int32, s string) {
	m.data = append(m.data, append(slices.Concat([]byte{0}, const32(offset), []byte{byte(wasmbin.OpEnd)}), names(s)...))
}

// table adds a table of functions: those given, then null ones up to size.
func (m *module) table(size uint32, funcs ...uint32) {
	m.tables = append(m.tables, appendU32([]byte{byte(wasmbin.FuncRef), 0}, size))
	m.segment(0, funcs...)
}

// segment adds an active segment, which puts functions into table 0 from an entry on.
func (m *module) segment(from int32, funcs ...uint32) {
	e := appendU32(slices.Concat([]byte{0}, const32(from), []byte{byte(wasmbin.OpEnd)}), uint32(len(funcs)))
	for _, f := range funcs {
		e = appendU32(e, f)
	}
	m.elems = append(m.elems, e)
}

// tag adds an exception tag that carries values of the given types.
func (m *module) tag(params ...wasmbin.ValType) {
	m.tags = append(m.tags, appendU32([]byte{0}, m.typ(params, nil)))
}

// wasm returns the module.
func (m *module) wasm() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = appendSection(out, id, append(appendU32(nil, uint32(len(items))), slices.Concat(items...)...))
		}
	}
	section(1, m.types)
	section(2, m.imports)
	section(3, m.funcs)
	section(4, m.tables)
	section(5, m.memories)
	section(13, m.tags)
	section(6, m.globals)
	section(7, m.exports)
	if m.start != nil {
		out = appendSection(out, 8, appendU32(nil, *m.start))
	}
	section(9, m.elems)
	section(10, m.bodies)
	section(11, m.data)
	return out
}

func appendSection(b []byte, id byte, content []byte) []byte {
	return append(appendU32(append(b, id), uint32(len(content))), content...)
}

func appendU32(b []byte, v uint32) []byte { return binary.AppendUvarint(b, uint64(v)) }

// appendS64 appends a signed LEB128 number (specification 5.2.2).
func appendS64(b []byte, v int64) []byte {
	for ; v < -0x40 || v >= 0x40; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v)&0x7f)
}

// names writes strings as names: length, bytes.
func names(list ...string) (b []byte) {
	for _, s := range list {
		b = append(appendU32(b, uint32(len(s))), s...)
	}
	return b
}

// Opcodes that package wasmbin has no name for.
const (
	opI32DivS     wasmbin.Op = 0x6d
	opI32RemU     wasmbin.Op = 0x70
	opI32Store    wasmbin.Op = 0x36
	opF64Mul      wasmbin.Op = 0xa2
	opI32TruncF32 wasmbin.Op = 0xa8
	opI64TruncF64 wasmbin.Op = 0xb0
	opRefNull     wasmbin.Op = 0xd0
	opMemoryFill  wasmbin.Op = 0xfc0b
	opTableGet               = wasmbin.OpTableGet
)

// op writes an instruction with indexes after it. Those of a prefixed family have the prefix in the high byte.
func op(o wasmbin.Op, indexes ...uint32) []byte {
	b := []byte{byte(o)}
	if o > 0xff {
		b = appendU32([]byte{byte(o >> 8)}, uint32(o&0xff))
	}
	for _, i := range indexes {
		b = appendU32(b, i)
	}
	return b
}

func get(local uint32) []byte { return op(wasmbin.OpLocalGet, local) }

func const32(v int32) []byte { return appendS64([]byte{byte(wasmbin.OpI32Const)}, int64(v)) }
func const64(v int64) []byte { return appendS64([]byte{byte(wasmbin.OpI64Const)}, v) }

func constF32(v float32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{byte(wasmbin.OpF32Const)}, math.Float32bits(v))
}

func constF64(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{byte(wasmbin.OpF64Const)}, math.Float64bits(v))
}
