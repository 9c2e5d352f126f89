package main

import (
	"fmt"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	tallyRemote  = ray.Remote1(tally)
	whereRemote  = ray.Remote1(where)
	spreadRemote = ray.Remote1(spread)
	lendRemote   = ray.Remote1(lend)
	sayRemote    = ray.Remote1(say)
)

// tree calls itself: as an initialiser it would depend on itself.
var treeRemote ray.Function1[int, int]

func init() { treeRemote = ray.Remote1(tree) }

// tree counts the leaves of a binary tree of tasks.
func tree(depth int) (int, error) {
	if depth == 0 {
		return 1, nil
	}
	left, right := treeRemote.Remote(depth-1), treeRemote.Remote(depth-1)
	values, err := ray.GetAll([]ray.Ref[int]{left, right})
	sum := 0
	for _, v := range values {
		sum += v
	}
	return sum, err
}

// tally computes for a while and returns what it was given.
func tally(n int) (int, error) {
	sink := 0
	for i := range 3_000_000 {
		sink += i ^ n
	}
	if sink == 42 {
		return 0, nil
	}
	return n, nil
}

// where returns the node that it runs on, and how long its argument is.
func where(b []byte) (string, error) { return ray.Self().Node, nil }

// spread returns refs to tasks that it has submitted and does not wait for.
func spread(n int) ([]ray.Ref[int], error) {
	refs := make([]ray.Ref[int], n)
	for i := range refs {
		refs[i] = tallyRemote.Remote(i)
	}
	return refs, nil
}

// lend puts an object and returns a ref to it.
func lend(n int) (ray.Ref[[]byte], error) { return ray.Put(make([]byte, n)) }

// say writes a line, and the beginning of another one.
func say(text string) (int, error) { return fmt.Printf("%s\nand no more", text) }
