//go:build !wasip1

package main

import (
	"fmt"
	"time"
)

var kernels = map[string]func(int32) int32{
	"fib": fib, "matmul": matmul, "sha": sha, "sorting": sorting, "jsons": jsons,
	"regexps": regexps, "hashmap": hashmap, "copying": copying, "nbody": nbody, "spectral": spectral,
}

// main reads lines of a kernel's name and an argument, runs that, and writes
// its result and the nanoseconds it took.
func main() {
	var name string
	var arg int32
	for {
		if _, err := fmt.Scan(&name, &arg); err != nil {
			return
		}
		start := time.Now()
		result := kernels[name](arg)
		fmt.Println(result, time.Since(start).Nanoseconds())
	}
}
