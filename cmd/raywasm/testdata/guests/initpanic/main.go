// Initpanic panics before main: a module that cannot even say what it offers.
package main

import (
	"fmt"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

func init() {
	fmt.Fprintln(os.Stderr, "looking for the configuration")
	panic("there is no configuration")
}

var oneRemote = ray.Remote0(func() (int, error) { return 1, nil })

func main() { oneRemote.Remote() }
