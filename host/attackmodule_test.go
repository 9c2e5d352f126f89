package host_test

import (
	"encoding/binary"
	"slices"
	"strconv"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// Modules made by hand, for what no compiler emits.

// WebAssembly's opcodes and types, as far as they are needed here.
const (
	opUnreachable = 0x00
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opEnd         = 0x0b
	opBr          = 0x0c
	opBrIf        = 0x0d
	opCall        = 0x10
	opDrop        = 0x1a
	opMemoryGrow  = 0x40
	opI32Const    = 0x41
	opI32Load     = 0x28
	opI32Ne       = 0x47
	opMisc        = 0xfc
	opRefNull     = 0xd0

	miscMemoryFill = 11
	miscTableGrow  = 15

	typeI32  = 0x7f
	typeFunc = 0x70
	typeNone = 0x40
)

// uleb and sleb are LEB128.
func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sleb(n int32) []byte {
	var b []byte
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func i32Const(n int32) []byte { return append([]byte{opI32Const}, sleb(n)...) }

// section is one section: its id, and its content with the length before it.
func section(id byte, content ...[]byte) []byte {
	body := slices.Concat(content...)
	return slices.Concat([]byte{id}, uleb(len(body)), body)
}

// text is a name.
func text(s string) []byte { return append(uleb(len(s)), s...) }

// handmade is a module that describes one function, "run", which is code.
type handmade struct {
	code     []byte // of ray_call, beginning on an empty stack and ending with an i32 on it
	describe []byte // runs before the description is given
	start    []byte // of a start function; nil for none
	locals   int    // of ray_call
	more     int    // functions beside
	exports  int    // exports beside
}

// Indexes of its functions: the import first.
const (
	fnRet = iota
	fnDescribe
	fnCall
	fnStart
)

// bytes returns the binary.
func (h handmade) bytes(t testing.TB) []byte {
	desc, err := spec.Marshal(&spec.Description{ABI: spec.ABIVersion, Functions: []spec.Function{{Name: "run"}}})
	if err != nil {
		t.Fatal(err)
	}
	const at = 1024 // of the description
	body := func(locals int, code []byte) []byte {
		b := []byte{0}
		if locals > 0 {
			b = slices.Concat([]byte{1}, uleb(locals), []byte{typeI32})
		}
		b = slices.Concat(b, code, []byte{opEnd})
		return append(uleb(len(b)), b...)
	}
	describe := slices.Concat(h.describe, i32Const(at), i32Const(int32(len(desc))), i32Const(0), i32Const(0), []byte{opCall, fnRet})
	functions := slices.Concat([]byte{1, 2, 3}, make([]byte, h.more)) // their types
	for i := range h.more {
		functions[3+i] = 3
	}
	exports := slices.Concat(text("memory"), []byte{2, 0}, text(spec.ExportDescribe), []byte{0, fnDescribe}, text(spec.ExportCall), []byte{0, fnCall})
	for i := range h.exports {
		exports = append(append(exports, text("export "+strconv.Itoa(i))...), 0, fnCall)
	}
	bodies := slices.Concat(body(0, describe), body(h.locals, h.code), body(0, h.start))
	for range h.more {
		bodies = append(bodies, body(0, nil)...)
	}
	wasm := slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, uleb(4), // types
			[]byte{0x60, 4, typeI32, typeI32, typeI32, typeI32, 1, typeI32}, []byte{0x60, 0, 1, typeI32}, []byte{0x60, 2, typeI32, typeI32, 1, typeI32}, []byte{0x60, 0, 0}),
		section(2, uleb(1), text(spec.ABIModule), text("ret"), []byte{0, 0}),
		section(3, uleb(3+h.more), functions),
		section(4, uleb(1), []byte{typeFunc, 0, 1}), // a table of 1 that may grow
		section(5, uleb(1), []byte{0, 1}),           // a memory of 1 page that may grow
		section(7, uleb(3+h.exports), exports))
	if h.start != nil {
		wasm = append(wasm, section(8, []byte{fnStart})...)
	}
	return slices.Concat(wasm, section(10, uleb(3+h.more), bodies),
		section(11, uleb(1), []byte{0}, i32Const(at), []byte{opEnd}, uleb(len(desc)), desc))
}

// repeat is code that runs for ever.
func repeat(code ...[]byte) []byte {
	return slices.Concat([]byte{opLoop, typeNone}, slices.Concat(code...), []byte{opBr, 0, opEnd})
}

// until is code that runs until it leaves -1 on the stack.
func until(code ...[]byte) []byte {
	return slices.Concat([]byte{opLoop, typeNone}, slices.Concat(code...), i32Const(-1), []byte{opI32Ne, opBrIf, 0, opEnd})
}

// nested is n blocks within each other.
func nested(n int) []byte {
	return slices.Concat(slices.Repeat([]byte{opBlock, typeNone}, n), slices.Repeat([]byte{opEnd}, n))
}
