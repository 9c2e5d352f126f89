//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"errors"
	"strings"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
)

var trapCodes = map[wt.TrapCode]engine.TrapCode{
	wt.StackOverflow:          engine.TrapStackOverflow,
	wt.MemoryOutOfBounds:      engine.TrapMemoryOutOfBounds,
	wt.TableOutOfBounds:       engine.TrapTableOutOfBounds,
	wt.IndirectCallToNull:     engine.TrapIndirectCall,
	wt.BadSignature:           engine.TrapIndirectCall,
	wt.IntegerOverflow:        engine.TrapIntegerOverflow,
	wt.IntegerDivisionByZero:  engine.TrapDivideByZero,
	wt.BadConversionToInteger: engine.TrapInvalidConversion,
	wt.UnreachableCodeReached: engine.TrapUnreachable,
}

// exceptionText is what wasmtime says of an exception that nobody caught; it has no code.
const exceptionText = "thrown Wasm exception"

// trap reads wasmtime's report of a trap, which is
//
//	error while executing at wasm backtrace:
//	    0:     0x27 - <unknown>!inner
//	    1:     0x2a - <unknown>!outer
//	note: ...
//
//	Caused by:
//	    wasm trap: wasm `unreachable` instruction executed
//
// followed by "Stack backtrace:" and native frames if RUST_BACKTRACE asks for them.
func trap(t *wt.Trap) *engine.Trap {
	message, _, _ := strings.Cut(t.Message(), "\nStack backtrace:")
	stack, cause, ok := strings.Cut(message, "\nCaused by:")
	if !ok {
		stack, cause = "", message
	}
	out := &engine.Trap{Stack: frames(stack), Text: strings.TrimSpace(cause)}
	if c := t.Code(); c != nil {
		out.Code = trapCodes[*c]
	} else if strings.Contains(cause, exceptionText) {
		out.Code = engine.TrapException
	}
	if out.Code != engine.TrapOther {
		out.Text = ""
	}
	return out
}

// frames returns the lines of a backtrace that are frames.
func frames(backtrace string) string {
	var b strings.Builder
	for line := range strings.Lines(backtrace) {
		line = strings.TrimSpace(line)
		if number, _, ok := strings.Cut(line, ": "); ok && strings.Trim(number, "0123456789") == "" {
			b.WriteString(line + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// owned returns an error of wasmtime's as one of Go's, and frees the former.
func owned(err error) error {
	e, ok := err.(*wt.Error)
	if !ok {
		return err
	}
	defer e.Close()
	text, _, _ := strings.Cut(e.Error(), "\nStack backtrace:")
	return errors.New(strings.TrimSpace(text))
}
