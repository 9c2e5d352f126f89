//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"fmt"
	"math"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// Values are bits for us and typed for wasmtime-go. Floats pass through as they are: nothing here computes with them, so
// that even signalling NaNs keep their bits.

// goValue returns a value as wt.Func.Call takes it.
func goValue(t wasmbin.ValType, bits uint64) any {
	switch t {
	case wasmbin.I32:
		return int32(bits)
	case wasmbin.I64:
		return int64(bits)
	case wasmbin.F32:
		return math.Float32frombits(uint32(bits))
	default:
		return math.Float64frombits(bits)
	}
}

// wasmValue returns a value as globals and the results of host functions are set.
func wasmValue(t wasmbin.ValType, bits uint64) wt.Val {
	switch t {
	case wasmbin.I32:
		return wt.ValI32(int32(bits))
	case wasmbin.I64:
		return wt.ValI64(int64(bits))
	case wasmbin.F32:
		return wt.ValF32(math.Float32frombits(uint32(bits)))
	default:
		return wt.ValF64(math.Float64frombits(bits))
	}
}

// bits is the inverse of goValue.
func bits(v any) uint64 {
	switch v := v.(type) {
	case int32:
		return uint64(uint32(v))
	case int64:
		return uint64(v)
	case float32:
		return uint64(math.Float32bits(v))
	case float64:
		return math.Float64bits(v)
	}
	panic(fmt.Sprintf("wasmtime: a value of type %T in place of a number", v))
}

// valTypes returns types as wasmtime-go has them.
func valTypes(types []wasmbin.ValType) []*wt.ValType {
	kinds := map[wasmbin.ValType]wt.ValKind{wasmbin.I32: wt.KindI32, wasmbin.I64: wt.KindI64, wasmbin.F32: wt.KindF32, wasmbin.F64: wt.KindF64}
	out := make([]*wt.ValType, len(types))
	for k, t := range types {
		out[k] = wt.NewValType(kinds[t])
	}
	return out
}
