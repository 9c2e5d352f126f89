package enginetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// features: the same modules compile on every engine.
func (s suite) features(t *testing.T) {
	e := s.engine(t)
	body := func(params, results []wasmbin.ValType, code ...[]byte) []byte {
		var m module
		m.Func("f", params, results, code...)
		return m.Binary()
	}
	v128 := slices.Concat(asm.Op(0xfd0c), make([]byte, 16))
	var multi, bulk, extended, caught, tail module
	multi.Func("f", nil, asm.Types(asm.I32, asm.I32), asm.Const32(1), asm.Const32(2))
	bulk.memory(1, 1)
	bulk.Func("f", nil, nil, asm.Const32(0), asm.Const32(0), asm.Const32(0), asm.Op(asm.OpMemoryFill, 0))
	extended.global("g", asm.I32, true, slices.Concat(asm.Const32(1), asm.Const32(2), asm.Op(wasmbin.OpI32Add)))
	caught.Tag()
	caught.Func("f", nil, nil, []byte{0x02, 0x40, byte(wasmbin.OpTryTable), 0x40, 1, 2, 0}, asm.Op(wasmbin.OpThrow, 0), []byte{byte(wasmbin.OpEnd), byte(wasmbin.OpEnd)})
	tail.Func("f", nil, nil, asm.Op(wasmbin.OpReturnCall, 0))
	for name, wasm := range map[string][]byte{
		"multi-value":        multi.Binary(),
		"bulk memory":        bulk.Binary(),
		"reference types":    body(asm.Types(wasmbin.ExternRef), asm.Types(wasmbin.FuncRef), asm.Op(asm.OpRefNull, uint32(wasmbin.FuncRef))),
		"sign extension":     body(asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(0xc0)),
		"saturating":         body(asm.Types(asm.F32), asm.Types(asm.I32), asm.Get(0), asm.Op(0xfc00)),
		"SIMD":               body(nil, asm.Types(asm.I32), v128, asm.Op(0xfd1b), []byte{0}),
		"tail calls":         tail.Binary(),
		"extended constants": extended.Binary(),
		"exceptions":         caught.Binary(),
	} {
		c, err := e.Compile(t.Context(), wasm)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		check(t, c.Close())
	}
	for name, wasm := range map[string][]byte{
		"nothing":                   {},
		"a component":               []byte("\x00asm\x0d\x00\x01\x00"),
		"a wrong type":              body(nil, asm.Types(asm.I32), asm.Const64(1)),
		"an unknown instruction":    body(nil, nil, []byte{0x27}),
		"a cut module":              body(nil, nil)[:20],
		"several memories":          (&asm.Module{Memories: [][]byte{{0, 1}, {0, 1}}}).Binary(),
		"64-bit memory":             (&asm.Module{Memories: [][]byte{{4, 1}}}).Binary(),
		"shared memory":             (&asm.Module{Memories: [][]byte{{3, 1, 1}}}).Binary(),
		"typed function references": body(nil, nil, asm.Op(asm.OpRefNull, 0), asm.Op(wasmbin.OpCallRef, 0)),
		"structures":                (&asm.Module{Types: [][]byte{{0x5f, 1, byte(asm.I32), 0}}}).Binary(),
		"relaxed SIMD":              body(nil, nil, v128, v128, []byte{0xfd, 0x80, 0x02}, asm.Op(wasmbin.OpDrop)),
	} {
		c, err := e.Compile(t.Context(), wasm)
		if err == nil {
			check(t, c.Close())
			t.Errorf("%s: compiled", name)
		} else if !errors.Is(err, spec.InvalidModule) {
			t.Errorf("%s: got %v, want InvalidModule", name, err)
		}
	}
}
