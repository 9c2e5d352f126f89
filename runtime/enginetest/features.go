package enginetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// features: the same modules compile on every engine.
func (s suite) features(t *testing.T) {
	e := s.engine(t)
	body := func(params, results []wasmbin.ValType, code ...[]byte) []byte {
		var m module
		m.fn("f", params, results, code...)
		return m.wasm()
	}
	v128 := slices.Concat(op(0xfd0c), make([]byte, 16))
	var multi, bulk, extended, caught, tail module
	multi.fn("f", nil, types(i32, i32), const32(1), const32(2))
	bulk.memory(1, 1)
	bulk.fn("f", nil, nil, const32(0), const32(0), const32(0), op(opMemoryFill, 0))
	extended.global("g", i32, true, slices.Concat(const32(1), const32(2), op(wasmbin.OpI32Add)))
	caught.tag()
	caught.fn("f", nil, nil, []byte{0x02, 0x40, byte(wasmbin.OpTryTable), 0x40, 1, 2, 0}, op(wasmbin.OpThrow, 0), []byte{byte(wasmbin.OpEnd), byte(wasmbin.OpEnd)})
	tail.fn("f", nil, nil, op(wasmbin.OpReturnCall, 0))
	for name, wasm := range map[string][]byte{
		"multi-value":        multi.wasm(),
		"bulk memory":        bulk.wasm(),
		"reference types":    body(types(wasmbin.ExternRef), types(wasmbin.FuncRef), op(opRefNull, uint32(wasmbin.FuncRef))),
		"sign extension":     body(types(i32), types(i32), get(0), op(0xc0)),
		"saturating":         body(types(f32), types(i32), get(0), op(0xfc00)),
		"SIMD":               body(nil, types(i32), v128, op(0xfd1b), []byte{0}),
		"tail calls":         tail.wasm(),
		"extended constants": extended.wasm(),
		"exceptions":         caught.wasm(),
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
		"a wrong type":              body(nil, types(i32), const64(1)),
		"an unknown instruction":    body(nil, nil, []byte{0x27}),
		"a cut module":              body(nil, nil)[:20],
		"several memories":          (&module{memories: [][]byte{{0, 1}, {0, 1}}}).wasm(),
		"64-bit memory":             (&module{memories: [][]byte{{4, 1}}}).wasm(),
		"shared memory":             (&module{memories: [][]byte{{3, 1, 1}}}).wasm(),
		"typed function references": body(nil, nil, op(opRefNull, 0), op(wasmbin.OpCallRef, 0)),
		"structures":                (&module{types: [][]byte{{0x5f, 1, byte(i32), 0}}}).wasm(),
		"relaxed SIMD":              body(nil, nil, v128, v128, []byte{0xfd, 0x80, 0x02}, op(wasmbin.OpDrop)),
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
