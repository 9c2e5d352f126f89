package wasmbin

import "fmt"

// ParseError says where a module is malformed or over a limit, and how.
type ParseError struct {
	// Section is the section being read, by the name the specification gives
	// it ("import", "code"), or "module" outside any section.
	Section string
	// Offset is where in the module the offending item begins, in bytes.
	Offset int
	// Message says what was wrong.
	Message string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("wasm: %s section, byte %#x: %s", e.Section, e.Offset, e.Message)
}
