package wasmbin

import "strconv"

// ValType is a value type (specification 5.3.5). The low byte is the type's
// first byte; a reference written with an explicit heap type keeps that heap
// type, a signed 33-bit number, above it.
type ValType int64

// The value types of one byte.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
	ExnRef    ValType = 0x69
)

// First bytes of reference types written as (ref null ht) and (ref ht).
const (
	refNullable    = 0x63
	refNonNullable = 0x64
)

// IsNumeric says whether t is i32, i64, f32 or f64: a type whose values a
// host can read and write as 64 bits.
func (t ValType) IsNumeric() bool { return t >= F64 && t <= I32 }

// IsRef says whether values of type t are references.
func (t ValType) IsRef() bool { return !t.IsNumeric() && t != V128 }

// heap returns the heap type of a reference written with an explicit one.
func (t ValType) heap() (ht int64, explicit bool) {
	first := byte(t)
	return int64(t >> 8), first == refNullable || first == refNonNullable
}

// String returns the type as the text format writes it.
func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case ExnRef:
		return "exnref"
	}
	ht, _ := t.heap()
	name := strconv.FormatInt(ht, 10)
	switch ht {
	case heapFunc:
		name = "func"
	case heapExtern:
		name = "extern"
	case heapExn:
		name = "exn"
	}
	if byte(t) == refNullable {
		return "(ref null " + name + ")"
	}
	return "(ref " + name + ")"
}

// Abstract heap types (specification 5.3.3).
const (
	heapFunc   = -0x10
	heapExtern = -0x11
	heapExn    = -0x17
)

// FuncType is the type of a function: what it takes and what it returns.
type FuncType struct {
	Params, Results []ValType
}

// Size is the size range of a memory or a table (specification 5.3.8).
type Size struct {
	Min, Max uint64
	HasMax   bool
}

// MemoryType is a memory's type; its Size counts pages of 64 KiB.
type MemoryType struct {
	Size
	Shared   bool
	Memory64 bool // addresses are i64
}

// TableType is a table's type; its Size counts entries.
type TableType struct {
	Size
	Type    ValType // of the entries
	Table64 bool    // indexes are i64
}

// GlobalType is a global's type.
type GlobalType struct {
	Type    ValType
	Mutable bool
}
