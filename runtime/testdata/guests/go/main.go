// Command go is the Go guest of the runtime's tests.
package main

import (
	"fmt"
	"math/rand/v2"
)

var n int64 = 1000

//go:wasmexport count
func count() int64 { n++; fmt.Println("hello", n); return n }

//go:wasmexport random
func random() int64 { return rand.Int64() }

func main() {}
