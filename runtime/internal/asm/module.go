package asm

import (
	"encoding/binary"
	"slices"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// Module is a module under construction: just enough of an assembler to write guests down by hand. Functions, and
// whatever else has an index, are named by it; imported functions come first. Code is bytes put together by the
// functions below.
type Module struct {
	Types, Imports, Memories [][]byte // each as in its section
	Start                    *uint32  // function
	DataCount                bool     // write a data count section: the code names data segments

	funcs, tables, tags, globals, exports, elems, bodies, data [][]byte

	count uint32 // functions so far
}

const (
	I32  = wasmbin.I32
	I64  = wasmbin.I64
	F32  = wasmbin.F32
	F64  = wasmbin.F64
	V128 = wasmbin.V128
)

// Page is the unit of memory sizes, in bytes.
const Page = 64 << 10

// Types is a list of types.
func Types(ts ...wasmbin.ValType) []wasmbin.ValType { return ts }

// Type returns the index of a function type.
func (m *Module) Type(params, results []wasmbin.ValType) uint32 {
	t := []byte{0x60}
	for _, list := range [][]wasmbin.ValType{params, results} {
		t = appendU32(t, uint32(len(list)))
		for _, v := range list {
			t = append(t, byte(v))
		}
	}
	if i := slices.IndexFunc(m.Types, func(u []byte) bool { return slices.Equal(t, u) }); i >= 0 {
		return uint32(i)
	}
	m.Types = append(m.Types, t)
	return uint32(len(m.Types) - 1)
}

// Import imports a function.
func (m *Module) Import(module, name string, params, results []wasmbin.ValType) uint32 {
	m.Imports = append(m.Imports, appendU32(append(Names(module, name), byte(wasmbin.KindFunc)), m.Type(params, results)))
	m.count++
	return m.count - 1
}

// WASI imports a function of WASI, which returns an errno.
func (m *Module) WASI(name string, params ...wasmbin.ValType) uint32 {
	return m.Import("wasi_snapshot_preview1", name, params, Types(I32))
}

// Exit imports proc_exit.
func (m *Module) Exit() uint32 {
	return m.Import("wasi_snapshot_preview1", "proc_exit", Types(I32), nil)
}

// ImportOther imports something that is no function: kind and type as the binary format has them.
func (m *Module) ImportOther(name string, kind wasmbin.Kind, typ ...byte) {
	m.Imports = append(m.Imports, append(append(Names("env", name), byte(kind)), typ...))
}

// Func adds a function without locals; code is without its final end. It is exported if it has a name.
func (m *Module) Func(name string, params, results []wasmbin.ValType, code ...[]byte) uint32 {
	return m.FuncLocals(name, params, results, nil, code...)
}

// FuncLocals adds a function with locals, whose indexes follow those of the parameters.
func (m *Module) FuncLocals(name string, params, results, locals []wasmbin.ValType, code ...[]byte) uint32 {
	m.funcs = append(m.funcs, appendU32(nil, m.Type(params, results)))
	body := appendU32(nil, uint32(len(locals)))
	for _, t := range locals {
		body = append(body, 1, byte(t))
	}
	body = append(append(body, slices.Concat(code...)...), byte(wasmbin.OpEnd))
	m.bodies = append(m.bodies, append(appendU32(nil, uint32(len(body))), body...))
	if name != "" {
		m.Export(name, wasmbin.KindFunc, m.count)
	}
	m.count++
	return m.count - 1
}

// Next is the index of the function that is added next.
func (m *Module) Next() uint32 { return m.count }

// Export exports something under a name.
func (m *Module) Export(name string, kind wasmbin.Kind, index uint32) {
	m.exports = append(m.exports, appendU32(append(Names(name), byte(kind)), index))
}

// Global adds a global. init is code.
func (m *Module) Global(t wasmbin.ValType, mutable bool, init []byte) uint32 {
	b := []byte{byte(t), 0}
	if mutable {
		b[1] = 1
	}
	m.globals = append(m.globals, append(append(b, init...), byte(wasmbin.OpEnd)))
	return uint32(len(m.globals) - 1)
}

// Memory adds a memory of min pages and, if it is given, at most max.
func (m *Module) Memory(min uint32, max ...uint32) {
	b := appendU32([]byte{byte(len(max))}, min)
	for _, n := range max {
		b = appendU32(b, n)
	}
	m.Memories = append(m.Memories, b)
}

// Bytes adds an active data segment, at an offset that is code.
func (m *Module) Bytes(offset []byte, s string) {
	m.data = append(m.data, append(slices.Concat([]byte{0}, offset, []byte{byte(wasmbin.OpEnd)}), Names(s)...))
}

// Table adds a table of functions: those given, then null ones up to size.
func (m *Module) Table(size uint32, funcs ...uint32) {
	m.tables = append(m.tables, appendU32([]byte{byte(wasmbin.FuncRef), 0}, size))
	m.Segment(0, funcs...)
}

// Segment adds an active segment, which puts functions into table 0 from an entry on.
func (m *Module) Segment(from int32, funcs ...uint32) {
	e := appendU32(slices.Concat([]byte{0}, Const32(from), []byte{byte(wasmbin.OpEnd)}), uint32(len(funcs)))
	for _, f := range funcs {
		e = appendU32(e, f)
	}
	m.elems = append(m.elems, e)
}

// Tag adds an exception tag that carries values of the given types.
func (m *Module) Tag(params ...wasmbin.ValType) {
	m.tags = append(m.tags, appendU32([]byte{0}, m.Type(params, nil)))
}

// Binary returns the module.
func (m *Module) Binary() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = appendSection(out, id, append(appendU32(nil, uint32(len(items))), slices.Concat(items...)...))
		}
	}
	section(1, m.Types)
	section(2, m.Imports)
	section(3, m.funcs)
	section(4, m.tables)
	section(5, m.Memories)
	section(13, m.tags)
	section(6, m.globals)
	section(7, m.exports)
	if m.Start != nil {
		out = appendSection(out, 8, appendU32(nil, *m.Start))
	}
	section(9, m.elems)
	if m.DataCount {
		out = appendSection(out, 12, appendU32(nil, uint32(len(m.data))))
	}
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

// Names writes strings as names: length, bytes.
func Names(list ...string) (b []byte) {
	for _, s := range list {
		b = append(appendU32(b, uint32(len(s))), s...)
	}
	return b
}
