// Placement reserves bundles of resources together and runs functions in them: examples 5-7 to 5-9 of "Scaling Python with
// Ray".
package main

import (
	"fmt"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// square returns the square of x.
func square(x int) (int, error) { return x * x, nil }

// fill returns n ones; imagine that it needs a GPU for that.
func fill(n int) ([]float32, error) {
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	return ones, nil
}

var (
	squareRemote = ray.Remote1(square)
	fillRemote   = ray.Remote1(fill, ray.CPUs(0), ray.GPUs(1))
)

func main() {
	example := onlyCPUs
	if len(os.Args) > 1 && os.Args[1] == "mixed" {
		example = mixed
	}
	if err := example(); err != nil {
		fmt.Fprintln(os.Stderr, "placement:", err)
		os.Exit(1)
	}
}

// onlyCPUs is example 5-8: a large bundle and a small one, and a function that runs in the large one.
func onlyCPUs() error {
	group, err := reserve("", ray.Bundle{CPUs: 3}, ray.Bundle{CPUs: 1})
	if err != nil {
		return err
	}
	n, err := squareRemote.With(ray.InGroupBundle(group, 0)).Remote(7).Get()
	if err != nil {
		return err
	}
	fmt.Println("in bundle 0 the square of 7 is", n)
	return group.Remove()
}

// mixed is example 5-9: a bundle of CPUs and one with a GPU. The group has a name, by which any job in the namespace finds it.
func mixed() error {
	if _, err := reserve("mixed", ray.Bundle{CPUs: 1}, ray.Bundle{GPUs: 1}); err != nil {
		return err
	}
	group, err := ray.FindPlacementGroup("mixed")
	if err != nil {
		return err
	}
	ones, err := fillRemote.With(ray.InPlacementGroup(group)).Remote(4).Get()
	if err != nil {
		return err
	}
	fmt.Println("where there is a GPU:", ones)
	return group.Remove()
}

// reserve makes a group, waits for its place, and prints what is known of it and what is left of the cluster.
func reserve(name string, bundles ...ray.Bundle) (ray.Group, error) {
	group, err := ray.PlacementGroup(ray.GroupOptions{Name: name, Bundles: bundles})
	if err != nil {
		return group, err
	}
	if _, err := group.Ready().Get(); err != nil {
		return group, err
	}
	table, err := group.Table()
	if err != nil {
		return group, err
	}
	fmt.Printf("group %q is %s, %s:\n", table.Name, table.State, table.Strategy)
	for i, b := range table.Bundles {
		fmt.Printf("  bundle %d: %v\n", i, b.Resources)
	}
	free, err := ray.AvailableResources()
	fmt.Printf("available: %v CPUs, %v GPUs\n", free.CPU, free.GPU)
	return group, err
}
