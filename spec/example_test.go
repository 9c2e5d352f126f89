package spec_test

import (
	"errors"
	"fmt"

	"github.com/raywasm/raywasm/spec"
)

func ExampleError() {
	fault := &spec.Fault{Type: "*fs.PathError", Message: "open ledger: no such file"}
	err := error(&spec.Error{Op: "call Ledger.Load", Kind: spec.ActorDied, ID: "actor e8702085", Err: fault})
	fmt.Println(err)

	// A caller branches by the kind or by any of its ancestors.
	fmt.Println(errors.Is(err, spec.ActorDied), errors.Is(err, spec.ActorError), errors.Is(err, spec.TaskError))

	// What the guest said of it is there for those who look.
	var said *spec.Fault
	if errors.As(err, &said) {
		fmt.Println(said.Type)
	}
	// Output:
	// call Ledger.Load actor e8702085: open ledger: no such file (ActorDied)
	// true true false
	// *fs.PathError
}

func ExampleMarshalError() {
	form := spec.MarshalError(spec.Errorf("find", spec.NotFound, `actor "ledger"`, "no actor has that name in this namespace"))

	err, malformed := spec.UnmarshalError(form) // on the other side
	fmt.Println(err, malformed)
	fmt.Println(errors.Is(err, spec.NotFound))
	// Output:
	// find actor "ledger": no actor has that name in this namespace (NotFound) <nil>
	// true
}

func ExampleKind_Parent() {
	for k := spec.StackOverflow; k != 0; k = k.Parent() {
		fmt.Println(k)
	}
	// Output:
	// StackOverflow
	// GuestTrap
	// WorkerCrashed
	// Error
}

func ExampleQ() {
	half, err := spec.Q(0.5)
	fmt.Println(half, half+spec.Unit, err)

	_, err = spec.Q(0.00001)
	fmt.Println(err)
	// Output:
	// 0.5 1.5 <nil>
	// read a quantity: 1e-05 is finer than 0.0001 (InvalidArgument)
}

func ExampleParseBytes() {
	n, err := spec.ParseBytes("1.5GiB")
	fmt.Println(n, spec.FormatBytes(n), err)

	_, err = spec.ParseBytes("lots")
	fmt.Println(err)
	// Output:
	// 1610612736 1.5 GiB <nil>
	// read a size "lots": want a number of bytes such as 500MiB or 2GiB (InvalidArgument)
}

func ExampleTaskOptions_Over() {
	call := spec.TaskOptions{MaxRetries: new(int32(0))}
	function := spec.TaskOptions{MaxRetries: new(int32(5)), CPUs: new(2 * spec.Unit)}
	options := call.Over(function)
	fmt.Println(*options.MaxRetries, options.Resources(spec.Unit))
	// Output: 0 {CPU: 2}
}

func ExampleTaskID_Object() {
	driver := spec.DriverTaskID(spec.JobNumber(1))
	put := driver.Object(spec.FirstPutIndex)
	fmt.Println(put.Task() == driver, put.IsPut(), put.Task().Job())
	// Output: true true 01000000
}
