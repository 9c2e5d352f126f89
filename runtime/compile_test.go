package wasmrt_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// branchy is a module whose function has so many ifs.
func branchy(ifs int) []byte {
	var a assembly
	var code []byte
	for range ifs {
		code = append(code, 0x20, 0, 0x04, 0x40, 0x20, 0, 0x21, 0, 0x0b) // local.get 0; if; local.get 0; local.set 0; end
	}
	a.Func("f", asm.Types(asm.I32), nil, code)
	return a.Binary()
}

// repeated is a module whose function has the code so many times over.
func repeated(times int, code ...[]byte) []byte {
	var a assembly
	a.Memory(1)
	f := a.Func("f", asm.Types(asm.I32), nil, bytes.Repeat(slices.Concat(code...), times))
	a.Table(1, f)
	return a.Binary()
}

func TestWhatWouldTakeVeryLongToCompileIsRefused(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		rt := openRuntime(t, open)
		_, err := rt.Load(t.Context(), branchy(500), wasmrt.LoadConfig{})
		check(t, err)
		for name, wasm := range map[string][]byte{
			"branches":        branchy(wasmrt.MaxBranches + 1),
			"calls":           repeated(wasmrt.MaxBranches+1, asm.Get(0), asm.CallFunc(0)),
			"growing":         repeated(wasmrt.MaxBranches+1, asm.Get(0), asm.Op(wasmbin.OpMemoryGrow, 0), asm.Op(wasmbin.OpDrop)),
			"filling":         repeated(wasmrt.MaxBranches+1, asm.Get(0), asm.Get(0), asm.Get(0), asm.Op(wasmbin.OpMemoryFill, 0)),
			"references":      repeated(wasmrt.MaxBranches+1, asm.Op(wasmbin.OpRefFunc, 0), asm.Op(wasmbin.OpDrop)),
			"calls by tables": repeated(wasmrt.MaxBranches+1, asm.Get(0), asm.Get(0), asm.Op(wasmbin.OpCallIndirect, 0, 0)),
		} {
			if _, err = rt.Load(t.Context(), wasm, wasmrt.LoadConfig{}); spec.KindOf(err) != spec.LimitExceeded {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestCompilationEndsWithItsContext(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := openRuntime(t, engines[0].open).Load(ended, branchy(501), wasmrt.LoadConfig{})
	wantKind(t, err, spec.TaskCancelled)
	late, end := context.WithDeadline(t.Context(), time.Now())
	defer end()
	_, err = openRuntime(t, engines[0].open).Load(late, branchy(501), wasmrt.LoadConfig{})
	wantKind(t, err, spec.DeadlineExceeded)
}
