// Flaky runs a remote function that crashes now and then, example 5-1 of "Scaling Python with Ray". A crashed task is
// run again, and its caller sees the result as if nothing had happened.
package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Result is what a task returns.
type Result struct {
	X       int
	Attempt int // 0 for the first
}

// flaky ends its sandbox one time in oneIn, and returns x otherwise. Every attempt runs in a fresh sandbox with random
// numbers of its own.
func flaky(x, oneIn int) (Result, error) {
	if rand.IntN(oneIn) == 0 {
		os.Exit(0)
	}
	return Result{x, ray.Self().Attempt}, nil
}

var flakyRemote = ray.Remote2(flaky)

func main() {
	tasks := flag.Int("tasks", 60, "how many tasks to run")
	oneIn := flag.Int("one-in", 3, "a task crashes one time in so many; 1 is always")
	retries := flag.Int("retries", 3, "how often a crashed task is run again: 0 never, -1 until it returns")
	flag.Parse()
	if err := run(*tasks, *oneIn, *retries); err != nil {
		fmt.Fprintln(os.Stderr, "flaky:", err)
		os.Exit(1)
	}
}

func run(tasks, oneIn, retries int) error {
	call := flakyRemote.With(ray.Retries(retries)) // 3 is also what a function has that says nothing
	refs := make([]ray.Ref[Result], tasks)
	for x := range refs {
		refs[x] = call.Remote(x, oneIn)
	}
	returned, retried, crashed := 0, 0, 0
	for x, ref := range refs {
		switch result, err := ref.Get(); {
		case errors.Is(err, ray.WorkerCrashed): // even the last attempt
			crashed++
			fmt.Fprintf(os.Stderr, "task %d: %v\n", x, err)
		case err != nil:
			return err
		case result.X != x:
			return fmt.Errorf("task %d returned %d", x, result.X)
		default:
			returned++
			retried += result.Attempt
		}
	}
	fmt.Printf("%d tasks returned the right result, after %d retries\n", returned, retried)
	fmt.Printf("%d tasks crashed in every attempt\n", crashed)
	return nil
}
