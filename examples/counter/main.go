// Counter is the job of "Scaling Python with Ray", example 5-14: it reads its arguments and its environment, and counts
// with an actor.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Counter is the state of an actor: it stays in the actor's sandbox from call to call.
type Counter struct{ counter int }

// NewCounter is the actor's constructor.
func NewCounter() (*Counter, error) { return &Counter{}, nil }

// Inc adds one and returns the sum.
func (c *Counter) Inc() (int, error) {
	c.counter++
	return c.counter, nil
}

// Get returns the sum so far.
func (c *Counter) Get() (int, error) { return c.counter, nil }

var (
	counters = ray.Actor0(NewCounter)
	inc      = ray.Method0((*Counter).Inc)
	get      = ray.Method0((*Counter).Get)
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "counter:", err)
		os.Exit(1)
	}
}

func run() error {
	args := make(kwargs)
	flag.Var(args, "kwargs", "a `name=value`; more may follow it, or the flag may be repeated")
	flag.Var(args, "k", "short for kwargs")
	flag.Parse()
	for _, more := range flag.Args() {
		if err := args.Set(more); err != nil {
			return err
		}
	}
	iterations, err := strconv.Atoi(args["iterations"])
	if err != nil {
		return fmt.Errorf("--kwargs iterations=N is needed: %w", err)
	}
	fmt.Println("Requested number of iterations is:", iterations)
	fmt.Println("Environment variable MY_VARIABLE has a value of", os.Getenv("MY_VARIABLE"))

	counter := counters.Remote()
	for range iterations {
		if _, err := inc.Remote(counter).Get(); err != nil {
			return err
		}
		n, err := get.Remote(counter).Get()
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil
}

// kwargs are arguments by name.
type kwargs map[string]string

func (k kwargs) String() string { return "" }

// Set adds a name=value.
func (k kwargs) Set(arg string) error {
	name, value, ok := strings.Cut(arg, "=")
	if !ok {
		return fmt.Errorf("%q is not a name=value", arg)
	}
	k[name] = value
	return nil
}
