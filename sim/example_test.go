package sim_test

import (
	"fmt"
	"time"

	"github.com/raywasm/raywasm/sim"
	"github.com/raywasm/raywasm/spec"
)

// Four tasks of ten seconds on one node of two CPUs take twenty; its death in the meantime costs what it says.
func ExampleRun() {
	p := &sim.Program{Nodes: []sim.Node{{ID: 1, Total: spec.Resources{CPU: 2 * spec.Unit}}}}
	for i := range 4 {
		p.Tasks = append(p.Tasks, sim.Task{ID: i + 1, Need: spec.Resources{CPU: spec.Unit}, Duration: 10 * time.Second, Retries: 3})
	}
	r, err := sim.Run(p, sim.Options{})
	fmt.Println(r.Done, "done in", r.End, err)
	p.Faults = []sim.Fault{{Kind: sim.Dead, Node: 1, At: 15 * time.Second, End: 16 * time.Second}}
	r, err = sim.Run(p, sim.Options{})
	fmt.Println(r.Done, "done in", r.End.Round(time.Second), "and", r.Attempts, "attempts,", err)
	// Output:
	// 4 done in 20s <nil>
	// 4 done in 30s and 6 attempts, <nil>
}
