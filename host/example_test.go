package host_test

import (
	"context"
	"fmt"

	"github.com/raywasm/raywasm/host"
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
