// Immutable shows that an object never changes, example 5-2 of "Scaling Python with Ray": whoever gets it, gets a
// copy.
package main

import (
	"fmt"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// double changes its argument.
func double(numbers []int) ([]int, error) {
	for i := range numbers {
		numbers[i] *= 2
	}
	return numbers, nil
}

var doubleRemote = ray.Remote1(double)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "immutable:", err)
		os.Exit(1)
	}
}

func run() error {
	object, err := ray.Put([]int{1})
	if err != nil {
		return err
	}
	v, err := object.Get()
	if err != nil {
		return err
	}
	v[0] = 10
	v = append(v, 2)
	fmt.Println("a changed copy:", v)
	if err := show(object); err != nil {
		return err
	}
	doubled, err := doubleRemote.RemoteRefs(object).Get()
	if err != nil {
		return err
	}
	fmt.Println("what a task made of it:", doubled)
	return show(object)
}

func show(object ray.Ref[[]int]) error {
	v, err := object.Get()
	if err == nil {
		fmt.Println("the object:", v)
	}
	return err
}
