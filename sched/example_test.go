package sched_test

import (
	"fmt"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// A node of one CPU grants a second request when the first lease is given back.
func ExampleNode_Step() {
	one := resource.Of(spec.Resources{CPU: spec.Unit})
	task := &sched.Ask{Need: one, Hold: one}
	node := sched.NewNode(sched.Config{Pool: resource.NewPool(one)})
	for now, ev := range []sched.Event{
		{Op: sched.Request, Lease: 1, Ask: task},
		{Op: sched.Request, Lease: 2, Ask: task},
		{Op: sched.Release, Lease: 1},
	} {
		for _, a := range node.Step(int64(now), ev, nil) {
			fmt.Println("granted", a.Lease)
		}
		if why, waits := node.Why(2); waits {
			fmt.Println("lease 2 waits for", why.Reason, "-", why.Text)
		}
	}
	// Output:
	// granted 1
	// lease 2 waits for resources - it needs {CPU: 1}, {CPU: 1} more than is free
	// granted 2
}
