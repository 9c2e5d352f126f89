package host_test

import (
	"context"
	"fmt"

	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/peer/memory"
	"github.com/raywasm/raywasm/spec"
)

// example opens a node and a job of testdata/guest, which is built from source.
func example(ctx context.Context) (*host.Job, func(), error) {
	wasm, err := guest()
	if err != nil {
		return nil, nil, err
	}
	node, err := host.Open(ctx, host.Config{CacheDir: cache()})
	if err != nil {
		return nil, nil, err
	}
	module, err := node.Load(ctx, wasm)
	if err != nil {
		return nil, nil, err
	}
	job, err := node.NewJob(ctx, host.JobConfig{Module: module})
	return job, func() { _ = node.Close() }, err
}

// A Go program calls a function of a module and waits for its result.
func ExampleCall() {
	ctx := context.Background()
	job, done, err := example(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	sum, err := host.Call[int](ctx, job, "add", 1, 2)
	fmt.Println(sum, err)
	// Output: 3 <nil>
}

// A result that is not needed here goes on as an argument without being fetched.
func ExampleJob_Submit() {
	ctx := context.Background()
	job, done, err := example(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	three, err := job.Submit(ctx, "add", spec.TaskOptions{}, 1, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	sum, err := host.Call[int](ctx, job, "add", three[0], 39)
	fmt.Println(sum, err)
	three[0].Release()
	// Output: 42 <nil>
}

// An actor keeps its memory between calls.
func ExampleJob_NewActor() {
	ctx := context.Background()
	job, done, err := example(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	counter, err := job.NewActor(ctx, "Counter", spec.ActorOptions{Name: "visits"}, 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		n, err := host.CallMethod[int](ctx, counter, "Inc", 1)
		fmt.Println(n, err)
	}
	counter.Release()
	// Output:
	// 11 <nil>
	// 12 <nil>
	// 13 <nil>
}

// Two nodes of one process share their work: a task runs on the one that has what it needs.
func ExampleClusterConfig() {
	ctx := context.Background()
	wasm, err := guest()
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := local.Open(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	network := new(memory.Network)
	var nodes []*host.Node
	for _, gpus := range []float64{0, 1} {
		node, err := host.Open(ctx, host.Config{NumGPUs: gpus, CacheDir: cache(), Cluster: &host.ClusterConfig{Control: store, Network: network}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer node.Close()
		nodes = append(nodes, node)
	}
	if err := nodes[0].WaitForMembers(ctx, 2); err != nil {
		fmt.Println(err)
		return
	}
	module, err := nodes[0].Load(ctx, wasm)
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := nodes[0].NewJob(ctx, host.JobConfig{Module: module})
	if err != nil {
		fmt.Println(err)
		return
	}
	gpu := spec.Unit
	refs, err := job.Submit(ctx, "self", spec.TaskOptions{GPUs: &gpu})
	if err != nil {
		fmt.Println(err)
		return
	}
	self, err := host.Get[map[string]string](ctx, refs[0])
	fmt.Println(self["node"] == nodes[1].ID().String(), err)
	// Output: true <nil>
}
