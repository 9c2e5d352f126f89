package wasmrt_test

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// assembly is a module under construction: just enough of an assembler to write guests down by hand. Functions, and
// whatever else has an index, are named by it; imported functions come first. Code is bytes put together by the
// functions below.
type assembly struct {
	types, imports, funcs, tables, memories, tags, globals, exports, elems, bodies, data [][]byte

	start     *uint32
	dataCount bool   // write a data count section: the code names data segments
	count     uint32 // functions so far
}

const (
	i32  = wasmbin.I32
	i64  = wasmbin.I64
	f32  = wasmbin.F32
	f64  = wasmbin.F64
	v128 = wasmbin.V128
)

// page is the unit of memory sizes, in bytes.
const page = 64 << 10

func types(ts ...wasmbin.ValType) []wasmbin.ValType { return ts }

// typ returns the index of a function type.
func (a *assembly) typ(params, results []wasmbin.ValType) uint32 {
	t := []byte{0x60}
	for _, list := range [][]wasmbin.ValType{params, results} {
		t = appendU32(t, uint32(len(list)))
		for _, v := range list {
			t = append(t, byte(v))
		}
	}
	if i := slices.IndexFunc(a.types, func(u []byte) bool { return slices.Equal(t, u) }); i >= 0 {
		return uint32(i)
	}
	a.types = append(a.types, t)
	return uint32(len(a.types) - 1)
}

// imp imports a function.
func (a *assembly) imp(module, name string, params, results []wasmbin.ValType) uint32 {
	a.imports = append(a.imports, appendU32(append(names(module, name), byte(wasmbin.KindFunc)), a.typ(params, results)))
	a.count++
	return a.count - 1
}

// wasi imports a function of WASI, which returns an errno.
func (a *assembly) wasi(name string, params ...wasmbin.ValType) uint32 {
	return a.imp("wasi_snapshot_preview1", name, params, types(i32))
}

// exit imports proc_exit.
func (a *assembly) exit() uint32 {
	return a.imp("wasi_snapshot_preview1", "proc_exit", types(i32), nil)
}

// importOther imports something that is no function: kind and type as the binary format has them.
func (a *assembly) importOther(name string, kind wasmbin.Kind, typ ...byte) {
	a.imports = append(a.imports, append(append(names("env", name), byte(kind)), typ...))
}

// fn adds a function without locals; code is without its final end. It is exported if it has a name.
func (a *assembly) fn(name string, params, results []wasmbin.ValType, code ...[]byte) uint32 {
	return a.fnLocals(name, params, results, nil, code...)
}

// fnLocals adds a function with locals, whose indexes follow those of the parameters.
func (a *assembly) fnLocals(name string, params, results, locals []wasmbin.ValType, code ...[]byte) uint32 {
	a.funcs = append(a.funcs, appendU32(nil, a.typ(params, results)))
	body := appendU32(nil, uint32(len(locals)))
	for _, t := range locals {
		body = append(body, 1, byte(t))
	}
	body = append(append(body, slices.Concat(code...)...), byte(wasmbin.OpEnd))
	a.bodies = append(a.bodies, append(appendU32(nil, uint32(len(body))), body...))
	if name != "" {
		a.export(name, wasmbin.KindFunc, a.count)
	}
	a.count++
	return a.count - 1
}

func (a *assembly) export(name string, kind wasmbin.Kind, index uint32) {
	a.exports = append(a.exports, appendU32(append(names(name), byte(kind)), index))
}

func (a *assembly) global(t wasmbin.ValType, mutable bool, init []byte) uint32 {
	b := []byte{byte(t), 0}
	if mutable {
		b[1] = 1
	}
	a.globals = append(a.globals, append(append(b, init...), byte(wasmbin.OpEnd)))
	return uint32(len(a.globals) - 1)
}

// memory adds a memory of min pages and, if it is given, at most max.
func (a *assembly) memory(min uint32, max ...uint32) {
	b := appendU32([]byte{byte(len(max))}, min)
	for _, n := range max {
		b = appendU32(b, n)
	}
	a.memories = append(a.memories, b)
}

// bytes adds an active data segment, at an offset that is code.
func (a *assembly) bytes(offset []byte, s string) {
	a.data = append(a.data, append(slices.Concat([]byte{0}, offset, []byte{byte(wasmbin.OpEnd)}), names(s)...))
}

// table adds a table of functions: those given, then null ones up to size.
func (a *assembly) table(size uint32, funcs ...uint32) {
	a.tables = append(a.tables, appendU32([]byte{byte(wasmbin.FuncRef), 0}, size))
	e := appendU32(slices.Concat([]byte{0}, const32(0), []byte{byte(wasmbin.OpEnd)}), uint32(len(funcs)))
	for _, f := range funcs {
		e = appendU32(e, f)
	}
	a.elems = append(a.elems, e)
}

// tag adds an exception tag without values.
func (a *assembly) tag() { a.tags = append(a.tags, appendU32([]byte{0}, a.typ(nil, nil))) }

// wasm returns the module.
func (a *assembly) wasm() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = appendSection(out, id, append(appendU32(nil, uint32(len(items))), slices.Concat(items...)...))
		}
	}
	section(1, a.types)
	section(2, a.imports)
	section(3, a.funcs)
	section(4, a.tables)
	section(5, a.memories)
	section(13, a.tags)
	section(6, a.globals)
	section(7, a.exports)
	if a.start != nil {
		out = appendSection(out, 8, appendU32(nil, *a.start))
	}
	section(9, a.elems)
	if a.dataCount {
		out = appendSection(out, 12, appendU32(nil, uint32(len(a.data))))
	}
	section(10, a.bodies)
	section(11, a.data)
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
	opI32Load8U   wasmbin.Op = 0x2d
	opI64Load     wasmbin.Op = 0x29
	opI64Store    wasmbin.Op = 0x37
	opI32Store    wasmbin.Op = 0x36
	opI32Store8   wasmbin.Op = 0x3a
	opI32Eqz      wasmbin.Op = 0x45
	opI32LtU      wasmbin.Op = 0x49
	opI64Eq       wasmbin.Op = 0x51
	opI32And      wasmbin.Op = 0x71
	opI32DivS     wasmbin.Op = 0x6d
	opI64TruncF64 wasmbin.Op = 0xb0
	opI32TruncF32 wasmbin.Op = 0xa8
	opF32Neg      wasmbin.Op = 0x8c
	opF64Neg      wasmbin.Op = 0x9a
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

// access writes a load or store of what the natural alignment of is align, a power of two.
func access(o wasmbin.Op, align uint32) []byte { return op(o, align, 0) }

func get(local uint32) []byte       { return op(wasmbin.OpLocalGet, local) }
func set(local uint32) []byte       { return op(wasmbin.OpLocalSet, local) }
func getGlobal(index uint32) []byte { return op(wasmbin.OpGlobalGet, index) }
func setGlobal(index uint32) []byte { return op(wasmbin.OpGlobalSet, index) }
func callFunc(index uint32) []byte  { return op(wasmbin.OpCall, index) }

func const32(v int32) []byte { return appendS64([]byte{byte(wasmbin.OpI32Const)}, int64(v)) }
func const64(v int64) []byte { return appendS64([]byte{byte(wasmbin.OpI64Const)}, v) }

func constF32(v float32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{byte(wasmbin.OpF32Const)}, math.Float32bits(v))
}

func constF64(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{byte(wasmbin.OpF64Const)}, math.Float64bits(v))
}

// block writes a block, loop or if without results around code.
func block(o wasmbin.Op, code ...[]byte) []byte {
	return slices.Concat([]byte{byte(o), 0x40}, slices.Concat(code...), []byte{byte(wasmbin.OpEnd)})
}

// forever writes a loop without end.
func forever(code ...[]byte) []byte {
	return block(wasmbin.OpLoop, slices.Concat(code...), op(wasmbin.OpBr, 0))
}

// add32 adds a constant to a local of type i32.
func add32(local uint32, n int32) []byte {
	return slices.Concat(get(local), const32(n), op(wasmbin.OpI32Add), set(local))
}
