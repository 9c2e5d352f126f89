package autoscaler_test

import (
	"fmt"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/spec"
)

// Five tasks of one CPU each and no node: two machines of four CPUs are wanted.
func ExampleAutoscaler_Step() {
	a := autoscaler.New("demo")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	actions := a.Step(now, autoscaler.Observation{
		Config: autoscaler.Config{MaxWorkers: 10, UpscalingSpeed: 1, IdleTimeout: 5 * time.Minute, Types: []autoscaler.NodeType{
			{Name: "small", Resources: spec.Resources{CPU: 4 * spec.Unit}, MaxWorkers: 10},
		}},
		Demands: []autoscaler.Demand{{Need: spec.Resources{CPU: spec.Unit}, Count: 5}},
	})
	for _, act := range actions {
		fmt.Println(act.Verb, act.ID)
	}
	// Output:
	// launch demo-small-1
	// launch demo-small-2
}
