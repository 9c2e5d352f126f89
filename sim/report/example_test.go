package report_test

import (
	"os"
	"time"

	"github.com/raywasm/raywasm/sim"
	"github.com/raywasm/raywasm/sim/report"
	"github.com/raywasm/raywasm/spec"
)

// A recorder watches a run, and tells what it came to.
func Example() {
	program := &sim.Program{Nodes: []sim.Node{{ID: 1, Type: "worker", Total: spec.Resources{CPU: 2 * spec.Unit}}}}
	for i := range 8 {
		program.Tasks = append(program.Tasks, sim.Task{ID: i + 1, Class: "map", Need: spec.Resources{CPU: spec.Unit}, Duration: 15 * time.Minute, Bundle: -1})
	}
	recorder := report.NewRecorder()
	result, err := sim.Run(program, recorder.Watch(sim.Options{}))
	if err != nil {
		panic(err)
	}
	if err := recorder.Report(result, map[string]float64{"worker": 0.50}).WriteText(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// 8 tasks in 1h0m0s, of which 0 failed; 8 attempts
	// CPU: 100% used (2.00 CPU hours of 2.00 CPU hours)
	// cost: 0.50
	//
	// TASKS  COUNT  BEGINS  WAIT P50  P95    MAX
	// map    8      8       30m0s     45m0s  45m0s
	//
	// NODES   COUNT  HOURS  COST
	// worker  1      1.00   0.50
}
