package resource_test

import (
	"fmt"

	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Two tasks share a GPU; a third one that wants a whole one gets the other.
func ExamplePool() {
	pool := resource.NewPool(resource.Of(spec.Resources{CPU: 4 * spec.Unit, GPU: 2 * spec.Unit}))
	half := resource.Vector{CPU: spec.Unit, GPU: spec.Unit / 2}
	fmt.Println("GPU", pool.Take(half), "and", pool.Take(half))
	whole := resource.Vector{GPU: spec.Unit}
	fmt.Println("GPU", pool.Take(whole))
	fmt.Println("free", pool.Free(), "lacks", pool.Lacks(half))
	// Output:
	// GPU [0] and [0]
	// GPU [1]
	// free {CPU: 2} lacks {GPU: 0.5}
}
