// Immutable shows that an object never changes, example 5-2 of "Scaling Python with Ray": whoever gets it, gets a
// copy, and who sees it where it lies writes to a copy of that page.
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
	if err := show(object); err != nil {
		return err
	}
	return inPlace()
}

// inPlace shows the same of a large object that is read where it lies, without a copy.
func inPlace() error {
	draft, err := ray.NewDraft[ray.Array[float64]](1_000_000)
	if err != nil {
		return err
	}
	defer draft.Release()
	draft.Data()[0] = 1
	object, err := draft.Seal()
	if err != nil {
		return err
	}
	v, err := ray.ViewOf(object)
	if err != nil {
		return err
	}
	defer v.Release()
	v.Data()[0], draft.Data()[0] = 10, 100
	fmt.Println("written where it lies:", v.Data()[0], draft.Data()[0])
	again, err := ray.ViewOf(object)
	if err != nil {
		return err
	}
	defer again.Release()
	fmt.Println("the object:", again.Data()[0])
	return nil
}

func show(object ray.Ref[[]int]) error {
	v, err := object.Get()
	if err == nil {
		fmt.Println("the object:", v)
	}
	return err
}
