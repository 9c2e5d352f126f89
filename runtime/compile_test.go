package wasmrt_test

import (
	"context"
	"testing"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
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

func TestWhatWouldTakeVeryLongToCompileIsRefused(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		rt := openRuntime(t, open)
		_, err := rt.Load(t.Context(), branchy(500), wasmrt.LoadConfig{})
		check(t, err)
		_, err = rt.Load(t.Context(), branchy(wasmrt.MaxBranches+1), wasmrt.LoadConfig{})
		wantKind(t, err, spec.LimitExceeded)
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
