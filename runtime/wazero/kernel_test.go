package wazero

import (
	"encoding/binary"
	"slices"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// kernel is a module whose exports need all that an engine has to know of a module beside its code: a host function, types,
// tables and their elements, memory and data, a tag, a global, names. Functions are numbered as in its name section.
func kernel() []byte {
	const i32, none = byte(wasmbin.I32), 0x40
	const end = 0x0b
	var (
		nothing = []byte{0x60, 0, 0}           // type 0
		number  = []byte{0x60, 0, 1, i32}      // type 1
		unary   = []byte{0x60, 1, i32, 1, i32} // type 2
		taking  = []byte{0x60, 1, i32, 0}      // type 3
	)
	names := []string{"host", "double", "triple", "indirect", "by reference", "grow", "throws", "catches", "inner", "outer", "ask", "divide", "count", "read"}
	types := []byte{2, 2, 2, 1, 2, 3, 2, 0, 0, 2, 2, 1, 2} // of the functions from "double" on
	bodies := [][]byte{
		{0x20, 0, 0x41, 2, 0x6c},        // double: local 0 * 2
		{0x20, 0, 0x41, 3, 0x6c},        // triple
		{0x41, 21, 0x20, 0, 0x11, 2, 0}, // indirect: call_indirect (type 2) of entry local 0 with 21
		{ // by reference: table.set 2 (ref.func triple); call_indirect of entry 2 with 7
			0x41, 2, 0xd2, 2, 0x26, 0,
			0x41, 7, 0x41, 2, 0x11, 2, 0,
		},
		{0x20, 0, 0x40, 0}, // grow: memory.grow
		{0x20, 0, 0x08, 0}, // throws: throw 0
		{ // catches: what is thrown, plus one
			0x02, i32, 0x1f, none, 1, 0, 0, 0, 0x20, 0, 0x10, 6, end, 0x41, 0x7f, end, // block try_table (catch 0 0) call throws
			0x41, 1, 0x6a,
		},
		{0x00},                   // inner: unreachable
		{0x10, 8},                // outer: call inner
		{0x20, 0, 0x10, 0},       // ask: call host
		{0x41, 1, 0x20, 0, 0x6d}, // divide: 1 / local 0
		{0x23, 0, 0x41, 1, 0x6a, 0x24, 0, 0x23, 0}, // count: global 0 += 1
		{0x20, 0, 0x28, 2, 0},                      // read: i32.load
	}
	u32 := func(v int) []byte { return binary.AppendUvarint(nil, uint64(v)) }
	vec := func(items ...[]byte) []byte { return append(u32(len(items)), slices.Concat(items...)...) }
	name := func(s string) []byte { return append(u32(len(s)), s...) }
	var funcs, exports, code, named [][]byte
	for k, s := range names {
		named = append(named, append(u32(k), name(s)...))
		if k == 0 {
			continue
		}
		funcs = append(funcs, []byte{types[k-1]})
		exports = append(exports, append(append(name(s), 0), u32(k)...))
		body := append(append([]byte{0}, bodies[k-1]...), end)
		code = append(code, append(u32(len(body)), body...))
	}
	wasm := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content []byte) {
		wasm = append(append(append(wasm, id), u32(len(content))...), content...)
	}
	section(1, vec(nothing, number, unary, taking))
	section(2, vec(slices.Concat(name("env"), name("host"), []byte{0, 2})))
	section(3, vec(funcs...))
	section(4, vec([]byte{0x70, 0, 3}))                 // a table of 3 functions
	section(5, vec([]byte{1, 1, 4}))                    // a memory of 1 to 4 pages
	section(13, vec([]byte{0, 3}))                      // an exception with a number
	section(6, vec([]byte{i32, 1, 0x41, 0xe4, 0, end})) // a mutable global, 100 to begin with
	section(7, vec(append(exports, append(name("memory"), 2, 0))...))
	section(9, vec([]byte{0, 0x41, 0, end, 2, 1, 2})) // table: double, triple, null
	section(10, vec(code...))
	section(11, vec(append([]byte{0, 0x41, 8, end}, name("\x2a\x00\x00\x00")...)))
	sub := vec(named...)
	section(0, slices.Concat(name("name"), []byte{1}, u32(len(sub)), sub))
	return wasm
}
