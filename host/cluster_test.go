package host_test

import (
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/clustertest"
	"github.com/raywasm/raywasm/spec"
)

// openCluster opens a cluster and loads the guest into its first node.
func openCluster(t testing.TB, configs ...host.Config) (*clustertest.Cluster, *host.Module) {
	t.Helper()
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	for i := range configs {
		configs[i].CacheDir = cache()
	}
	c := clustertest.Open(t, configs...)
	return c, c.Load(t, wasm)
}

// here says to run on a node.
func here(n *host.Node) spec.TaskOptions {
	return spec.TaskOptions{Placement: &spec.Placement{Node: n.ID().String()}}
}

func TestATaskRunsOnAnotherNode(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	refs, err := j.Submit(t.Context(), "self", here(c.Nodes[1]))
	if err != nil {
		t.Fatal(err)
	}
	self, err := host.Get[map[string]any](t.Context(), refs[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Log(self)
	refs[0].Release()
	clean(t, c.Nodes[0], j)
}
