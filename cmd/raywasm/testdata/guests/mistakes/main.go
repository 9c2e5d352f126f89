// Mistakes is the program whose mistakes the scripts look at: it makes the one that its first argument names.
package main

import (
	"errors"
	"fmt"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	double  = ray.Remote1(double_, ray.Retries(0))
	hungry  = ray.Remote0(eat, ray.Memory(64<<20), ray.Retries(0))
	endless = ray.Remote1(deeper, ray.Retries(0))
	trap    = ray.Remote1(divide, ray.Retries(0))
	exit    = ray.Remote0(leave, ray.Retries(0))
	panics  = ray.Remote0(panicHere, ray.Retries(0))
)

func double_(n int) (int, error) { return 2 * n, nil }

func eat() (n int, err error) {
	var all [][]byte
	for {
		all = append(all, make([]byte, 1<<20))
		n += len(all[len(all)-1])
	}
}

//go:noinline
func deeper(n int) (int, error) {
	below, err := deeper(n + 1)
	return below + 1, err
}

// divide ends the sandbox: a panic in a goroutine is nobody's to recover.
func divide(by int) (int, error) {
	done := make(chan int)
	go func() { done <- 1 / by }()
	return <-done, nil
}

func leave() (int, error) {
	os.Exit(3)
	return 0, nil
}

func panicHere() (int, error) {
	var m map[string]int
	m["nobody made"] = 1
	return 0, nil
}

func mistake(name string) error {
	var err error
	switch name {
	case "no function":
		_, err = ray.Named[int]("tripple").Remote(1).Get()
	case "too many arguments":
		_, err = ray.Named[int]("double_").Remote(1, 2).Get()
	case "wrong type":
		_, err = ray.Named[int]("double_").Remote("two").Get()
	case "wrong result":
		_, err = ray.Named[string]("double_").Remote(1).Get()
	case "too hungry":
		_, err = hungry.Remote().Get()
	case "endless recursion":
		_, err = endless.Remote(0).Get()
	case "trap":
		_, err = trap.Remote(0).Get()
	case "exit":
		_, err = exit.Remote().Get()
	case "panic":
		_, err = panics.Remote().Get()
	case "none":
		_, err = double.Remote(1).Get()
	}
	return err
}

func main() {
	err := mistake(os.Args[1])
	if err == nil {
		fmt.Println("no mistake")
		return
	}
	fmt.Fprintln(os.Stderr, err)
	var fault *ray.Fault
	if errors.As(err, &fault) {
		fmt.Fprint(os.Stderr, fault.Detail())
	}
	os.Exit(4)
}
