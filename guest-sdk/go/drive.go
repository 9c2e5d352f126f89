package ray

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/raywasm/raywasm/spec"
)

// drive runs the program's main function and returns its exit status. A panic prints as Go prints it and is status 2;
// os.Exit ends the instance with its own.
func drive(program func(), stderr io.Writer) (status int32) {
	find(spec.CallFunction, nil) // seals the registry: what main makes remote, workers would not know
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "panic: %s\n\n%s", printPanic(p), debug.Stack())
			status = 2
		}
	}()
	program()
	return 0
}

// printPanic prints a panic's value as the runtime does.
func printPanic(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case fmt.Stringer:
		return p.String()
	case string:
		return p
	}
	return fmt.Sprintf("%T(%v)", p, p)
}
