package workload_test

import (
	"fmt"

	"github.com/raywasm/raywasm/sim"
	"github.com/raywasm/raywasm/sim/workload"
	"github.com/raywasm/raywasm/spec"
)

// A file becomes a program, which runs on nodes of one's own or on those that an autoscaler brings.
func ExampleParse() {
	file, err := workload.Parse("nightly.yaml", []byte(`
workload: nightly
tasks:
- name: map
  count: 6
  duration: 30s
  needs: {CPU: 2}
`))
	if err != nil {
		panic(err)
	}
	program := file.Program()
	program.Nodes = []sim.Node{{ID: 1, Total: spec.Resources{CPU: 4 * spec.Unit}}}
	result, err := sim.Run(program, sim.Options{})
	fmt.Println(result.Done, "tasks in", result.End, err)

	_, err = workload.Parse("nightly.yaml", []byte("tasks:\n- name: map\n  needs: {cpu: 2}\n"))
	fmt.Println(err)
	// Output:
	// 6 tasks in 1m30s <nil>
	// read the workload file nightly.yaml: tasks[0].needs: cpu: did you mean CPU? (InvalidArgument)
}
