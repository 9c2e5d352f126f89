package host_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// TestEveryNodeKnowsWhatTheClusterHas: its status shows all nodes, and so do the numbers that guests ask for.
func TestEveryNodeKnowsWhatTheClusterHas(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 2})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	if got := get[[2]float64](t, submit(t, j, "cpus", here(c.Nodes[1]))); got != [2]float64{3, 2} {
		t.Errorf("on the other node there are %v CPUs", got)
	}
	spins := submit(t, j, "spin", here(c.Nodes[1]), true)
	for _, n := range c.Nodes {
		for !strings.Contains(n.Status().Autoscaler.String(), "1.0/3.0 CPU") {
			runtime.Gosched()
		}
		if text := n.Status().Autoscaler.String(); !strings.Contains(text, "1 node_"+c.Nodes[0].ID().String()) || !strings.Contains(text, "1 node_"+c.Nodes[1].ID().String()) {
			t.Errorf("the status lacks nodes:\n%s", text)
		}
	}
	if err := spins.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	failed(t, spins, spec.TaskCancelled)
	ended(t, j, c.Nodes...)
}
