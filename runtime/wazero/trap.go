package wazero

import (
	"strings"

	"github.com/raywasm/raywasm/runtime/engine"
)

// trapTexts are the texts of wazero's runtime errors (internal/wasmruntime). Its types are internal, so the text is what
// there is to go by; a test makes every one of them happen.
var trapTexts = []struct {
	text string
	code engine.TrapCode
}{
	{"unreachable", engine.TrapUnreachable},
	{"out of bounds memory access", engine.TrapMemoryOutOfBounds},
	{"invalid table access", engine.TrapTableOutOfBounds},
	{"indirect call type mismatch", engine.TrapIndirectCall},
	{"integer divide by zero", engine.TrapDivideByZero},
	{"integer overflow", engine.TrapIntegerOverflow},
	{"invalid conversion to integer", engine.TrapInvalidConversion},
	{"stack overflow", engine.TrapStackOverflow},
	{"uncaught exception", engine.TrapException},
}

// stackHeading stands between wazero's message and the guest's stack.
const stackHeading = "wasm stack trace:"

// trap reads wazero's error: "wasm error: unreachable\nwasm stack trace:\n\t...".
func trap(err error) *engine.Trap {
	text, stack, _ := strings.Cut(err.Error(), stackHeading)
	text = strings.TrimSpace(text)
	t := &engine.Trap{Stack: frames(stack), Text: text}
	for _, known := range trapTexts {
		if strings.HasSuffix(text, known.text) {
			t.Code, t.Text = known.code, ""
			break
		}
	}
	return t
}

// frames cleans wazero's stack up: one frame a line, without tabs and the name of the module, which has none.
func frames(stack string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(stack)) {
		b.WriteString(strings.TrimPrefix(strings.TrimSpace(line), "."))
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
