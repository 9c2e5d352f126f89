package api_test

import (
	"context"
	"fmt"
	"os"

	"github.com/raywasm/raywasm/api"
	"github.com/raywasm/raywasm/host"
)

// A program lets its node be seen, and another one on the same machine looks at it.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "raywasm")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	node, err := host.Open(ctx, host.Config{NumCPUs: 4})
	if err != nil {
		panic(err)
	}
	defer node.Close()
	server, err := api.Serve(node, dir) // "" for the usual directory
	if err != nil {
		panic(err)
	}
	defer server.Close()

	clients, err := api.Find(dir)
	if err != nil {
		panic(err)
	}
	for _, c := range clients {
		status, err := c.Status(ctx)
		if err != nil {
			panic(err)
		}
		fmt.Println(status.Autoscaler.Usage[0].Used, "of", status.Autoscaler.Usage[0].Total, status.Autoscaler.Usage[0].Resource)
	}
	// Output: 0 of 4 CPU
}
