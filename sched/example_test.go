package sched_test

import (
	"fmt"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/spec"
)

// A node of one CPU grants a second request when the first lease is given back.
func ExampleNode_Step() {
	one := spec.Resources{CPU: spec.Unit}
	node := sched.NewNode(one)
	for _, ev := range []sched.Event{
		{Op: sched.Request, Lease: 1, Need: one, Hold: one},
		{Op: sched.Request, Lease: 2, Need: one, Hold: one},
		{Op: sched.Release, Lease: 1},
	} {
		for _, a := range node.Step(ev, nil) {
			fmt.Println("granted", a.Lease)
		}
		for _, p := range node.Pending(10) {
			fmt.Println("lease", p.Lease, "waits:", p.Text)
		}
	}
	// Output:
	// granted 1
	// lease 2 waits: needs {CPU: 1}, free {}
	// granted 2
}
