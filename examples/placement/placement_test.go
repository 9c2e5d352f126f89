package main_test

import (
	"strings"
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestPlacement(t *testing.T) {
	example := exampletest.Open(t, host.Config{NumCPUs: 6, NumGPUs: 2})
	const onlyCPUs = `group "" is CREATED, PACK:
  bundle 0: {CPU: 3}
  bundle 1: {CPU: 1}
available: 2 CPUs, 2 GPUs
in bundle 0 the square of 7 is 49
`
	const mixed = `group "mixed" is CREATED, PACK:
  bundle 0: {CPU: 1}
  bundle 1: {GPU: 1}
available: 5 CPUs, 1 GPUs
where there is a GPU: [1 1 1 1]
`
	for _, test := range []struct{ args, want string }{{"", onlyCPUs}, {"mixed", mixed}, {"mixed", mixed}} { // a group's name is free again
		got := example.Run(t, host.JobConfig{Args: strings.Fields(test.args)})
		if got.Status != 0 || got.Stdout != test.want || got.Stats.Failed != 0 {
			t.Errorf("%s: status %d, stdout:\n%s", test.args, got.Status, got.Stdout)
		}
	}
}

// TestPlacementWithoutAGPU: what can never be placed is an error that says what is lacking.
func TestPlacementWithoutAGPU(t *testing.T) {
	example := exampletest.Open(t, host.Config{NumCPUs: 4})
	got := example.Run(t, host.JobConfig{Args: []string{"mixed"}})
	if got.Status != 1 || !strings.Contains(got.Stderr, "it can never be placed: bundle 1 needs {GPU: 1}") {
		t.Errorf("status %d, stdout:\n%s\nstderr:\n%s", got.Status, got.Stdout, got.Stderr)
	}
}
