package wasmbin

import "fmt"

// Op is an instruction's opcode: its byte, or for one of a prefixed family the
// prefix in the high byte and the number within the family in the low byte.
type Op uint16

// The opcodes that this package looks at. All others are known too, by their
// immediates (see shapes), but have no names here.
const (
	OpUnreachable        Op = 0x00
	OpNop                Op = 0x01
	OpBlock              Op = 0x02
	OpLoop               Op = 0x03
	OpIf                 Op = 0x04
	OpElse               Op = 0x05
	OpThrow              Op = 0x08
	OpThrowRef           Op = 0x0a
	OpEnd                Op = 0x0b
	OpBr                 Op = 0x0c
	OpBrIf               Op = 0x0d
	OpBrTable            Op = 0x0e
	OpReturn             Op = 0x0f
	OpCall               Op = 0x10
	OpCallIndirect       Op = 0x11
	OpReturnCall         Op = 0x12
	OpReturnCallIndirect Op = 0x13
	OpCallRef            Op = 0x14
	OpReturnCallRef      Op = 0x15
	OpDrop               Op = 0x1a
	OpSelect             Op = 0x1b
	OpSelectTyped        Op = 0x1c
	OpTryTable           Op = 0x1f
	OpLocalGet           Op = 0x20
	OpLocalSet           Op = 0x21
	OpLocalTee           Op = 0x22
	OpGlobalGet          Op = 0x23
	OpGlobalSet          Op = 0x24
	OpTableGet           Op = 0x25
	OpTableSet           Op = 0x26
	OpI32Load            Op = 0x28
	OpI64Store32         Op = 0x3e
	OpMemorySize         Op = 0x3f
	OpMemoryGrow         Op = 0x40
	OpI32Const           Op = 0x41
	OpI64Const           Op = 0x42
	OpF32Const           Op = 0x43
	OpF64Const           Op = 0x44
	OpI32Eq              Op = 0x46
	OpI32GtU             Op = 0x4b
	OpI32LeU             Op = 0x4d
	OpI64LtS             Op = 0x53
	OpI64GtU             Op = 0x56
	OpI32Add             Op = 0x6a
	OpI32Sub             Op = 0x6b
	OpI32Mul             Op = 0x6c
	OpI32Or              Op = 0x72
	OpI32ShrU            Op = 0x76
	OpI64Add             Op = 0x7c
	OpI64Sub             Op = 0x7d
	OpI64Mul             Op = 0x7e
	OpI64Shl             Op = 0x86
	OpI64ExtendI32U      Op = 0xad
	OpRefNull            Op = 0xd0
	OpRefFunc            Op = 0xd2
	OpBrOnNull           Op = 0xd5
	OpBrOnNonNull        Op = 0xd6

	OpMemoryInit Op = 0xfc08
	OpDataDrop   Op = 0xfc09
	OpMemoryCopy Op = 0xfc0a
	OpMemoryFill Op = 0xfc0b
	OpTableInit  Op = 0xfc0c
	OpElemDrop   Op = 0xfc0d
	OpTableCopy  Op = 0xfc0e
	OpTableGrow  Op = 0xfc0f
	OpTableSize  Op = 0xfc10
	OpTableFill  Op = 0xfc11

	OpV128Const Op = 0xfd0c

	OpAtomicNotify Op = 0xfe00
	OpAtomicWait32 Op = 0xfe01
	OpAtomicWait64 Op = 0xfe02
)

// Prefixes of the families of opcodes (specification 5.4.8 and after).
const (
	prefixMisc   = 0xfc // saturating conversions, bulk memory, tables
	prefixVector = 0xfd
	prefixAtomic = 0xfe
)

// String returns the opcode in hexadecimal.
func (op Op) String() string { return fmt.Sprintf("opcode %#x", uint16(op)) }

// shape says which immediates follow an opcode.
type shape byte

const (
	unknown   shape = iota
	plain           // none
	blockType       // a block type
	index           // one index: label, function, local, global, table, tag, segment
	index2          // two indexes
	brTable         // labels and a default
	tryTable        // a block type and catch clauses
	selectT         // the type of a select
	heapType        // a heap type
	memArg          // alignment and offset
	memLane         // alignment, offset and a lane
	lane            // a lane
	zero            // one byte that must be zero
	const32         // a signed LEB128 number
	const64         // a signed LEB128 number
	bytes4          // 4 bytes
	bytes8          // 8 bytes
	bytes16         // 16 bytes
	family          // none yet: a number that tells the opcode follows
)

// span gives the opcodes from first to last one shape.
type span struct {
	first, last byte
	shape       shape
}

func shapes(spans ...span) (t [256]shape) {
	for _, s := range spans {
		for op := int(s.first); op <= int(s.last); op++ {
			t[op] = s.shape
		}
	}
	return t
}

// The shapes of all instructions that wazero v1.12 knows under any of its
// feature flags: WebAssembly 2.0 (with 128-bit vectors), tail calls, atomics,
// exceptions (exnref) and typed function references.
var (
	plainShapes = shapes(
		span{0x00, 0x01, plain},
		span{0x02, 0x04, blockType},
		span{0x05, 0x05, plain},
		span{0x08, 0x08, index},
		span{0x0a, 0x0b, plain},
		span{0x0c, 0x0d, index},
		span{0x0e, 0x0e, brTable},
		span{0x0f, 0x0f, plain},
		span{0x10, 0x10, index},
		span{0x11, 0x11, index2},
		span{0x12, 0x12, index},
		span{0x13, 0x13, index2},
		span{0x14, 0x15, index},
		span{0x1a, 0x1b, plain},
		span{0x1c, 0x1c, selectT},
		span{0x1f, 0x1f, tryTable},
		span{0x20, 0x26, index},
		span{0x28, 0x3e, memArg},
		span{0x3f, 0x40, index},
		span{0x41, 0x41, const32},
		span{0x42, 0x42, const64},
		span{0x43, 0x43, bytes4},
		span{0x44, 0x44, bytes8},
		span{0x45, 0xc4, plain},
		span{0xd0, 0xd0, heapType},
		span{0xd1, 0xd1, plain},
		span{0xd2, 0xd2, index},
		span{0xd4, 0xd4, plain},
		span{0xd5, 0xd6, index},
		span{prefixMisc, prefixAtomic, family},
	)
	miscShapes = shapes(
		span{0x00, 0x07, plain},
		span{0x08, 0x08, index2},
		span{0x09, 0x09, index},
		span{0x0a, 0x0a, index2},
		span{0x0b, 0x0b, index},
		span{0x0c, 0x0c, index2},
		span{0x0d, 0x0d, index},
		span{0x0e, 0x0e, index2},
		span{0x0f, 0x11, index},
	)
	vectorShapes = shapes(
		span{0x00, 0x0b, memArg},
		span{0x0c, 0x0d, bytes16}, // v128.const and i8x16.shuffle
		span{0x0e, 0x14, plain},
		span{0x15, 0x22, lane},
		span{0x23, 0x53, plain},
		span{0x54, 0x5b, memLane},
		span{0x5c, 0x5d, memArg},
		span{0x5e, 0x99, plain},
		span{0x9b, 0xa1, plain},
		span{0xa3, 0xa4, plain},
		span{0xa7, 0xae, plain},
		span{0xb1, 0xb1, plain},
		span{0xb5, 0xba, plain},
		span{0xbc, 0xc1, plain},
		span{0xc3, 0xc4, plain},
		span{0xc7, 0xce, plain},
		span{0xd1, 0xd1, plain},
		span{0xd5, 0xe1, plain},
		span{0xe3, 0xed, plain},
		span{0xef, 0xff, plain},
	)
	atomicShapes = shapes(
		span{0x00, 0x02, memArg},
		span{0x03, 0x03, zero}, // atomic.fence
		span{0x10, 0x4e, memArg},
	)
)
