package asm

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// Opcodes that package wasmbin has no name for.
const (
	OpI32Load8U   wasmbin.Op = 0x2d
	OpI64Load     wasmbin.Op = 0x29
	OpI64Store    wasmbin.Op = 0x37
	OpI32Store    wasmbin.Op = 0x36
	OpI32Store8   wasmbin.Op = 0x3a
	OpI32Eqz      wasmbin.Op = 0x45
	OpI32LtU      wasmbin.Op = 0x49
	OpI64Eq       wasmbin.Op = 0x51
	OpI32And      wasmbin.Op = 0x71
	OpI32DivS     wasmbin.Op = 0x6d
	OpI64TruncF64 wasmbin.Op = 0xb0
	OpI32TruncF32 wasmbin.Op = 0xa8
	OpF32Neg      wasmbin.Op = 0x8c
	OpF64Neg      wasmbin.Op = 0x9a
	OpMemoryFill  wasmbin.Op = 0xfc0b
	OpRefNull     wasmbin.Op = 0xd0
	OpF64Mul      wasmbin.Op = 0xa2
	OpI32RemU     wasmbin.Op = 0x70
)

// Op writes an instruction with indexes after it. Those of a prefixed family have the prefix in the high byte.
func Op(o wasmbin.Op, indexes ...uint32) []byte {
	b := []byte{byte(o)}
	if o > 0xff {
		b = appendU32([]byte{byte(o >> 8)}, uint32(o&0xff))
	}
	for _, i := range indexes {
		b = appendU32(b, i)
	}
	return b
}

// Access writes a load or store of what the natural alignment of is align, a power of two.
func Access(o wasmbin.Op, align uint32) []byte { return Op(o, align, 0) }

// Reading and writing locals and globals, and calls.

func Get(local uint32) []byte       { return Op(wasmbin.OpLocalGet, local) }
func Set(local uint32) []byte       { return Op(wasmbin.OpLocalSet, local) }
func GetGlobal(index uint32) []byte { return Op(wasmbin.OpGlobalGet, index) }
func SetGlobal(index uint32) []byte { return Op(wasmbin.OpGlobalSet, index) }
func CallFunc(index uint32) []byte  { return Op(wasmbin.OpCall, index) }

// Constants.

func Const32(v int32) []byte { return appendS64([]byte{byte(wasmbin.OpI32Const)}, int64(v)) }
func Const64(v int64) []byte { return appendS64([]byte{byte(wasmbin.OpI64Const)}, v) }

func ConstF32(v float32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{byte(wasmbin.OpF32Const)}, math.Float32bits(v))
}

func ConstF64(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{byte(wasmbin.OpF64Const)}, math.Float64bits(v))
}

// Block writes a block, loop or if without results around code.
func Block(o wasmbin.Op, code ...[]byte) []byte {
	return slices.Concat([]byte{byte(o), 0x40}, slices.Concat(code...), []byte{byte(wasmbin.OpEnd)})
}

// Forever writes a loop without end.
func Forever(code ...[]byte) []byte {
	return Block(wasmbin.OpLoop, slices.Concat(code...), Op(wasmbin.OpBr, 0))
}

// Add32 adds a constant to a local of type i32.
func Add32(local uint32, n int32) []byte {
	return slices.Concat(Get(local), Const32(n), Op(wasmbin.OpI32Add), Set(local))
}
