package main_test

import (
	"runtime"
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

// The words of this repository are counted on three nodes: wherever there is room, then in a placement group that lies on
// all of them, and then while one of them dies.
func TestWordcountOnACluster(t *testing.T) {
	example := exampletest.OpenCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	dir := t.TempDir()
	want := expect(copyTexts(t, "../..", dir, ".md", ".go"), 50)
	args := []string{"-ext", ".md,.go", "-top", "50", "-chunk", "65536"}
	nodes := example.Cluster.Nodes
	count := func(t *testing.T, more ...string) exampletest.Result {
		got := example.Run(t, host.JobConfig{WorkingDir: dir, Args: append(more, args...)})
		if got.Status != 0 || got.Stdout != want {
			t.Errorf("status %d\n%s", got.Status, firstDifference(got.Stdout, want))
		}
		return got
	}
	for _, c := range []struct {
		name string
		args []string
	}{{"spillback", nil}, {"a group", []string{"-group", "3"}}} {
		t.Run(c.name, func(t *testing.T) {
			before := [2]int64{nodes[1].Usage().Hosted, nodes[2].Usage().Hosted}
			count(t, c.args...)
			for i, n := range nodes[1:] {
				if ran := n.Usage().Hosted - before[i]; ran == 0 {
					t.Errorf("node %d ran none of the tasks", i+1)
				} else {
					t.Logf("node %d ran %d tasks", i+1, ran)
				}
			}
		})
	}
	t.Run("a node dies", func(t *testing.T) {
		before := nodes[1].Usage().Hosted
		killed := make(chan int64)
		go func() {
			for nodes[1].Usage().Hosted < before+3 {
				runtime.Gosched()
			}
			example.Cluster.Kill(1)
			example.Cluster.Bury(t, 1)
			killed <- nodes[1].Usage().Hosted - before
		}()
		got := count(t)
		t.Logf("node 1 had begun %d tasks when it was killed; %d attempts were made again, and %d tasks for what was lost", <-killed, got.Stats.Retried, got.Stats.Rebuilt)
	})
}
