package engine

import "fmt"

// TrapCode says what a guest did that no program may do. The list is that of the specification's traps (section 4.6),
// and the same for every engine.
type TrapCode uint8

const (
	// TrapOther is a trap that the engine has no better name for.
	TrapOther TrapCode = iota
	TrapUnreachable
	TrapMemoryOutOfBounds
	TrapTableOutOfBounds
	TrapIndirectCall // the entry called is null or of another type
	TrapDivideByZero
	TrapIntegerOverflow
	TrapInvalidConversion
	TrapStackOverflow
	TrapException // not caught
)

var trapNames = [...]string{
	TrapOther:             "trap",
	TrapUnreachable:       "unreachable code was executed",
	TrapMemoryOutOfBounds: "memory access out of bounds",
	TrapTableOutOfBounds:  "table access out of bounds",
	TrapIndirectCall:      "indirect call of a null or differently typed function",
	TrapDivideByZero:      "integer division by zero",
	TrapIntegerOverflow:   "integer overflow",
	TrapInvalidConversion: "conversion of a float that no integer can be",
	TrapStackOverflow:     "stack overflow",
	TrapException:         "an exception was not caught",
}

// String describes the trap for people.
func (c TrapCode) String() string {
	if int(c) >= len(trapNames) {
		return fmt.Sprintf("trap %d", uint8(c))
	}
	return trapNames[c]
}

// Trap is a trap with the stack of the guest, innermost frame first, as the engine prints it.
type Trap struct {
	Code  TrapCode
	Stack string
	Text  string // what the engine says, when Code is TrapOther
}

func (t *Trap) Error() string {
	if t.Code == TrapOther && t.Text != "" {
		return t.Text
	}
	return t.Code.String()
}
