// Package exampletest runs an example as a job, for the example's own test: it builds the guest from the sources in the
// test's folder and runs it on a node in this process.
//
//	example := exampletest.Open(t, host.Config{})
//	got := example.Run(t, host.JobConfig{Args: []string{"-tasks", "3"}})
//
// What the job wrote is the test's to judge. That the job left nothing behind in the node is checked here.
package exampletest

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/clustertest"
	"github.com/raywasm/raywasm/internal/guesttest"
)

// guest builds the example.
var guest = guesttest.Go(".")

// Example is an example's module, loaded into an open node.
type Example struct {
	node   *host.Node
	module *host.Module
	// Cluster is the node's cluster; nil for one that is alone.
	Cluster *clustertest.Cluster
}

// Result is what a job left: what its driver wrote, its exit status and what was counted.
type Result struct {
	Stdout, Stderr string
	Status         int
	Stats          host.Stats
}

// Open builds the guest in the current folder, which in a test is that of its package, and loads it into a node of its
// own. The end of the test closes the node.
func Open(t testing.TB, cfg host.Config) *Example {
	t.Helper()
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	cfg.CacheDir = "off" // a test leaves nothing behind, and one module is loaded once
	node, err := host.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	module, err := node.Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return &Example{node: node, module: module}
}

// OpenCluster is Open for a cluster of nodes, whose first is the example's.
func OpenCluster(t testing.TB, configs ...host.Config) *Example {
	t.Helper()
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir() // one node compiles, and the others need not
	for i := range configs {
		configs[i].CacheDir = cache
	}
	cluster := clustertest.Open(t, configs...)
	return &Example{cluster.Nodes[0], cluster.Load(t, wasm), cluster}
}

// Run runs the example's driver as a job of the configuration, whose module and output it fills in. Whatever the driver
// writes to stderr appears in the test's log.
func (e *Example) Run(t testing.TB, cfg host.JobConfig) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cfg.Module, cfg.Stdout, cfg.Stderr = e.module, &stdout, &stderr
	job, err := e.node.NewJob(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	status, err := job.Run(t.Context())
	if err := job.Close(); err != nil {
		t.Error(err)
	}
	got := Result{stdout.String(), stderr.String(), status, job.Stats()}
	t.Logf("%q: status %d, %+v\n%s", cfg.Args, status, got.Stats, got.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	e.checkClean(t)
	return got
}

// Job begins a job of the example's module whose driver is the test. The end of the test closes it.
func (e *Example) Job(t testing.TB) *host.Job {
	t.Helper()
	job, err := e.node.NewJob(t.Context(), host.JobConfig{Module: e.module})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := job.Close(); err != nil {
			t.Error(err)
		}
	})
	return job
}

// checkClean checks that no job has left anything in the node.
func (e *Example) checkClean(t testing.TB) {
	t.Helper()
	u := e.node.Usage()
	if !reflect.DeepEqual(u.Free, u.Total) || u.Waiting != 0 {
		t.Errorf("a job has ended, and of %v only %v is free, with %d waiting", u.Total, u.Free, u.Waiting)
	}
	if u.Objects != 0 || u.References != 0 || u.StoreObjects != 0 || u.ObjectBytes != 0 || u.Actors != 0 {
		t.Errorf("a job has ended and left %+v", u)
	}
}
