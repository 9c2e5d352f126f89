//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"errors"
	"strings"
	"testing"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
)

func TestTrapStackNamesFunctions(t *testing.T) {
	i := start(t, `(module $guest (func $inner unreachable) (func $outer (export "f") call $inner))`, 0)
	var trap *engine.Trap
	if err := i.Func("f").Call(t.Context(), nil); !errors.As(err, &trap) {
		t.Fatal(err)
	}
	lines := strings.Split(trap.Stack, "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], "guest!inner") || !strings.HasSuffix(lines[1], "guest!outer") {
		t.Errorf("the stack is %q", trap.Stack)
	}
}

func TestTrapWithoutName(t *testing.T) {
	i := start(t, `(module (func (export "f") (throw_ref (ref.null exn))))`, 0)
	var trap *engine.Trap
	if err := i.Func("f").Call(t.Context(), nil); !errors.As(err, &trap) {
		t.Fatal(err)
	}
	if trap.Code != engine.TrapOther || !strings.Contains(trap.Error(), "null reference") {
		t.Errorf("got %q with code %d", trap, trap.Code)
	}
}

// TestNativeBacktraceIsCut: what RUST_BACKTRACE adds to a report is no business of the guest's.
func TestNativeBacktraceIsCut(t *testing.T) {
	raw := wt.NewTrap("error while executing at wasm backtrace:\n" +
		"    0:     0x27 - m!f\n" +
		"note: using the `WASMTIME_BACKTRACE_DETAILS=1` environment variable may show more debugging information\n\n" +
		"Caused by:\n    something went wrong\n\n" +
		"Stack backtrace:\n   0: std::backtrace::Backtrace::create\n")
	defer raw.Close()
	got := trap(raw)
	if want := (engine.Trap{Stack: "0:     0x27 - m!f", Text: "something went wrong"}); *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
}
